"""What a person says about an object: clicks, a box, a painted mask; and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tam_edit.errors import InputError
from tam_edit.types import Mask, ObjectId, Point

# How far a box may reach beyond the picture, of its width or height: more is in pixels of another.
MOST_BEYOND = 0.1


@dataclass(frozen=True, kw_only=True, eq=False)
class Prompts:
    """Everything that was said about one object on one frame.

    Attributes:
        positive: Points on the object, in source pixels, in the order they were given.
        negative: Points that are not on the object.
        box: A rectangle around the object, ``(x0, y0, x1, y1)``, half-open, in source pixels.
        mask: The painted object at source size; where it is given, it *is* the result, and
            clicks beside it correct it.
        gone: The object is not in the picture from this frame on, up to the next frame on which
            something is said of it. Nothing else is said beside it.
        gone_last: The last frame of which that is said; what comes after it is as though nothing
            had been said. None where it holds up to the next frame on which something is said.
    """

    positive: tuple[Point, ...] = ()
    negative: tuple[Point, ...] = ()
    box: tuple[float, float, float, float] | None = None
    mask: Mask | None = field(default=None, repr=False)
    gone: bool = False
    gone_last: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing was said."""
        return not (self.says_where or self.negative or self.gone)

    @property
    def says_where(self) -> bool:
        """Whether anything says where the object is."""
        return bool(self.positive) or self.box is not None or self.mask is not None

    @property
    def is_confirmed(self) -> bool:
        """Whether more than one click or box says it, or a painted mask, or that it is gone."""
        said_count = len(self.positive) + len(self.negative) + (self.box is not None)
        return said_count > 1 or self.mask is not None or self.gone

    def beyond(self, earlier: Prompts) -> Prompts:
        """What these prompts say that earlier ones on the same frame did not."""
        is_new_mask = self.mask is not None and not (
            earlier.mask is not None and np.array_equal(self.mask, earlier.mask)
        )
        is_new_gone = self.gone and not (earlier.gone and earlier.gone_last == self.gone_last)
        return Prompts(
            positive=tuple(p for p in self.positive if p not in earlier.positive),
            negative=tuple(p for p in self.negative if p not in earlier.negative),
            box=None if self.box == earlier.box else self.box,
            mask=self.mask if is_new_mask else None,
            gone=is_new_gone,
            gone_last=self.gone_last if is_new_gone else None,
        )

    def joined(self, newer: Prompts) -> Prompts:
        """These prompts and newer ones: clicks add up, a newer box takes the older one's place.

        A newer mask takes the place of everything, and so does that the object is gone; whatever
        is said after that says that it is there.
        """
        if newer.mask is not None or newer.gone or self.gone:
            return newer
        return Prompts(
            positive=self.positive + newer.positive,
            negative=self.negative + newer.negative,
            box=self.box if newer.box is None else newer.box,
            mask=self.mask,
        )

    def check(
        self, width: int, height: int, where: str = "the frame", *, has_mask: bool = False
    ) -> None:
        """Say clearly what cannot be used on a frame of that size.

        Args:
            width: Columns of the frame.
            height: Rows of the frame.
            where: Names the frame in the error, such as ``"frame 12"``.
            has_mask: Whether the object has a mask there: then it is enough to say what is not
                the object.

        Raises:
            InputError: A point outside the frame, a point that is positive and negative at once,
                a box with no pixel in the frame or far beyond it, a mask of another size or
                without any pixel, an object that is said to be gone and to be somewhere, or
                nothing that says where it is.
        """
        self.check_presence(where)
        for x, y in (*self.positive, *self.negative):
            if not (-0.5 <= x < width - 0.5 and -0.5 <= y < height - 0.5):
                raise InputError(
                    f"the click {x:g},{y:g} lies outside {where}, which is {width}x{height}",
                    hint=f"x runs from 0 to {width - 1}, y from 0 to {height - 1}",
                )
        both = {_pixel(p) for p in self.positive} & {_pixel(p) for p in self.negative}
        if both:
            x, y = sorted(both)[0]
            raise InputError(
                f"the clicks on {where} contradict each other: {x},{y} is on the object and not",
                hint="leave out one of --click and --not",
            )
        if self.box is not None:
            self._check_box(self.box, width, height, where)
        if self.mask is not None:
            if self.mask.shape != (height, width):
                mask_size = f"{self.mask.shape[1]}x{self.mask.shape[0]}"
                raise InputError(
                    f"the mask for {where} is {mask_size}, but the video is {width}x{height}",
                    hint="paint the mask on a full-size frame of this video",
                )
            if not self.mask.any():
                raise InputError(
                    f"the mask for {where} is empty", hint="paint the object with a non-zero value"
                )
        if self.says_where or self.gone or (self.negative and has_mask):
            return
        if self.negative:
            raise InputError(
                f"there is no mask on {where} yet that clicks beside the object could correct",
                hint="track up to there first, or say where it is: --click, --box or --mask",
            )
        raise InputError(
            f"nothing says where the object is on {where}",
            hint="give a --click on it, a --box around it or a --mask of it",
        )

    def check_presence(self, where: str = "the frame") -> None:
        """Refuse to hear at once that the object is gone and where it is.

        Args:
            where: As for :meth:`check`.

        Raises:
            InputError: Both are said.
        """
        if self.gone and (self.says_where or self.negative):
            raise InputError(
                f"the object is said to be gone on {where} and to be somewhere there",
                hint="leave out --gone, or the clicks, boxes and masks on this frame",
            )

    @staticmethod
    def _check_box(
        box: tuple[float, float, float, float], width: int, height: int, where: str
    ) -> None:
        x0, y0, x1, y1 = box
        if not (np.isfinite(box).all() and x0 < x1 and y0 < y1):
            raise InputError(
                f"the box {x0:g},{y0:g},{x1:g},{y1:g} on {where} holds no pixel",
                hint="a box is X0,Y0,X1,Y1 with X0 < X1 and Y0 < Y1",
            )
        is_beside = x1 <= 0 or y1 <= 0 or x0 >= width or y0 >= height
        beyond = max(max(-x0, x1 - width) / width, max(-y0, y1 - height) / height)
        if is_beside or beyond > MOST_BEYOND:
            lies = "lies" if is_beside else "reaches far"
            raise InputError(
                f"the box {x0:g},{y0:g},{x1:g},{y1:g} {lies} outside {where}, "
                f"which is {width}x{height}",
                hint="coordinates are pixels of the displayed picture",
            )


@dataclass(frozen=True, kw_only=True)
class Said:
    """What of a person's prompts on a frame a finished matte must still show.

    Attributes:
        is_painted: Whether the mask there was painted: then it is as it is to be.
        positive: Points on the object, in source pixels.
        negative: Points that are not on it.
    """

    is_painted: bool = False
    positive: tuple[Point, ...] = ()
    negative: tuple[Point, ...] = ()

    @classmethod
    def of(cls, prompts: Prompts) -> Said:
        """What of some prompts that is; their mask is not kept."""
        return cls(
            is_painted=prompts.mask is not None,
            positive=prompts.positive,
            negative=prompts.negative,
        )


@dataclass(frozen=True, kw_only=True)
class ObjectPrompts:
    """What a person says of one object on one frame.

    Attributes:
        object_name: The object; it is made when it does not exist yet.
        frame_index: The frame.
        prompts: Clicks, box or mask.
    """

    object_name: str
    frame_index: int
    prompts: Prompts


@dataclass(frozen=True, kw_only=True)
class Gone:
    """Frames on which an object is not in the picture, as a person said.

    Attributes:
        frames: The frames.
        is_bounded: Whether the person said where they end.
        taken_count: How many masks with the object in them were there and were taken away.
    """

    frames: range
    is_bounded: bool
    taken_count: int


@dataclass(frozen=True, kw_only=True)
class Keyframe:
    """The mask that prompts led to.

    Attributes:
        object_id: The object.
        object_name: Its name.
        frame_index: The frame.
        area_frac: Share of the frame that the mask covers.
        score: How sure the segmenter is, in [0, 1]; 1 for a painted mask.
        is_correction: Whether the frame had been tracked before.
        joins_earlier: Whether prompts of an earlier time on this frame count, too.
        area_before_frac: The same share of the mask that a correction replaces; None for others.
        gone: Where the object is not, if that is what was said.
    """

    object_id: ObjectId
    object_name: str
    frame_index: int
    area_frac: float
    score: float
    is_correction: bool
    joins_earlier: bool
    area_before_frac: float | None = None
    gone: Gone | None = None


def _pixel(point: Point) -> tuple[int, int]:
    return int(np.floor(point[0] + 0.5)), int(np.floor(point[1] + 0.5))

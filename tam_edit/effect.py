"""What an effect is, and the only place where pixels are blended.

An effect says what a region should look like (:class:`Layer`); :func:`composite` puts it into the
frame's own planes. :func:`apply` is both, with the matte prepared as the effect wants it.
"""

from __future__ import annotations

import functools
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, Literal, Protocol, TypeAlias, cast

import cv2
import numpy as np

from tam_edit.errors import InputError
from tam_edit.frame import Frame, scaled_box
from tam_edit.masks import ops
from tam_edit.parameters import check_parameters, parameter
from tam_edit.pixels import Plane
from tam_edit.registry import Registry, from_pack
from tam_edit.types import Box, Image, Mask, Matte, box_of

Edge: TypeAlias = Literal["cover", "soft"]
EDGES = ("cover", "soft")

# A pixel that shows a quarter of the object still shows it: 0.5 is where an edge lies, not where
# the object ends.
COVER_THRESHOLD = 0.25
# Two pixels take in what sub-sampled chroma and a codec's edges carry across the line.
COVER_MARGIN_PX = 2.0
# From this margin on a cover may be a little wider than asked for, to be had faster.
COARSE_FROM_PX = 16.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """What an effect wants to be seen in one region of one frame.

    Attributes:
        box: The region, within the frame, in display orientation.
        image: (h, w, 3) RGB of the type of ``frame.rgb``; None leaves the picture as it is.
        alpha: How much of ``image`` shows, float32 (h, w) in [0, 1]; goes with ``image``.
        coverage: Opacity of the region's pixels, float32 (h, w) in [0, 1]; all pixels outside the
            box become fully transparent. None leaves transparency as it is.
    """

    box: Box
    image: Image | None = None
    alpha: Matte | None = None
    coverage: Matte | None = None

    def __post_init__(self) -> None:
        if (self.image is None) != (self.alpha is None):
            raise InputError("a layer has an image and an alpha, or neither")
        size = (self.box.height, self.box.width)
        parts = {"image": self.image, "alpha": self.alpha, "coverage": self.coverage}
        for name, part in parts.items():
            if part is not None and part.shape[:2] != size:
                raise InputError(f"a layer's {name} of {part.shape[:2]} does not fill {self.box}")


class AssetReader(Protocol):
    """A still or a video that the renderer opened for an effect."""

    @property
    def duration(self) -> Fraction:
        """Seconds that it lasts; 0 for a still."""
        ...

    def at(self, time: Fraction) -> Image:
        """The picture shown at that many seconds from its start; past the end, the last one.

        Returns:
            (H, W, 3) RGB, uint8 or uint16; the same object as long as the picture is the same.
        """
        ...


class ClipReader(Protocol):
    """What an effect may look at beside the frame that it is given."""

    def frame(self, index: int) -> Frame:
        """A frame at most ``lookahead_frames`` after the current one, or shortly before it.

        For an effect that ``borrows`` any frame of the run, as it is in the source.
        """
        ...

    def matte(self, index: int) -> Matte:
        """The object's matte on that frame, float32 (H, W), as tracked."""
        ...

    def asset(self, name: str) -> AssetReader:
        """One of the files that :meth:`Effect.assets` named."""
        ...


@dataclass(frozen=True, kw_only=True)
class ClipInfo:
    """What an effect is told before the first frame.

    Attributes:
        width: Columns in display orientation.
        height: Rows in display orientation.
        frame_count: How many frames the run has; None where nobody knows yet.
        bits: Bits of a sample of the frames, 8 to 16.
        start: Time of the run's first frame, in seconds on the stream's clock.
        first_index: Index of the run's first frame.
    """

    width: int
    height: int
    frame_count: int | None = None
    bits: int = 8
    start: Fraction = Fraction(0)
    first_index: int = 0


@dataclass(frozen=True, kw_only=True)
class Effect(ABC):
    """A way to change a picture where an object is, or where it is not.

    A sub-class is a frozen dataclass. Its fields are its recipe parameters, declared with
    :func:`tam_edit.parameters.parameter`; their ranges are checked when it is made. Another
    default for an inherited field, such as ``edge: Edge = "cover"``, is a plain value.

    Attributes:
        name: What recipes and commands call it, in kebab-case.
        summary: One sentence for ``tam-edit effects list``.
        acts_on: Whether ``render`` gets the object's matte or 1 - matte.
        lookahead_frames: How many frames ahead it wants to see.
        needs_alpha: Whether the result has transparency that the output must be able to hold.
        borrows: Whether what it shows comes from around the object and from other frames. It then
            may ask the reader for any frame of the run at any time, also in :meth:`begin`.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    acts_on: ClassVar[Literal["object", "background"]] = "object"
    lookahead_frames: ClassVar[int] = 0
    needs_alpha: ClassVar[bool] = False
    borrows: ClassVar[bool] = False

    edge: Edge = parameter(  # noqa: RUF009 - stands for dataclasses.field
        "soft",
        kind="choice",
        choices=EDGES,
        doc="cover hides every pixel that shows any of the object; soft follows the matte.",
    )

    def __post_init__(self) -> None:
        check_parameters(self, called=self.name)

    def assets(self) -> Mapping[str, str]:
        """Paths of the stills and videos that it needs, each under a name of its own."""
        return {}

    def begin(self, info: ClipInfo, clip: ClipReader) -> Effect:  # noqa: ARG002 - for sub-classes
        """The effect for one run through a clip; a copy where it keeps something between frames.

        Args:
            info: Facts of the clip.
            clip: Frames, mattes and opened assets.
        """
        return self

    def report(self) -> Mapping[str, Any]:
        """What is to be told of a run once its frames are rendered, as JSON values."""
        return {}

    def grid_px(self, matte: Matte) -> int:  # noqa: ARG002 - for sub-classes
        """Moved by a multiple of this, an object gets the same picture, moved."""
        return 1

    @abstractmethod
    def render(self, frame: Frame, matte: Matte) -> Layer:
        """Draw the effect for one frame.

        Args:
            frame: The picture, not to be changed. ``frame.region(box)`` costs what the box is
                large; ``frame.rgb`` costs the whole frame.
            matte: Where the effect acts, float32 (H, W) in [0, 1], prepared: with
                ``edge="cover"`` it holds only 0 and 1. It is never all 0, unless
                ``needs_alpha``.
        """


#: Every effect by name: the classes that ``tam_edit.effects`` lists, and other packages'.
EFFECTS: Registry[type[Effect]] = Registry(
    "effect", group="tam_edit.effects", builtins=from_pack("tam_edit.effects")
)


def apply(
    effect: Effect,
    frame: Frame,
    matte: Matte,
    *,
    threshold: float = COVER_THRESHOLD,
    margin_px: float = COVER_MARGIN_PX,
) -> Frame:
    """Show an effect on one frame.

    Args:
        effect: What to do; where it wants to, after :meth:`Effect.begin`.
        frame: The picture.
        matte: The object, float32 (H, W) in [0, 1], 1 = object, in display orientation.
        threshold: For ``edge="cover"``: from which opacity on a pixel is covered, in (0, 1].
        margin_px: For ``edge="cover"``: how far the cover reaches past that, in pixels.

    Returns:
        A new frame; the same object where the effect has nothing to act on.

    Raises:
        InputError: The matte is not of the frame's size or type.
    """
    if matte.shape != (frame.height, frame.width) or matte.dtype != np.float32:
        raise InputError(
            f"the matte is {matte.dtype} of {matte.shape[::-1]}, but frame {frame.index} needs "
            f"float32 of {(frame.width, frame.height)}"
        )
    place = matte if effect.acts_on == "object" else np.float32(1) - matte
    place = prepare_matte(place, effect.edge, threshold=threshold, margin_px=margin_px)
    if not (effect.needs_alpha or cv2.countNonZero(place)):
        return frame
    return composite(frame, effect.render(frame, place), effect.edge)


def prepare_matte(
    matte: Matte,
    edge: Edge,
    *,
    threshold: float = COVER_THRESHOLD,
    margin_px: float = COVER_MARGIN_PX,
) -> Matte:
    """The matte as an effect with that edge is to see it.

    Args:
        matte: float32 (H, W), 1 where the effect acts.
        edge: ``"cover"`` gives 0 and 1 only, generously; ``"soft"`` keeps what lies between.
        threshold: From which value on a pixel is covered, in (0, 1].
        margin_px: How far the cover is grown after that, in pixels; at least 0. From 16 px on it
            may reach up to 3 px further.

    Returns:
        float32 (H, W) in [0, 1].
    """
    if edge == "soft":
        low, high, _, _ = cv2.minMaxLoc(matte)
        return matte if low >= 0 and high <= 1 else np.clip(matte, 0, 1)
    if not 0 <= margin_px < math.inf:
        raise InputError(f"margin_px is {margin_px}, but must be a number of at least 0")
    # Only what the object may touch is looked at: the rest of the frame stays unread.
    height, width = matte.shape
    box = box_of(matte).grown(math.ceil(margin_px)).clipped(width, height)
    cover = np.zeros(matte.shape, np.float32)
    hard = ops.threshold(matte[box.slices], at=threshold)
    cover[box.slices] = _grown(hard, margin_px)
    return cover


def _grown(mask: Mask, margin_px: float) -> Mask:
    """A mask grown by at least the margin.

    A wide margin is reckoned in cells of 2 by 2 pixels, in a fifth of the time. Two pixels ``d``
    apart lie in cells at most ``(d + sqrt(2)) / 2`` apart, so nothing is missed, and at most
    ``2 * sqrt(2)`` pixels too much are covered.
    """
    if margin_px < COARSE_FROM_PX:
        return ops.grow(mask, radius_px=margin_px)
    height, width = mask.shape
    even = np.pad(mask, ((0, height % 2), (0, width % 2)))
    cells = even[::2, ::2] | even[1::2, ::2] | even[::2, 1::2] | even[1::2, 1::2]
    grown = ops.grow(cells, radius_px=(margin_px + math.sqrt(2)) / 2).view(np.uint8)
    size = (even.shape[1], even.shape[0])
    pixels: Any = cv2.resize(grown, size, interpolation=cv2.INTER_NEAREST)[:height, :width]
    return cast("Mask", pixels.astype(bool))


def composite(frame: Frame, layer: Layer, edge: Edge = "soft") -> Frame:
    """Put a layer into a frame's own planes.

    Only samples of the layer's region with alpha above 0 change. A sub-sampled chroma sample
    counts as outside only when every pixel that it serves has alpha 0.

    With ``edge="cover"`` nothing of the frame shines through: every sample with alpha above 0
    takes the layer's.

    Args:
        frame: The picture; not changed.
        layer: What to show and where.
        edge: ``"cover"`` or ``"soft"``; a chroma sample takes the largest alpha of its pixels or
            their mean.

    Returns:
        A new frame; its alpha plane, where there is one, is the old one.

    Raises:
        InputError: The layer reaches out of the frame or is not of its sample type.
    """
    if layer.box.clipped(frame.width, frame.height) != layer.box:
        raise InputError(f"the layer's {layer.box} reaches out of {frame.width}x{frame.height}")
    if layer.coverage is not None:
        frame = frame.with_coverage(_combined_coverage(frame, layer.box, layer.coverage))
    if layer.image is None or layer.alpha is None or layer.box.is_empty:
        return frame
    if layer.image.dtype != frame.rgb_dtype:
        wanted = np.dtype(frame.rgb_dtype)
        raise InputError(f"the layer is {layer.image.dtype}, the frame's RGB {wanted}")
    rows, columns = frame.planes[0].shape
    coded = frame.to_coded_box(layer.box).aligned(*frame.layout.chroma_step).clipped(columns, rows)
    outer = frame.to_display_box(coded)
    margin = (
        (layer.box.y0 - outer.y0, outer.y1 - layer.box.y1),
        (layer.box.x0 - outer.x0, outer.x1 - layer.box.x1),
    )
    image: Any = np.pad(layer.image, (*margin, (0, 0)), "edge")
    alpha = np.rot90(np.pad(layer.alpha, margin), -frame.quarter_turns)
    above = frame.planes_of(image, outer)
    planes = list(frame.planes)
    for i, samples in enumerate(above):
        step = frame.layout.step(i)
        part = scaled_box(coded, step).slices
        blended = planes[i].copy()
        share = _pooled(alpha, step, edge)
        if edge == "cover":
            cv2.copyTo(samples, (share > 0).view(np.uint8), blended[part])
        else:
            blended[part] = _blend(blended[part], samples, share)
        blended.flags.writeable = False
        planes[i] = blended
    return frame.with_planes(tuple(planes))


def object_size_px(matte: Matte) -> float:
    """How large an object is: the side of the square with the matte's area, in pixels.

    The area, unlike the bounding box, hardly moves when one speck comes or goes.
    """
    return float(np.sqrt(cv2.sumElems(matte)[0]))


def _combined_coverage(frame: Frame, box: Box, coverage: Matte) -> Matte:
    opacity = np.zeros((frame.height, frame.width), np.float32)
    opacity[box.slices] = coverage
    before = frame.opacity()
    if before is not None:
        opacity *= before
    opacity.flags.writeable = False
    return opacity


def _pooled(alpha: Matte, step: tuple[int, int], edge: Edge) -> Matte:
    """Alpha per sample of a plane; past an odd border the last pixel counts again."""
    step_x, step_y = step
    if step == (1, 1):
        return alpha
    missing = (-alpha.shape[0] % step_y, -alpha.shape[1] % step_x)
    alpha = np.pad(alpha, ((0, missing[0]), (0, missing[1])), "edge")
    if edge == "soft":
        size = (alpha.shape[1] // step_x, alpha.shape[0] // step_y)
        mean: Any = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
        return cast("Matte", mean)
    phases = [alpha[y::step_y, x::step_x] for y in range(step_y) for x in range(step_x)]
    return functools.reduce(np.maximum, phases)


def _blend(below: Plane, above: Plane, alpha: Matte) -> Plane:
    """Exact where alpha is 0 or 1: float32 holds every 16-bit value and their differences."""
    mixed: Any = np.subtract(above, below, dtype=np.float32)
    mixed *= alpha
    mixed += below
    blended: Plane = np.rint(mixed, out=mixed).astype(below.dtype)
    return blended

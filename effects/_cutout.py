"""The object as it looks without its old background, for the effects that change what is behind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np

from tam_edit.effect import Effect, Layer
from tam_edit.errors import InputError
from tam_edit.frame import Frame
from tam_edit.masks.foreground import GRID_PX, REACH_PX, Colours, estimate_colours
from tam_edit.parameters import parameter
from tam_edit.types import Box, Image, Mask, Matte, box_of

from ._despill import LIMITS, SCREENS, Limit, Screen, despilled

# Half a level of 8 bits. With less of the object a pixel is fully transparent in the file, where
# the picture's own colour belongs, and not one that was guessed from next to nothing.
LEAST_KEPT = np.float32(0.5 / 255)


class Cutout(NamedTuple):
    """An object's own colours.

    Attributes:
        box: Where in the frame; it holds all of the object.
        image: (h, w, 3), of the type of ``frame.rgb``; the frame's own pixels where none changed.
        background: As ``image``, with what is behind the object in its soft pixels.
        is_changed: bool (h, w): which pixels are not the frame's.
        kept: float32 (h, w) in [0, 1]: how much of each pixel is the object.
    """

    box: Box
    image: Image
    background: Image
    is_changed: Mask
    kept: Matte


@dataclass(frozen=True, kw_only=True)
class ForegroundEffect(Effect):
    """An effect that shows the object before something else; what such effects have in common."""

    foreground: Literal["estimated", "kept"] = parameter(
        "estimated",
        kind="choice",
        choices=("estimated", "kept"),
        doc="estimated takes the old background out of the colours of a soft edge, so that no "
        "halo of it is left; kept leaves the picture's colours there.",
    )


@dataclass(frozen=True, kw_only=True)
class ScreenEffect(ForegroundEffect):
    """One that can also take a screen's light off the object."""

    despill: Screen = parameter(  # noqa: RUF009 - a dataclass field
        "none",
        kind="choice",
        choices=SCREENS,
        doc="Takes the light of a green or blue screen off the whole object.",
    )
    despill_strength: float = parameter(
        1.0, kind="number", at_least=0.0, at_most=1.0, doc="How much of that light, 1 for all."
    )
    despill_limit: Limit = parameter(  # noqa: RUF009 - a dataclass field
        "average",
        kind="choice",
        choices=LIMITS,
        doc="Up to where the screen's colour may reach: the average of the other two, or their "
        "maximum, which removes less and leaves yellow and cyan things as they are.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.edge == "cover" and self.despill != "none":
            raise InputError(
                f"{self.name}: despill changes the object, which edge = 'cover' leaves as it is",
                hint="leave out one of the two",
            )


def colours_of(frame: Frame, kept: Matte) -> tuple[Box, Colours]:
    """The colours of object and background where the object is and around it, and where that is.

    Args:
        frame: The picture.
        kept: float32 (H, W) in [0, 1], 1 = object; not all 0.
    """
    box = box_of(kept).grown(REACH_PX).aligned(GRID_PX, GRID_PX).clipped(frame.width, frame.height)
    return box, estimate_colours(frame.region(box), kept[box.slices])


def cutout(frame: Frame, place: Matte, effect: ForegroundEffect) -> Cutout:
    """The object's own colours, as an effect wants them.

    Args:
        frame: The picture.
        place: Where the effect acts, float32 (H, W) in [0, 1], 0 = object.
        effect: Says whether soft pixels and a screen's light change anything.
    """
    kept = np.float32(1) - place
    kept[kept < LEAST_KEPT] = 0
    kept[kept > 1 - LEAST_KEPT] = 1
    box = box_of(kept)
    part = kept[box.slices]
    if effect.foreground == "estimated" and not box.is_empty:
        outer, colours = colours_of(frame, kept)
        inner = Box(
            box.x0 - outer.x0, box.y0 - outer.y0, box.x1 - outer.x0, box.y1 - outer.y0
        ).slices
        image, background = colours.foreground[inner], colours.background[inner]
        is_changed = colours.is_soft[inner]
    else:
        image = background = frame.region(box)
        is_changed = np.zeros(part.shape, bool)
    # Where there is no background there is no screen either, and nothing to act on.
    is_before_screen = not box.is_empty and bool(cv2.countNonZero(place))
    if isinstance(effect, ScreenEffect) and effect.despill != "none" and is_before_screen:
        image, is_spilled = despilled(
            image, part > 0, effect.despill, effect.despill_limit, effect.despill_strength
        )
        is_changed = is_changed | is_spilled
    return Cutout(box, image, background, is_changed, part)


def needed_box(place: Matte, found: Cutout) -> Box:
    """The smallest box that holds a place and all pixels that a cut-out changed."""
    one, inner = box_of(place), box_of(found.is_changed)
    if inner.is_empty:
        return one
    x, y = found.box.x0, found.box.y0
    other = Box(inner.x0 + x, inner.y0 + y, inner.x1 + x, inner.y1 + y)
    if one.is_empty:
        return other
    return Box(
        min(one.x0, other.x0),
        min(one.y0, other.y0),
        max(one.x1, other.x1),
        max(one.y1, other.y1),
    )


def before(background: Image, box: Box, found: Cutout, place: Matte, frame: Frame) -> Layer:
    """A layer that shows the object before another background.

    What the cut-out changed is finished: the frame's own pixels do not show there.

    Args:
        background: (h, w, 3) of the box; not changed.
        box: What of the frame the background fills: at least :func:`needed_box`.
        found: The object's own colours.
        place: Where the background is to be seen, float32 (H, W) in [0, 1].
        frame: What the layer is for.
    """
    alpha = place[box.slices]
    rows, columns = np.nonzero(found.is_changed)
    if not rows.size:
        return Layer(box=box, image=background, alpha=alpha)
    own = found.image[rows, columns].astype(np.float32)
    kept = found.kept[rows, columns, None]
    rows, columns = rows + (found.box.y0 - box.y0), columns + (found.box.x0 - box.x0)
    image: Any = background.copy()
    mixed = own * kept + image[rows, columns].astype(np.float32) * (1 - kept)
    image[rows, columns] = np.rint(mixed).astype(image.dtype)
    alpha = alpha.copy()
    alpha[rows, columns] = 1
    if frame.layout.chroma_step != (1, 1):
        _bleed(image, alpha > 0)
    return Layer(box=box, image=image, alpha=alpha)


def _bleed(image: Any, is_shown: Mask) -> None:
    """Give pixels beside the shown ones the mean of these, in place.

    A chroma sample is shared by several pixels, and those that are not shown have a say in it.
    """
    shown = is_shown.view(np.uint8)
    beside = cv2.dilate(shown, np.ones((3, 3), np.uint8)) > shown
    rows, columns = np.nonzero(beside)
    height, width = is_shown.shape
    sums = np.zeros((len(rows), 3), np.float32)
    count = np.zeros((len(rows), 1), np.float32)
    for dy, dx in ((y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)):
        y, x = rows + dy, columns + dx
        y, x = np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)
        weight = is_shown[y, x, None].astype(np.float32)
        sums += image[y, x] * weight
        count += weight
    image[rows, columns] = np.rint(sums / count).astype(image.dtype)

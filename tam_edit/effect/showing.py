"""From an effect, a frame and a matte to what is seen."""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np

from tam_edit.effect.base import Effect
from tam_edit.effect.layer import Edge, Layer, composite, faded
from tam_edit.errors import InputError
from tam_edit.frame import Frame
from tam_edit.masks import ops
from tam_edit.types import Matte, box_of

# A pixel that shows a quarter of the object still shows it: 0.5 is where an edge lies, not where
# the object ends.
COVER_THRESHOLD = 0.25
# Two pixels take in what sub-sampled chroma and a codec's edges carry across the line.
COVER_MARGIN_PX = 2.0
# From this margin on a cover may be a little wider than asked for, to be had faster.
COARSE_FROM_PX = 16.0


class Shown(NamedTuple):
    """What an effect shows on a frame, and where it was to act: float32 (H, W), prepared."""

    layer: Layer
    place: Matte


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
    place = matte if effect.acts_on == "object" else np.float32(1) - matte
    shown = shown_on(effect, frame, place, threshold=threshold, margin_px=margin_px)
    return frame if shown is None else composite(frame, shown.layer, effect.edge)


def shown_on(
    effect: Effect,
    frame: Frame,
    place: Matte,
    *,
    threshold: float = COVER_THRESHOLD,
    margin_px: float = COVER_MARGIN_PX,
    share: float = 1.0,
) -> Shown | None:
    """What an effect shows on one frame, before it is blended in.

    Args:
        effect: What to do; where it wants to, after :meth:`Effect.begin`.
        frame: The picture.
        place: Where it acts, float32 (H, W) in [0, 1], in display orientation.
        threshold: As for :func:`apply`.
        margin_px: As for :func:`apply`.
        share: How much of a soft effect is seen, in (0, 1]; a cover is seen or not.

    Returns:
        None where the effect has nothing to act on.

    Raises:
        InputError: The place is not of the frame's size or type, or a cover is to fade.
    """
    if place.shape != (frame.height, frame.width) or place.dtype != np.float32:
        raise InputError(
            f"the matte is {place.dtype} of {place.shape[::-1]}, but frame {frame.index} needs "
            f"float32 of {(frame.width, frame.height)}"
        )
    if share != 1 and effect.edge == "cover":
        raise InputError(f"{effect.name} covers, and a cover that fades shows what it covers")
    place = prepare_matte(place, effect.edge, threshold=threshold, margin_px=margin_px)
    if not (effect.needs_alpha or cv2.countNonZero(place)):
        return None
    layer = effect.render(frame, place)
    return Shown(layer if share == 1 else faded(layer, share, frame.width, frame.height), place)


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
    is_coarse = margin_px >= COARSE_FROM_PX
    grow = ops.grow_coarsely if is_coarse else ops.grow
    cover[box.slices] = grow(hard, radius_px=margin_px)
    return cover


def object_size_px(matte: Matte) -> float:
    """How large an object is: the side of the square with the matte's area, in pixels.

    The area, unlike the bounding box, hardly moves when one speck comes or goes.
    """
    return float(np.sqrt(cv2.sumElems(matte)[0]))

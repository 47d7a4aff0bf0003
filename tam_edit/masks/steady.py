"""Edges that do not flicker: each frame's edge averaged with those of the frames around it.

What is averaged are signed distances to the edge. The frames around are moved by the object's own
motion first, which is the median of what its centre does between any two of them; so an object that
moves evenly stays where it is, also a small and fast one. Only pairs of frames count, one before
and one after, so nothing lags or leads. A limb that moves otherwise than the object, by more than
its own width from frame to frame, is taken for flicker.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.masks.edges import signed_distance, with_edge
from tam_edit.masks.patch import Patch
from tam_edit.types import Box, Matte

Shift: TypeAlias = NDArray[np.float64]
# Further than this from an edge all distances count alike: so much of the short side.
REACH_FRAC = 0.02
REACH_MIN_PX = 8.0
# An edge that is elsewhere on one frame only draws the mean towards it as one so near would.
ODD_PX = 2.0


class Outline(NamedTuple):
    """An object's edge on one frame.

    Attributes:
        box: Where the distances lie in the frame.
        distance: Signed distance to the edge, float32 (box.height, box.width), cut off at the
            reach.
        centre: Column and row of the object's centre of mass.
    """

    box: Box
    distance: Matte
    centre: tuple[float, float]


def reach_px(width: int, height: int) -> float:
    """From which distance on all distances count alike in a frame of that size."""
    return max(REACH_MIN_PX, REACH_FRAC * min(width, height))


def outline_of(patch: Patch, width: int, height: int) -> Outline | None:
    """An object's edge; None where there is no object, or so little of it that it has none."""
    if patch.is_empty or patch.values.max() < 0.5:
        return None
    reach = reach_px(width, height)
    box = patch.box.grown(int(np.ceil(reach)) + 1).clipped(width, height)
    distance = signed_distance(patch.within(box))
    moments = cv2.moments(patch.values)
    centre = (
        patch.box.x0 + moments["m10"] / moments["m00"],
        patch.box.y0 + moments["m01"] / moments["m00"],
    )
    return Outline(box, np.clip(distance, -reach, reach), centre)


def steadied(
    patch: Patch,
    outline_at: Callable[[int], Outline | None],
    frames: int,
    width: int,
    height: int,
) -> Patch:
    """One frame's matte with its edge averaged over the frames around it.

    As many frames count on either side as the object is there without a break on both sides, at
    most ``frames``; nearer ones count more (triangular weights). So where the object appears or
    disappears, and at the ends, the edge is averaged over fewer frames and at last over none; a
    frame without the object stays without it.

    Args:
        patch: The frame's matte.
        outline_at: Gives the object's edge so many frames later, or earlier where negative; None
            where it is not there or the video ends.
        frames: How many frames to each side.
        width: Columns of the frame.
        height: Rows of the frame.
    """
    own = outline_at(0)
    if own is None:
        return patch
    pairs: list[tuple[Outline, Outline]] = []
    for step in range(1, frames + 1):
        before, after = outline_at(-step), outline_at(step)
        if before is None or after is None:
            break
        pairs.append((before, after))
    if not pairs:
        return patch
    speed = _speed(own, pairs)
    shifted = [(own, 0.0, len(pairs) + 1)]
    for step, pair in enumerate(pairs, start=1):
        shifted += [(pair[0], step, len(pairs) + 1 - step), (pair[1], -step, len(pairs) + 1 - step)]
    box = _around([(outline.box, speed * times) for outline, times, _ in shifted], width, height)
    distances = np.stack([_moved(outline, speed * times, box) for outline, times, _ in shifted])
    mean = _mean(distances, [weight for _, _, weight in shifted])
    moved = with_edge(patch.within(box), distances[0], mean)
    return Patch.of(moved, (box.x0, box.y0))


def _mean(distances: NDArray[np.float32], weights: list[int]) -> Matte:
    """The weighted mean; what is far from the median of them all has the say of what is near."""
    median = np.median(distances, axis=0)
    near = np.clip(distances, median - np.float32(ODD_PX), median + np.float32(ODD_PX))
    mean: Matte = np.tensordot(np.array(weights, np.float32), near, axes=1)
    return mean / np.float32(sum(weights))


def _speed(own: Outline, pairs: list[tuple[Outline, Outline]]) -> Shift:
    """Columns and rows per frame: the median over all pairs of frames (Theil and Sen).

    One odd frame among five has no say. Of three frames the one in the middle has none.
    """
    before, after = zip(*pairs, strict=True)
    centres = [*(each.centre for each in reversed(before)), *(each.centre for each in after)]
    times = [step for step in range(-len(pairs), len(pairs) + 1) if step]
    if len(pairs) > 1:
        centres, times = [own.centre, *centres], [0, *times]
    slopes = [
        (np.array(centres[j]) - np.array(centres[i])) / (times[j] - times[i])
        for i in range(len(times))
        for j in range(i + 1, len(times))
    ]
    median: Shift = np.median(slopes, axis=0)
    return median


def _moved(outline: Outline, shift: Shift, box: Box) -> Matte:
    corner = (outline.box.x0 - box.x0 + shift[0], outline.box.y0 - box.y0 + shift[1])
    matrix = np.array([[1, 0, corner[0]], [0, 1, corner[1]]])
    moved = cv2.warpAffine(
        outline.distance,
        matrix,
        (box.width, box.height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(moved, np.float32)


def _around(moved: list[tuple[Box, Shift]], width: int, height: int) -> Box:
    """The box around all boxes, each moved."""
    x0, y0, x1, y1 = np.array([[*(box[:2] + shift), *(box[2:] + shift)] for box, shift in moved]).T
    box = Box(
        int(np.floor(x0.min())),
        int(np.floor(y0.min())),
        int(np.ceil(x1.max())),
        int(np.ceil(y1.max())),
    )
    return box.grown(1).clipped(width, height)

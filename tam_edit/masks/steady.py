"""Edges that do not flicker: each frame's edge averaged with those of the frames around it.

What is averaged are signed distances to the edge. The frames around are moved by the object's own
motion first, which is the median of what its centre does from so many frames before to as many
after; so an object that moves evenly stays where it is, also a small and fast one. Only pairs of
frames count, one before and one after, so nothing lags or leads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

from tam_edit.masks.edges import signed_distance, with_edge
from tam_edit.masks.patch import Patch
from tam_edit.types import Box, Matte

# Further than this from an edge all distances count alike: so much of the short side.
REACH_FRAC = 0.02
REACH_MIN_PX = 8.0


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
    speed = _speed(pairs)
    shifted = [(own, 0.0, len(pairs) + 1)]
    for step, pair in enumerate(pairs, start=1):
        shifted += [(pair[0], step, len(pairs) + 1 - step), (pair[1], -step, len(pairs) + 1 - step)]
    box = _around([(outline.box, speed * times) for outline, times, _ in shifted], width, height)
    total = np.zeros((box.height, box.width), np.float32)
    for outline, times, weight in shifted:
        total += np.float32(weight) * _moved(outline, speed * times, box)
    mean = total / np.float32(sum(weight for _, _, weight in shifted))
    moved = with_edge(patch.within(box), _moved(own, 0 * speed, box), mean)
    return Patch.of(moved, (box.x0, box.y0))


def _speed(pairs: list[tuple[Outline, Outline]]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Columns and rows per frame; the frame in the middle, which may be the odd one, has no say."""
    steps = [
        (np.array(after.centre) - np.array(before.centre)) / (2 * step)
        for step, (before, after) in enumerate(pairs, start=1)
    ]
    median: np.ndarray[tuple[int], np.dtype[np.float64]] = np.median(steps, axis=0)
    return median


def _moved(
    outline: Outline, shift: np.ndarray[tuple[int], np.dtype[np.float64]], box: Box
) -> Matte:
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


def _around(
    moved: list[tuple[Box, np.ndarray[tuple[int], np.dtype[np.float64]]]], width: int, height: int
) -> Box:
    """The box around all boxes, each moved."""
    x0, y0, x1, y1 = np.array([[*(box[:2] + shift), *(box[2:] + shift)] for box, shift in moved]).T
    box = Box(
        int(np.floor(x0.min())),
        int(np.floor(y0.min())),
        int(np.ceil(x1.max())),
        int(np.ceil(y1.max())),
    )
    return box.grown(1).clipped(width, height)

"""What a picture and the picture before it say about a mask, whoever made the mask.

Everything but the outline is looked at on a small picture: it costs a few milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.flow import dense_flow, single_opencv_thread
from tam_edit.frame import Frame
from tam_edit.models.base import Affinity
from tam_edit.types import Mask, Matte, box_of

Float = NDArray[np.float32]
Gray = NDArray[np.uint8]

SMALL_SHORT_SIDE_PX = 240

COLOR_BINS = (8, 16, 16)  # of L, a, b
BLUR = np.array([0.25, 0.5, 0.25], np.float32)

# The outline is compared with its parallels; distances from the mask's edge at tracking size.
OUTLINE_HALF_WIDTH_PX = 1.6
PARALLEL_FROM_PX, PARALLEL_TO_PX = 3.0, 7.0
GRADIENT_NOISE = 5.0  # of an 8-bit picture's Sobel gradient: keeps flat regions from deciding
EDGE_LIMIT = 1.0
FEWEST_OUTLINE_PX = 8

PART_SHARE = 0.05  # of the mask's area: a smaller piece is no part
NEAR_CARRIED_PX = 2

# Affinity comes in tokens of 16 pixels: what lies that near the outline belongs to both sides.
TOKEN_PX = 16
ON_OBJECT, ON_BACKGROUND = 0.5, 0.25
REGION_SHARE = 0.1  # of the mask's area


@dataclass(frozen=True, eq=False)
class View:
    """One picture as the assessment sees it.

    Attributes:
        gray: uint8 (height, width), at tracking size.
        small: uint8 (h, w, 3), Lab, at the small size.
        small_gray: uint8 (h, w).
    """

    gray: Gray
    small: NDArray[np.uint8]
    small_gray: Gray


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What speaks for a mask and against it; None where there is nothing to compare with.

    Attributes:
        edge: Natural logarithm of the image gradient on the outline over that on the stronger
            of its two parallels, 3 to 7 pixels inside and outside; at most 1.
        likeness: Bhattacharyya coefficient of the colours with those of a keyframe, the best of
            them, in [0, 1].
        kept: Sum of the pixelwise smaller over sum of the larger of the mask and the previous
            one carried here by the flow, in [0, 1].
        growth: Natural logarithm of the area over that of the carried mask.
        strays: Share of the mask's area in pieces away from the carried mask, in [0, 1].
        parts_gained: How many more parts the mask has than the carried one.
        jump: Distance of its centroid from the carried mask's, over the root of its area.
        unlike_memory: Share of the mask that memory knows as background; 0 without affinity.
        dropped: What the keyframes have as object outside the mask, over the mask's area.
    """

    edge: float | None = None
    likeness: float | None = None
    kept: float | None = None
    growth: float | None = None
    strays: float | None = None
    parts_gained: int | None = None
    jump: float | None = None
    unlike_memory: float = 0.0
    dropped: float = 0.0


def small_size(width: int, height: int) -> tuple[int, int]:
    """Columns and rows of the small picture: no larger than the tracking size."""
    ratio = min(1.0, SMALL_SHORT_SIDE_PX / min(width, height))
    return max(1, round(width * ratio)), max(1, round(height * ratio))


def view_of(frame: Frame, width: int, height: int) -> View:
    """A frame as the assessment sees it, at a tracking size."""
    whole = frame.scaled(width, height)
    small = cv2.resize(whole, small_size(width, height), interpolation=cv2.INTER_AREA)
    return View(
        gray=np.asarray(cv2.cvtColor(whole, cv2.COLOR_RGB2GRAY), np.uint8),
        small=np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2LAB), np.uint8),
        small_gray=np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8),
    )


def origin_of(before: Gray, after: Gray) -> Float:
    """Where each pixel of the present picture was on the previous one.

    Args:
        before: uint8 (h, w), the previous picture.
        after: uint8 (h, w), the present picture.

    Returns:
        float32 (h, w, 2) as (x, y).
    """
    rows, columns = before.shape
    with single_opencv_thread():
        flow = dense_flow(after, before, is_fast=True)
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    return np.asarray(flow + np.stack([x, y], axis=-1), np.float32)


def carried(matte: Gray, origin: Float) -> Float:
    """A matte of the previous picture, moved to the present one.

    Args:
        matte: uint8 (h, w), 255 is the object.
        origin: From :func:`origin_of`.

    Returns:
        float32 (h, w) in [0, 1].
    """
    x, y = np.ascontiguousarray(origin[..., 0]), np.ascontiguousarray(origin[..., 1])
    moved = cv2.remap(matte.astype(np.float32), x, y, cv2.INTER_LINEAR)
    return np.asarray(moved / np.float32(255), np.float32)


def edge_contrast(gray: Gray, mask: Mask) -> float | None:
    """How much stronger the picture's edges are on a mask's outline than on its parallels.

    Args:
        gray: uint8 (H, W).
        mask: bool (H, W).

    Returns:
        The natural logarithm of the ratio, at most 1; None where the outline is too short, or
        no pixel lies on one of the parallels.
    """
    height, width = mask.shape
    box = box_of(mask).grown(round(PARALLEL_TO_PX) + 2).clipped(width, height)
    inside = mask[box.slices].astype(np.uint8)
    if box.is_empty or inside.all():
        return None
    part = gray[box.slices]
    slope_x, slope_y = cv2.Sobel(part, cv2.CV_32F, 1, 0), cv2.Sobel(part, cv2.CV_32F, 0, 1)
    # cv2.magnitude of OpenCV 5.0 differs in the last bit from call to call.
    slope = np.sqrt(slope_x * slope_x + slope_y * slope_y)
    inward = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_3)
    outward = cv2.distanceTransform(1 - inside, cv2.DIST_L2, cv2.DIST_MASK_3)
    distance = np.maximum(inward, outward) - 0.5
    is_parallel = (distance > PARALLEL_FROM_PX) & (distance < PARALLEL_TO_PX)
    on_line = slope[distance < OUTLINE_HALF_WIDTH_PX]
    beside = [slope[is_parallel & (inside == side)] for side in (0, 1)]
    if on_line.size < FEWEST_OUTLINE_PX or not any(line.size for line in beside):
        return None
    strongest = max(float(line.mean(dtype=np.float64)) for line in beside if line.size)
    strength = float(on_line.mean(dtype=np.float64))
    return min(
        EDGE_LIMIT, float(np.log((strength + GRADIENT_NOISE) / (strongest + GRADIENT_NOISE)))
    )


def color_shares(small: NDArray[np.uint8], mask: Mask) -> Float:
    """Shares of coarse Lab colours on an object, blurred over neighbouring colours.

    Args:
        small: uint8 (h, w, 3), Lab.
        mask: bool (h, w), not empty.

    Returns:
        float32 (N,), summing to 1.
    """
    counts = cv2.calcHist(
        [small], [0, 1, 2], mask.astype(np.uint8), list(COLOR_BINS), [0, 256] * 3
    ).reshape(COLOR_BINS)
    for axis in range(3):
        ends = [(1, 1) if k == axis else (0, 0) for k in range(3)]
        padded = np.moveaxis(np.pad(counts, ends, "edge"), axis, 0)
        blurred = BLUR[0] * padded[:-2] + BLUR[1] * padded[1:-1] + BLUR[2] * padded[2:]
        counts = np.moveaxis(blurred, 0, axis)
    flat = np.ascontiguousarray(counts).reshape(-1)
    return np.asarray(flat / flat.sum(), np.float32)


def color_overlap(first: Float, second: Float) -> float:
    """Bhattacharyya coefficient of two colour shares, in [0, 1]."""
    return float(min(1.0, np.sqrt(first * second).sum(dtype=np.float64)))


def change_from(before: Float, now: Float) -> Evidence:
    """Compare a mask with the previous one that was carried here.

    Args:
        before: The carried matte, float32 (h, w) in [0, 1], above 0.5 somewhere.
        now: The matte, in the same form.
    """
    old, new = before > 0.5, now > 0.5
    area = float(np.count_nonzero(new))
    joint = float(np.minimum(before, now).sum(dtype=np.float64))
    either = float(np.maximum(before, now).sum(dtype=np.float64))
    near = cv2.dilate(old.astype(np.uint8), np.ones((2 * NEAR_CARRIED_PX + 1,) * 2, np.uint8))
    count, labels = cv2.connectedComponents(new.astype(np.uint8))
    is_known = np.zeros(count, bool)
    is_known[0] = True
    is_known[np.unique(labels[near > 0])] = True
    x, y = np.subtract(_centroid(new), _centroid(old))
    return Evidence(
        kept=joint / either,
        growth=float(np.log((area + 1) / (np.count_nonzero(old) + 1))),
        strays=float(np.count_nonzero(~is_known[labels])) / area,
        parts_gained=_parts(new) - _parts(old),
        jump=float(np.hypot(x, y) / np.sqrt(area)),
    )


def unlike_memory(matte: Matte, affinity: Affinity) -> Mask:
    """Pixels well inside the mask that memory knows as background.

    Args:
        matte: float32 (H, W) in [0, 1].
        affinity: The object's.
    """
    inside = cv2.erode((matte > 0.5).astype(np.uint8), _token())
    return np.asarray((inside > 0) & (affinity.inside < ON_BACKGROUND))


def dropped(matte: Matte, affinity: Affinity) -> Mask:
    """Pixels well outside the mask that the keyframes have as object.

    Args:
        matte: float32 (H, W) in [0, 1].
        affinity: The object's.
    """
    near = cv2.dilate((matte > 0.5).astype(np.uint8), _token())
    return np.asarray((near == 0) & (affinity.anchored > ON_OBJECT))


def memory_shares(matte: Matte, affinity: Affinity) -> tuple[float, float]:
    """Areas of :func:`unlike_memory` and :func:`dropped` over the mask's area."""
    area = max(1, int(np.count_nonzero(matte > 0.5)))
    return (
        np.count_nonzero(unlike_memory(matte, affinity)) / area,
        np.count_nonzero(dropped(matte, affinity)) / area,
    )


def _token() -> NDArray[np.uint8]:
    return np.ones((TOKEN_PX + 1, TOKEN_PX + 1), np.uint8)


def _centroid(mask: Mask) -> tuple[float, float]:
    rows, columns = np.nonzero(mask)
    return float(columns.mean()), float(rows.mean())


def _parts(mask: Mask) -> int:
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    areas = stats[1:, cv2.CC_STAT_AREA]
    return int(np.count_nonzero(areas >= PART_SHARE * areas.sum()))

"""Tools for masks: larger, smaller, softer, without holes, without specks.

Everything outside the picture counts as a continuation of what lies at its border: an object that
leaves the frame is not shrunk from there. Distances are Euclidean, from pixel centre to pixel
centre.
"""

from __future__ import annotations

import math
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.errors import InputError
from tam_edit.types import Mask, Matte, box_of

# Up to here a disc-shaped kernel is faster than a distance transform; both give the same mask.
KERNEL_MAX_RADIUS_PX = 3.0


def threshold(matte: Matte, *, at: float = 0.5) -> Mask:
    """The pixels that are at least this much object.

    Args:
        matte: float32 (H, W) in [0, 1].
        at: The smallest value that counts, in (0, 1].
    """
    if not 0 < at <= 1:
        raise InputError(f"a threshold is above 0 and at most 1, not {at}")
    return matte >= np.float32(at)


def grow(mask: Mask, *, radius_px: float) -> Mask:
    """Every pixel that is at most ``radius_px`` away from the object.

    Args:
        mask: bool (H, W).
        radius_px: At least 0; 0 gives the mask itself.
    """
    _check_length("radius_px", radius_px)
    if radius_px < 1:
        return mask
    height, width = mask.shape
    box = box_of(mask).grown(math.floor(radius_px)).clipped(width, height)
    grown = np.zeros_like(mask)
    part = mask[box.slices]
    if box.is_empty or not part.any():
        return grown
    if radius_px <= KERNEL_MAX_RADIUS_PX:
        grown[box.slices] = cv2.dilate(part.view(np.uint8), _disc(radius_px)).astype(bool)
    else:
        grown[box.slices] = _distance_to(part) < _just_above(radius_px)
    return grown


def grow_coarsely(mask: Mask, *, radius_px: float) -> Mask:
    """A mask grown by at least a radius, in a fifth of the time that :func:`grow` takes.

    It is reckoned in cells of 2 by 2 pixels. Two pixels ``d`` apart lie in cells at most
    ``(d + sqrt(2)) / 2`` apart, so nothing is missed, and at most ``2 * sqrt(2)`` pixels too much
    are taken in.

    Args:
        mask: bool (H, W).
        radius_px: At least 0.
    """
    _check_length("radius_px", radius_px)
    height, width = mask.shape
    even = np.pad(mask, ((0, height % 2), (0, width % 2)))
    cells = even[::2, ::2] | even[1::2, ::2] | even[::2, 1::2] | even[1::2, 1::2]
    grown = grow(cells, radius_px=(radius_px + math.sqrt(2)) / 2).view(np.uint8)
    size = (even.shape[1], even.shape[0])
    pixels: Any = cv2.resize(grown, size, interpolation=cv2.INTER_NEAREST)[:height, :width]
    return cast("Mask", pixels.astype(bool))


def shrink(mask: Mask, *, radius_px: float) -> Mask:
    """The object without every pixel that is at most ``radius_px`` away from the background.

    Args:
        mask: bool (H, W).
        radius_px: At least 0; 0 gives the mask itself.
    """
    return ~grow(~mask, radius_px=radius_px)


def feather(mask: Mask, *, radius_px: float) -> Matte:
    """A matte that falls from 1 to 0 linearly across the edge.

    Args:
        mask: bool (H, W).
        radius_px: Distance from the edge at which the matte reaches 1 inside and 0 outside;
            0 gives a hard matte.

    Returns:
        float32 (H, W); 0.5 on the line between object and background.
    """
    _check_length("radius_px", radius_px)
    if radius_px == 0 or mask.all() or not mask.any():
        return mask.astype(np.float32)
    # From pixel centre to the line midway to the next pixel is half a pixel less.
    inside = np.where(mask, _distance_to(~mask) - 0.5, 0.5 - _distance_to(mask))
    return np.clip(0.5 + inside / (2 * radius_px), 0, 1).astype(np.float32)


def fill_holes(mask: Mask, *, max_area_px: int | None = None) -> Mask:
    """The object without the holes that it surrounds.

    Args:
        mask: bool (H, W).
        max_area_px: The largest hole that is filled, in pixels; None fills all.
    """
    # Background connects along sides only, or a diagonal line would not enclose anything.
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        (~mask).view(np.uint8), connectivity=4
    )
    height, width = mask.shape
    left, top = stats[:, cv2.CC_STAT_LEFT], stats[:, cv2.CC_STAT_TOP]
    right, bottom = left + stats[:, cv2.CC_STAT_WIDTH], top + stats[:, cv2.CC_STAT_HEIGHT]
    is_hole = (left > 0) & (top > 0) & (right < width) & (bottom < height)
    if max_area_px is not None:
        is_hole &= stats[:, cv2.CC_STAT_AREA] <= max_area_px
    is_hole[0] = False  # label 0 is the object itself
    return mask | is_hole[labels] if count > 1 else mask


def drop_specks(mask: Mask, *, min_area_px: int) -> Mask:
    """The object without its small separate pieces; the largest piece always stays.

    Args:
        mask: bool (H, W).
        min_area_px: The smallest piece that is kept, in pixels.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0  # label 0 is the background
    is_kept = areas >= max(1, min(min_area_px, int(areas.max(initial=0))))
    is_kept[0] = False
    kept: Mask = is_kept[labels]
    return kept


def smooth_edge(mask: Mask, *, sigma_px: float) -> Mask:
    """The object with its ragged edge rounded off.

    Args:
        mask: bool (H, W).
        sigma_px: Standard deviation of the Gaussian under which a pixel belongs to what most of
            its surroundings belong to; 0 gives the mask itself.
    """
    _check_length("sigma_px", sigma_px)
    if sigma_px == 0:
        return mask
    soft = cv2.GaussianBlur(
        mask.astype(np.float32), (0, 0), sigma_px, borderType=cv2.BORDER_REPLICATE
    )
    return soft >= np.float32(0.5)


#: What of :func:`at_border` says that part of an object is outside of the picture.
CUT_OFF = 0.5


def at_border(mask: Mask) -> float:
    """How much of the picture's border a mask takes up: where much, the object is cut off there.

    Args:
        mask: bool (H, W).

    Returns:
        The pixels of the mask in the outermost rows and columns, over the side of a square that
        is as large as the mask; 0 for an empty one.
    """
    area = int(np.count_nonzero(mask))
    inner = int(np.count_nonzero(mask[1:-1, 1:-1]))
    return (area - inner) / math.sqrt(area) if area else 0.0


def _distance_to(mask: Mask) -> Matte:
    """Distance of every pixel to the nearest pixel of the mask (exact Euclidean)."""
    away = (~mask).view(np.uint8)
    distance: Any = cv2.distanceTransform(away, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return cast("Matte", distance)


def _just_above(radius_px: float) -> float:
    """A value between the largest distance within the radius and the next: squares are whole."""
    return math.sqrt(math.floor(radius_px * radius_px) + 0.5)


def _disc(radius_px: float) -> NDArray[np.uint8]:
    reach = math.floor(radius_px)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc: NDArray[np.uint8] = (x * x + y * y <= radius_px * radius_px).astype(np.uint8)
    return disc


def _check_length(name: str, value: float) -> None:
    if not (math.isfinite(value) and value >= 0):
        raise InputError(f"{name} is {value}, but must be a number of at least 0")

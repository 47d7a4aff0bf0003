"""Soft mattes without holes and without specks, but with those that a person pointed at."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np

from tam_edit.masks import ops
from tam_edit.types import Box, Mask, Matte, Point

# A hole's soft rim is filled with it, up to so far from it.
RIM_PX = 8.0
# Separate pieces that are smaller, as a share of the object's area, are not worth a word.
STRAY_SHARE = 0.01
# Less of an object than this is rounding.
FAINT = 1 / 510


def holes_filled(matte: Matte, *, share: float) -> Matte:
    """A matte without the holes that it surrounds; a hole that opens to the border is none.

    Args:
        matte: float32 (H, W) in [0, 1].
        share: The largest hole that is filled, as a share of the object's area.
    """
    mask = matte >= np.float32(0.5)
    largest = int(share * cv2.sumElems(matte)[0])
    holes = ops.fill_holes(mask, max_area_px=largest) & ~mask
    if not holes.any():
        return matte
    to_hole, to_outside = _distance_to(holes), _distance_to(~(mask | holes))
    is_rim = mask & (to_hole <= RIM_PX) & (to_hole < to_outside)
    filled = matte.copy()
    filled[holes | is_rim] = 1
    return filled


def specks_dropped(matte: Matte, *, share: float) -> Matte:
    """A matte without its small separate pieces; the largest one always stays.

    Args:
        matte: float32 (H, W) in [0, 1].
        share: Pieces of less than this share of the object's area are dropped.
    """
    total = cv2.sumElems(matte)[0]
    shown = (matte > FAINT).view(np.uint8)
    count, labels = cv2.connectedComponents(shown, connectivity=8)
    areas = np.bincount(labels.ravel(), matte.ravel(), minlength=count)
    areas[0] = 0
    is_small = areas < min(share * total, areas.max(initial=0))
    is_small[0] = False
    dropped = is_small[labels]
    # What hangs on by a faint bridge only is a piece of its own, too.
    mask = (matte >= np.float32(0.5)) & ~dropped
    kept = ops.drop_specks(mask, min_area_px=int(np.ceil(share * total)))
    if (mask & ~kept).any():
        nearer = _distance_to(mask & ~kept) < _distance_to(kept)
        dropped |= nearer & ~kept
    if not dropped.any():
        return matte
    left = matte.copy()
    left[dropped] = 0
    return left


def upheld(
    before: Matte, after: Matte, *, positive: Iterable[Point], negative: Iterable[Point]
) -> Matte:
    """A matte that was worked on, with the pieces and holes in it that a person pointed at.

    Where a click on the object would no longer be in the matte, its whole piece is as it was; where
    one beside the object would be covered, so is its whole hole. The soft rim comes with it.

    Args:
        before: The matte before that, float32 (H, W) in [0, 1].
        after: The matte after it, of the same size.
        positive: Points on the object, column and row in these arrays.
        negative: Points that are not on it.

    Returns:
        float32 (H, W) in [0, 1]; ``after`` itself where nothing that was pointed at is lost.
    """
    if after is before:
        return after
    half = np.float32(0.5)
    was, is_now = before >= half, after >= half
    lost = _around(positive, was & ~is_now, was, connectivity=8)
    covered = _around(negative, ~was & is_now, ~was, connectivity=4)
    if lost is not None:
        after = np.where(lost, np.maximum(after, before), after)
    if covered is not None:
        after = np.where(covered, np.minimum(after, before), after)
    return after


def _around(
    points: Iterable[Point], changed: Mask, regions: Mask, *, connectivity: int
) -> Mask | None:
    """The connected regions, with their rim, that hold a point at which something changed."""
    height, width = changed.shape
    pixels = [(int(np.floor(y + 0.5)), int(np.floor(x + 0.5))) for x, y in points]
    hit = [(y, x) for y, x in pixels if 0 <= y < height and 0 <= x < width and changed[y, x]]
    if not hit:
        return None
    _, labels = cv2.connectedComponents(regions.view(np.uint8), connectivity=connectivity)
    chosen = np.isin(labels, [labels[pixel] for pixel in hit])
    away = _distance_to(chosen)
    is_around: Mask = (away <= RIM_PX) & (away < _distance_to(regions & ~chosen))
    return is_around


def _distance_to(mask: Mask) -> Matte:
    if not mask.any():
        return np.full(mask.shape, np.inf, np.float32)
    distance: Any = cv2.distanceTransform(
        (~mask).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE
    )
    return np.asarray(distance, np.float32)


def stray_pieces(mask: Mask, points: Iterable[Point], box: Box | None) -> list[Mask]:
    """Separate pieces of a mask to which nothing points: no click is on them, nor are they boxed.

    Args:
        mask: bool (H, W).
        points: Clicks on the object, in pixels of the mask.
        box: The rectangle around the object, in pixels of the mask.

    Returns:
        bool (H, W) each, the largest first; pieces of less than a hundredth of the mask are left
        out. None where nothing points to any piece.
    """
    count, labels = cv2.connectedComponents(mask.view(np.uint8), connectivity=8)
    areas = np.bincount(labels.ravel(), minlength=count)
    areas[0] = 0
    rows, columns = mask.shape
    meant = {int(labels[min(int(y), rows - 1), min(int(x), columns - 1)]) for x, y in points}
    if box is not None:
        meant |= set(np.unique(labels[box.slices]).tolist())
    meant -= {0}
    if not meant:
        return []
    least = STRAY_SHARE * areas.sum()
    strays = [i for i in range(1, count) if i not in meant and areas[i] >= least]
    return [labels == i for i in sorted(strays, key=lambda i: -areas[i])]

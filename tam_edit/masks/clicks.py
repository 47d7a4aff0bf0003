"""Clicks as a careful person would make them, worked out from the true mask.

Used to measure click segmenters without a person: the first click lands in the middle of the
object, each following one in the middle of what is most wrong. The rule is that of the DAVIS
interactive challenge (Caelles et al., "The 2018 DAVIS Challenge on Video Object Segmentation",
2018).
"""

from __future__ import annotations

import cv2
import numpy as np

from tam_edit.errors import InputError
from tam_edit.types import Mask, Point


def first_click(truth: Mask) -> Point:
    """The point that lies deepest inside the object.

    Args:
        truth: bool (H, W), the object.

    Returns:
        ``(x, y)``, the centre of the pixel that is farthest from everything outside the object;
        beyond the picture's border counts as outside. Of equals, the topmost, then leftmost.

    Raises:
        InputError: The mask has no pixel.
    """
    if not truth.any():
        raise InputError(
            "there is nothing to click on: the true mask is empty",
            hint="measure on a frame that shows the object",
        )
    return _deepest(truth)[1]


def next_click(truth: Mask, predicted: Mask) -> tuple[Point, bool]:
    """The click that a person would make next to correct a mask.

    Args:
        truth: bool (H, W), the object.
        predicted: bool (H, W), what a model took for the object.

    Returns:
        The point that lies deepest inside a missed or a wrongly taken region, and whether it is
        on the object. A missed region wins over a wrong one of the same depth. Where nothing is
        wrong, the object's own deepest point, once more.

    Raises:
        InputError: The true mask has no pixel or the masks differ in size.
    """
    if truth.shape != predicted.shape:
        raise InputError(
            f"the predicted mask has shape {predicted.shape}, but the true one {truth.shape}",
            hint="compare masks at one size",
        )
    middle = first_click(truth)
    missed_depth, missed = _deepest(truth & ~predicted)
    wrong_depth, wrong = _deepest(predicted & ~truth)
    if missed_depth == wrong_depth == 0:
        return middle, True
    return (missed, True) if missed_depth >= wrong_depth else (wrong, False)


def _deepest(region: Mask) -> tuple[float, Point]:
    """Depth and place of the pixel that is farthest from outside the region."""
    bordered = np.pad(region, 1).astype(np.uint8)
    depth = cv2.distanceTransform(bordered, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return float(depth[y, x]), (float(x), float(y))

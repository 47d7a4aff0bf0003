"""The mask so far as a prompt: clicks put it in doubt where they contradict it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

REACH = 4.0  # of the doubt, in depths of the click in what is wrong
FREE_SHARE = 0.7  # of the way to the nearest click of the other kind that the doubt may take


def doubted(
    mask: NDArray[np.float32],
    points: NDArray[np.float64],
    signs: NDArray[np.bool_],
    reach: float = REACH,
) -> NDArray[np.float32]:
    """A mask that is forgotten around the clicks that it does not satisfy.

    A network that has learned to go on from a mask that is mostly right changes no more than a
    spot around a click. What is uncertain there it decides anew.

    Args:
        mask: float32 (h, w) in [0, 1].
        points: (n, 2), clicks as x and y in pixels of the mask.
        signs: (n,), True for a click on the object.
        reach: How far the doubt goes, in distances from the click to the mask's nearest edge.

    Returns:
        The mask, drawn to 0.5 around such clicks.
    """
    rows, columns = mask.shape
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    known = mask
    for (column, row), sign in zip(points, signs, strict=True):
        i, j = int(np.clip(round(row), 0, rows - 1)), int(np.clip(round(column), 0, columns - 1))
        wrong = (mask > 0.5) != sign
        if not wrong[i, j]:
            continue
        bordered = np.pad(wrong, 1).astype(np.uint8)
        depth = cv2.distanceTransform(bordered, cv2.DIST_L2, cv2.DIST_MASK_5)[i + 1, j + 1]
        radius = reach * float(depth) + 1
        others = points[signs != sign]
        if len(others):
            nearest = float(np.hypot(*(others - (column, row)).T).min())
            radius = min(radius, FREE_SHARE * nearest + 1)
        apart = ((x - j) ** 2 + (y - i) ** 2) / np.float32(radius**2)
        known = np.float32(0.5) + (known - np.float32(0.5)) * (1 - np.exp(-(apart**2)))
    return np.asarray(known, np.float32)

"""From uncertain log-odds to a mask whose outline follows the picture's edges."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

# Neighbours, as (down, right) in pixels; their opposites follow by symmetry.
NEIGHBOURS = (
    (0, 1), (1, 0), (1, 1), (1, -1),
    (0, 3), (3, 0), (2, 2), (2, -2),
    (0, 6), (6, 0), (4, 4), (4, -4),
)  # fmt: skip
ROUNDS = 6
STRENGTH = 2.2
CONTRAST = 2.0


def snap_to_edges(picture: NDArray[np.uint8], log_odds: Float) -> Float:
    """Smooth log-odds within regions of like colour, not across their borders.

    Mean-field rounds on a contrast-sensitive Potts model (Boykov and Jolly, ICCV 2001, for the
    weights; Krähenbühl and Koltun, NeurIPS 2011, for the inference), at half the size: on held-out
    clips the masks were as good as those at full size, at a third of the time.

    Args:
        picture: uint8 (H, W, 3) RGB.
        log_odds: Of each pixel belonging to the object, float32 (H, W).

    Returns:
        Smoothed log-odds, float32 (H, W).
    """
    height, width = log_odds.shape
    size = ((width + 1) // 2, (height + 1) // 2)
    small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    given = np.asarray(cv2.resize(log_odds, size, interpolation=cv2.INTER_AREA), np.float32)
    smooth = cv2.resize(_smoothed(small, given), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(smooth, np.float32)


def _smoothed(picture: NDArray[np.uint8], log_odds: Float) -> Float:
    planes = [np.ascontiguousarray(picture[..., i], np.float32) for i in range(3)]
    weights = [_likeness(planes, dy, dx) for dy, dx in NEIGHBOURS]
    total = log_odds
    for _ in range(ROUNDS):
        belief = np.tanh(total / 2)
        total = log_odds.copy()
        for (dy, dx), weight in zip(NEIGHBOURS, weights, strict=True):
            here, there = shifted(log_odds.shape, dy, dx)
            total[here] += weight * belief[there]
            total[there] += weight * belief[here]
    return total


def shifted(shape: tuple[int, ...], dy: int, dx: int) -> tuple[tuple[slice, slice], ...]:
    """Slices of all pairs of pixels that lie (dy, dx) apart; dy is not negative."""
    rows, columns = shape[0], shape[1]
    dy, reach = min(dy, rows), min(abs(dx), columns)
    left, right = slice(0, columns - reach), slice(reach, columns)
    upper, lower = slice(0, rows - dy), slice(dy, rows)
    return ((upper, left), (lower, right)) if dx >= 0 else ((upper, right), (lower, left))


def _likeness(planes: list[Float], dy: int, dx: int) -> Float:
    """The weight between pixels that lie (dy, dx) apart, from how alike their colours are."""
    here, there = shifted(planes[0].shape, dy, dx)
    apart = np.zeros_like(planes[0][here])
    for plane in planes:
        step = plane[here] - plane[there]
        apart += step * step
    if apart.size == 0:
        return apart
    near = np.float32(STRENGTH / np.hypot(dy, dx))
    sharpness = np.float32(CONTRAST / (float(apart.mean()) + 1))
    result: Float = near * np.exp(-sharpness * apart)
    return result

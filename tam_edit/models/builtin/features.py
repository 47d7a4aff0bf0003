"""Cheap per-pixel features: colour and oriented gradients over windows of several sizes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.types import Box

Float = NDArray[np.float32]

COLOR_WINDOWS_PX = (5, 11, 21, 41)
SPREAD_WINDOWS_PX = (7, 21)
PATCH_STEP_PX = 5
GRADIENT_SIGMAS_PX = (0.0, 2.0)
GRADIENT_WINDOWS_PX = (7, 17, 35)
# The widest window reaches this far beyond a pixel.
REACH_PX = 21

SCALED = False
REFERENCE_REACH_PX = 60.0
SCALE_LIMITS = (0.4, 2.0)

FEATURE_COUNT = (
    3
    + 3 * len(COLOR_WINDOWS_PX)
    + 3 * len(SPREAD_WINDOWS_PX)
    + 3 * 4
    + 4 * len(GRADIENT_SIGMAS_PX) * len(GRADIENT_WINDOWS_PX)
)


def window_scale(reach_px: float) -> float:
    """How much larger or smaller than usual the windows are for an object of that size."""
    if not SCALED:
        return 1.0
    return float(np.clip(reach_px / REFERENCE_REACH_PX, *SCALE_LIMITS))


def pixel_features(picture: NDArray[np.uint8], box: Box, scale: float) -> Float:
    """Describe every pixel of a region.

    Args:
        picture: uint8 (H, W, 3) RGB.
        box: The region, inside the picture.
        scale: What the windows' sizes are multiplied with.

    Returns:
        float32 (h, w, FEATURE_COUNT), of the order of one.
    """
    reach = _odd(max(COLOR_WINDOWS_PX), scale) // 2 + 2
    outer = box.grown(reach).clipped(picture.shape[1], picture.shape[0])
    inner = Box(box.x0 - outer.x0, box.y0 - outer.y0, box.x1 - outer.x0, box.y1 - outer.y0)
    rgb = picture[outer.slices].astype(np.float32) / np.float32(255)
    lab = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB), np.float32) / np.float32(25)
    channels = [np.asarray(cv2.GaussianBlur(lab, (3, 3), 0), np.float32)]
    channels += [_averaged(lab, _odd(size, scale)) for size in COLOR_WINDOWS_PX]
    squared = lab * lab
    for size in SPREAD_WINDOWS_PX:
        window = _odd(size, scale)
        variance = _averaged(squared, window) - _averaged(lab, window) ** 2
        channels.append(np.sqrt(np.maximum(variance, 0)))
    step = max(1, round(PATCH_STEP_PX * scale))
    padded = np.pad(_averaged(lab, 3), ((step, step), (step, step), (0, 0)), "edge")
    rows, columns = lab.shape[:2]
    for dy, dx in ((0, step), (2 * step, step), (step, 0), (step, 2 * step)):
        channels.append(padded[dy : dy + rows, dx : dx + columns])
    channels += _oriented_gradients(np.ascontiguousarray(lab[..., 0]), scale)
    return np.concatenate([channel[inner.slices] for channel in channels], axis=2)


def _oriented_gradients(light: Float, scale: float) -> list[Float]:
    """Gradient strength along four directions, averaged over windows of several sizes."""
    channels: list[Float] = []
    for sigma in GRADIENT_SIGMAS_PX:
        smooth = cv2.GaussianBlur(light, (0, 0), sigma) if sigma else light
        gx = cv2.Scharr(smooth, cv2.CV_32F, 1, 0, scale=1 / 16)
        gy = cv2.Scharr(smooth, cv2.CV_32F, 0, 1, scale=1 / 16)
        root = np.float32(np.sqrt(0.5))
        slopes = np.stack([gx, gy, root * (gx + gy), root * (gx - gy)], axis=-1)
        # The root keeps one strong edge from hiding all texture.
        strength = np.sqrt(np.abs(slopes)).astype(np.float32)
        channels += [_averaged(strength, _odd(size, scale)) for size in GRADIENT_WINDOWS_PX]
    return channels


def _averaged(field: Float, window: int) -> Float:
    return np.asarray(cv2.blur(field, (window, window)), np.float32)


def _odd(window: int, scale: float) -> int:
    return 2 * round((window * scale - 1) / 2) + 1

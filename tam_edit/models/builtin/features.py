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

FEATURE_COUNT = (
    3
    + 3 * len(COLOR_WINDOWS_PX)
    + 3 * len(SPREAD_WINDOWS_PX)
    + 3 * 4
    + 4 * len(GRADIENT_SIGMAS_PX) * len(GRADIENT_WINDOWS_PX)
)


def pixel_features(picture: NDArray[np.uint8], box: Box) -> Float:
    """Describe every pixel of a region.

    Args:
        picture: uint8 (H, W, 3) RGB.
        box: The region, inside the picture.

    Returns:
        float32 (h, w, FEATURE_COUNT), of the order of one.
    """
    outer = box.grown(REACH_PX).clipped(picture.shape[1], picture.shape[0])
    inner = Box(box.x0 - outer.x0, box.y0 - outer.y0, box.x1 - outer.x0, box.y1 - outer.y0)
    rgb = picture[outer.slices].astype(np.float32) / np.float32(255)
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB) / np.float32(25)
    fine = cv2.GaussianBlur(lab, (3, 3), 0)
    channels = [fine]
    channels += [cv2.blur(lab, (size, size)) for size in COLOR_WINDOWS_PX]
    squared = lab * lab
    for size in SPREAD_WINDOWS_PX:
        variance = cv2.blur(squared, (size, size)) - cv2.blur(lab, (size, size)) ** 2
        channels.append(np.sqrt(np.maximum(variance, 0)))
    around = cv2.blur(lab, (3, 3))
    step = PATCH_STEP_PX
    padded = cv2.copyMakeBorder(around, step, step, step, step, cv2.BORDER_REPLICATE)
    rows, columns = lab.shape[:2]
    for dy, dx in ((0, step), (2 * step, step), (step, 0), (step, 2 * step)):
        channels.append(padded[dy : dy + rows, dx : dx + columns])
    channels += _oriented_gradients(lab[..., 0])
    return np.concatenate([channel[inner.slices] for channel in channels], axis=2)


def _oriented_gradients(light: Float) -> list[Float]:
    """Gradient strength along four directions, averaged over windows of several sizes."""
    channels: list[Float] = []
    light = np.ascontiguousarray(light)
    for sigma in GRADIENT_SIGMAS_PX:
        smooth = cv2.GaussianBlur(light, (0, 0), sigma) if sigma else light
        gx = cv2.Scharr(smooth, cv2.CV_32F, 1, 0, scale=1 / 16)
        gy = cv2.Scharr(smooth, cv2.CV_32F, 0, 1, scale=1 / 16)
        root = np.float32(np.sqrt(0.5))
        strength = np.sqrt(np.abs(np.stack([gx, gy, root * (gx + gy), root * (gx - gy)], axis=-1)))
        channels += [
            np.asarray(cv2.blur(strength, (size, size)), np.float32) for size in GRADIENT_WINDOWS_PX
        ]
    return channels

"""Cheap per-pixel features: colour and oriented gradients over windows of several sizes."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.models.builtin.tracker.deep import DeepGrid
from tam_edit.types import Box

Float = NDArray[np.float32]
Rows = NDArray[np.intp]

COLOR_WINDOWS_PX = (3, 5, 9, 15, 29)
SPREAD_WINDOWS_PX = (5, 15)
PATCH_STEP_PX = 4
GRADIENT_SIGMAS_PX = (0.0, 2.0)
GRADIENT_WINDOWS_PX = (5, 13, 25)
# The widest window with the gradients' own reach.
REACH_PX = 19

FEATURE_COUNT = 3 * (len(COLOR_WINDOWS_PX) + len(SPREAD_WINDOWS_PX) + 4) + 4 * len(
    GRADIENT_SIGMAS_PX
) * len(GRADIENT_WINDOWS_PX)


@dataclass(frozen=True, eq=False)
class Region:
    """All that is known of a region's pixels.

    Attributes:
        box: Where it is.
        near: What ``pixel_features`` says, float32 (FEATURE_COUNT, h * w).
        deep: The whole picture's deep features.
    """

    box: Box
    near: Float
    deep: DeepGrid | None

    def rows(self, wanted: Rows) -> Float:
        """Near and deep features of some pixels, float32 (N, C)."""
        near = self.near[:, wanted].T
        if self.deep is None:
            return near
        y, x = np.divmod(wanted, self.box.width)
        return np.concatenate([near, self.deep.at(y + self.box.y0, x + self.box.x0)], axis=1)


def pixel_features(picture: NDArray[np.uint8], box: Box) -> Float:
    """Describe every pixel of a region.

    Args:
        picture: uint8 (H, W, 3) RGB.
        box: The region, inside the picture.

    Returns:
        float32 (FEATURE_COUNT, h * w), of the order of one; pixels row by row.
    """
    outer = box.grown(REACH_PX).clipped(picture.shape[1], picture.shape[0])
    inner = Box(box.x0 - outer.x0, box.y0 - outer.y0, box.x1 - outer.x0, box.y1 - outer.y0)
    rgb = picture[outer.slices].astype(np.float32) / np.float32(255)
    lab = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB), np.float32)
    planes = [np.ascontiguousarray(lab[..., i]) * np.float32(0.04) for i in range(3)]
    features = np.empty((FEATURE_COUNT, box.height, box.width), np.float32)
    channels = [channel for plane in planes for channel in _color_channels(plane)]
    channels += _oriented_gradients(planes[0])
    for target, channel in zip(features, channels, strict=True):
        target[...] = channel[inner.slices]
    return features.reshape(FEATURE_COUNT, -1)


def _color_channels(plane: Float) -> list[Float]:
    """Means and spreads of one colour plane over windows, and its values around the pixel."""
    means = {size: _averaged(plane, size) for size in COLOR_WINDOWS_PX + SPREAD_WINDOWS_PX}
    channels = [means[size] for size in COLOR_WINDOWS_PX]
    squared = plane * plane
    for size in SPREAD_WINDOWS_PX:
        variance = _averaged(squared, size) - means[size] * means[size]
        channels.append(np.sqrt(np.maximum(variance, 0)))
    rows, columns = plane.shape
    step = PATCH_STEP_PX
    padded = np.pad(means[COLOR_WINDOWS_PX[0]], step, "edge")
    for dy, dx in ((0, step), (2 * step, step), (step, 0), (step, 2 * step)):
        channels.append(padded[dy : dy + rows, dx : dx + columns])
    return channels


def _oriented_gradients(light: Float) -> list[Float]:
    """Gradient strength along four directions, averaged over windows of several sizes."""
    channels: list[Float] = []
    root = np.float32(np.sqrt(0.5))
    for sigma in GRADIENT_SIGMAS_PX:
        smooth = cv2.GaussianBlur(light, (0, 0), sigma) if sigma else light
        gx = np.asarray(cv2.Scharr(smooth, cv2.CV_32F, 1, 0, scale=1 / 16), np.float32)
        gy = np.asarray(cv2.Scharr(smooth, cv2.CV_32F, 0, 1, scale=1 / 16), np.float32)
        for slope in (gx, gy, root * (gx + gy), root * (gx - gy)):
            # The root keeps one strong edge from hiding all texture.
            strength = np.sqrt(np.abs(slope))
            channels += [_averaged(strength, size) for size in GRADIENT_WINDOWS_PX]
    return channels


def _averaged(plane: Float, window: int) -> Float:
    return np.asarray(cv2.blur(plane, (window, window)), np.float32)

"""Means over the pixels that a matte allows, and over no others."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.types import Image, Matte

Floats: TypeAlias = NDArray[np.float32]

# A Gaussian is computed on a picture so much smaller that it still has this sigma there.
SMALL_SIGMA_PX = 3.0
EPSILON = 1e-6


def block_means(image: Image, weight: Matte, block_px: int, skip: tuple[int, int]) -> Image:
    """Every pixel replaced by the weighted mean of its square block.

    Args:
        image: (h, w, 3), uint8 or uint16.
        weight: float32 (h, w) in [0, 1]; what has weight 0 has no influence.
        block_px: Side of a block.
        skip: Columns and rows of the first block that lie left of and above the image.

    Returns:
        Of the image's shape and type; a block without any weight takes the mean of all.
    """
    height, width = weight.shape
    means = _filled(_block_sums(image, weight, block_px, skip))
    rounded: Any = np.rint(means).astype(image.dtype)
    large: Any = np.repeat(np.repeat(rounded, block_px, axis=1), block_px, axis=0)
    picture: Image = large[skip[1] : skip[1] + height, skip[0] : skip[0] + width]
    return picture


def gaussian_means(image: Image, weight: Matte, sigma_px: float) -> Image:
    """Gaussian mean of the weighted pixels around each pixel.

    A large Gaussian runs on block means; the averaging before and the interpolation after count
    towards its variance.

    Args:
        image: (h, w, 3), uint8 or uint16.
        weight: float32 (h, w) in [0, 1]; what has weight 0 has no influence.
        sigma_px: Standard deviation, in pixels.

    Returns:
        Of the image's shape and type; also where the weight is 0.
    """
    height, width = weight.shape
    block_px = max(1, int(sigma_px / SMALL_SIGMA_PX))
    small = smoothed(_block_sums(image, weight, block_px, (0, 0)), sigma_px, block_px)
    size = (small.shape[1] * block_px, small.shape[0] * block_px)
    rounded: Any = np.rint(small).astype(image.dtype)
    picture: Image = cv2.resize(rounded, size, interpolation=cv2.INTER_LINEAR)[:height, :width]
    return picture


def smoothed(sums: Floats, sigma_px: float, block_px: float) -> Floats:
    """A normalised Gaussian of block sums.

    Args:
        sums: float32 (rows, columns, 4): weighted red, green, blue, and the weight.
        sigma_px: Standard deviation in pixels of the full picture.
        block_px: Pixels of the full picture per column and row.

    Returns:
        float32 (rows, columns, 3).
    """
    # A box of k pixels has variance (k² - 1) / 12, linear interpolation back about k² / 6.
    lost = (block_px**2 - 1) / 12 + block_px**2 / 6 if block_px > 1 else 0.0
    sigma = math.sqrt(sigma_px**2 - lost) / block_px
    blurred: Any = cv2.GaussianBlur(sums, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    return _filled(blurred)


def _block_sums(image: Image, weight: Matte, block_px: int, skip: tuple[int, int]) -> Floats:
    height, width = weight.shape
    left, top = skip
    margins = (top, -(top + height) % block_px, left, -(left + width) % block_px)
    parts = []
    for part in (_weighted(image, weight), weight):
        padded: Any = cv2.copyMakeBorder(part, *margins, cv2.BORDER_CONSTANT).astype(np.float32)
        size = (padded.shape[1] // block_px, padded.shape[0] // block_px)
        parts.append(cv2.resize(padded, size, interpolation=cv2.INTER_AREA))
    return np.dstack(parts)


def _weighted(image: Image, weight: Matte) -> Any:
    """The image times the weight; a weight of 0 and 1 only needs no arithmetic."""
    if cv2.countNonZero(weight) == cv2.sumElems(weight)[0]:
        return cv2.copyTo(image, (weight > 0).view(np.uint8))
    return cv2.multiply(image.astype(np.float32), cv2.merge((weight, weight, weight)))


def _filled(sums: Floats) -> Floats:
    """Means from sums; where there is no weight, the mean of all."""
    total = sums[..., 3:]
    overall = sums.sum(axis=(0, 1), dtype=np.float64)
    fallback = (overall[:3] / max(overall[3], EPSILON)).astype(np.float32)
    means: Floats = np.where(
        total > EPSILON, sums[..., :3] / np.maximum(total, np.float32(EPSILON)), fallback
    )
    return means

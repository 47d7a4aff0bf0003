"""Values for places where there are none: smooth continuation, and invented picture."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.types import Mask, box_of

Floats: TypeAlias = NDArray[np.float32]
Fallback: TypeAlias = Literal["telea", "navier-stokes", "smooth"]
FALLBACKS = ("telea", "navier-stokes", "smooth")

EPSILON = 1e-6
# OpenCV's inpainting slows down with the hole's area: a larger one is filled on a smaller picture.
INPAINT_MAX_SIDE_PX = 320
# From how far the inpainting takes its colours; OpenCV's samples and papers use 3 to 5.
INPAINT_RADIUS_PX = 5.0
# In a picture of one column OpenCV's inpainting reads memory that nobody wrote.
FRAME_PX = (2, 2, 2, 2)
# How far around a hole its inpainting looks.
INPAINT_MARGIN_PX = 32


def continued(values: Floats, weight: Floats) -> Floats:
    """Values continued smoothly to where their weight is 0.

    Push-pull over a pyramid: "The Lumigraph" (Gortler et al., SIGGRAPH 1996). What has weight 1
    stays as it is; between 0 and 1 it is mixed with what its surroundings say.

    Args:
        values: float32 (h, w, c); what has weight 0 has no influence.
        weight: float32 (h, w) in [0, 1].

    Returns:
        float32 (h, w, c); 0 where nothing has any weight.
    """
    height, width = weight.shape
    if height * width <= 1 or not cv2.countNonZero(weight):
        return values * (weight[..., None] > 0)
    if cv2.minMaxLoc(weight)[0] >= 1:
        return values
    padding = ((0, height % 2), (0, width % 2))
    part = np.pad(weight, padding)
    weighted = np.pad(values * weight[..., None], (*padding, (0, 0)))
    size = (part.shape[1] // 2, part.shape[0] // 2)
    coarse_weight = 4 * _shrunk(part, size)
    sums = 4 * _shrunk(weighted, size)
    means: Any = sums / np.maximum(coarse_weight, np.float32(EPSILON))[..., None]
    coarse = continued(means, np.minimum(coarse_weight, np.float32(1)))
    large = _channels(cv2.resize(coarse, (2 * size[0], 2 * size[1])), values.shape[2])
    large = large[:height, :width]
    filled: Floats = large + (values - large) * weight[..., None]
    return np.where(weight[..., None] > 0, filled, large)


def smoothed(values: Floats, weight: Floats, sigma_px: float) -> Floats:
    """A Gaussian mean of weighted values, continued to where there are none near.

    Args:
        values: float32 (h, w, c); what has weight 0 has no influence.
        weight: float32 (h, w) in [0, 1].
        sigma_px: Standard deviation of the Gaussian (Knutsson and Westin, CVPR 1993).
    """
    weighted = np.where(weight[..., None] > 0, values * weight[..., None], np.float32(0))
    sums = _channels(_blurred(weighted, sigma_px), values.shape[2])
    near = _blurred(weight, sigma_px)
    means: Any = sums / np.maximum(near, np.float32(EPSILON))[..., None]
    # Half of a Gaussian's mass lies beyond a straight edge: there the mean is still well founded.
    return continued(means, np.minimum(np.maximum(4 * near - np.float32(0.2), 0), np.float32(1)))


def largest(values: Floats) -> Floats:
    """The largest of three channels; many times faster than along an axis of three."""
    biggest: Floats = np.maximum(np.maximum(values[..., 0], values[..., 1]), values[..., 2])
    return biggest


def invented(image: Floats, known: Mask, fallback: Fallback) -> Floats:
    """A picture whose unknown part is filled from its known one.

    Args:
        image: float32 (h, w, 3) in [0, 255]; the unknown part has no influence.
        known: bool (h, w).
        fallback: ``telea`` (Telea, "An image inpainting technique based on the fast marching
            method", 2004), ``navier-stokes`` (Bertalmio et al., CVPR 2001) or ``smooth``.

    Returns:
        float32 (h, w, 3); the known part as it was; mid-grey where nothing at all is known.
    """
    if known.all():
        return image
    if not known.any():
        return np.full_like(image, 127.5)
    base = continued(image, known.astype(np.float32))
    if fallback == "smooth":
        return base
    height, width = known.shape
    box = box_of(~known).grown(INPAINT_MARGIN_PX).clipped(width, height)
    filled = base.copy()
    filled[box.slices] = _inpainted(base[box.slices], known[box.slices], fallback)
    return np.where(known[..., None], image, filled)


def _inpainted(base: Floats, known: Mask, fallback: Fallback) -> Floats:
    height, width = known.shape
    shrink = max(1.0, max(height, width) / INPAINT_MAX_SIDE_PX)
    size = (max(1, round(width / shrink)), max(1, round(height / shrink)))
    small = cv2.copyMakeBorder(_shrunk(base, size), *FRAME_PX, cv2.BORDER_REPLICATE)
    share = _shrunk((~known).astype(np.float32), size)
    hole: Any = cv2.copyMakeBorder(share, *FRAME_PX, cv2.BORDER_REPLICATE) > 0
    method = cv2.INPAINT_TELEA if fallback == "telea" else cv2.INPAINT_NS
    # One channel at a time, since only then it takes more than 8 bits.
    channels = [
        cv2.inpaint(np.ascontiguousarray(each), hole.view(np.uint8), INPAINT_RADIUS_PX, method)
        for each in cv2.split(small)
    ]
    top, left = FRAME_PX[0], FRAME_PX[2]
    filled: Any = cv2.merge(channels)[top : top + size[1], left : left + size[0]]
    if shrink > 1:
        filled = cv2.resize(filled, (width, height))
    inpainted: Floats = filled
    return inpainted


def _shrunk(array: Floats, size: tuple[int, int]) -> Floats:
    small: Any = cv2.resize(array, size, interpolation=cv2.INTER_AREA)
    shrunk: Floats = _channels(small, array.shape[2]) if array.ndim == 3 else small
    return shrunk


def _blurred(array: Floats, sigma_px: float) -> Floats:
    blurred: Any = cv2.GaussianBlur(array, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT_101)
    result: Floats = blurred
    return result


def _channels(array: Any, count: int) -> Floats:
    """OpenCV drops the axis of a single channel."""
    shaped: Floats = array.reshape(*array.shape[:2], count)
    return shaped

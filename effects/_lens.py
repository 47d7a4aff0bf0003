"""What is out of focus, as a lens draws it: every point of light becomes a disc."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.pixels import ColorTags
from tam_edit.types import Image, Matte

from ._light import decoded, encoded
from ._means import EPSILON

Floats: TypeAlias = NDArray[np.float32]

# A disc is drawn on a picture so much smaller that it still has this radius there.
SMALL_RADIUS_PX = 8.0
# Sub-pixels per side that a kernel's edge is drawn with.
FINE = 8


def aperture(radius_px: float, blades: int) -> Floats:
    """A disc, or a regular polygon of the same area, that sums to 1; float32 (n, n), n odd.

    Args:
        radius_px: Of the disc, in pixels; above 0.
        blades: Sides of the polygon; fewer than 3 make a disc.
    """
    # A polygon's corners lie further out than the disc of its area.
    outer = radius_px
    if blades >= 3:
        outer *= math.sqrt(2 * math.pi / (blades * math.sin(2 * math.pi / blades)))
    half = max(1, math.ceil(outer))
    side = (2 * half + 1) * FINE
    at = (np.arange(side) + 0.5) / FINE - half - 0.5
    x, y = np.meshgrid(at, at)
    if blades >= 3:
        # One side lies below: how far out a pixel is in the direction of its nearest side.
        sector = 2 * math.pi / blades
        turn = np.mod(np.arctan2(y, x) - math.pi / 2 + sector / 2, sector) - sector / 2
        is_open = np.hypot(x, y) * np.cos(turn) <= outer * math.cos(math.pi / blades)
    else:
        is_open = np.hypot(x, y) <= outer
    size = 2 * half + 1
    share = is_open.reshape(size, FINE, size, FINE).mean(axis=(1, 3))
    kernel: Floats = (share / share.sum()).astype(np.float32)
    return kernel


def lens_means(
    image: Image,
    weight: Matte,
    *,
    radius_px: float,
    blades: int,
    highlight_stops: float,
    color: ColorTags,
) -> Image:
    """The weighted pixels out of focus, each spread over a disc in linear light.

    A large disc is drawn on a reduced picture: its radius there is at least ``SMALL_RADIUS_PX``.

    Args:
        image: (h, w, 3), uint8 or uint16.
        weight: float32 (h, w) in [0, 1]; what has weight 0 has no influence.
        radius_px: Of the disc.
        blades: Of the aperture; fewer than 3 make a round one.
        highlight_stops: How much brighter than full scale clipped lights are taken to have been.
        color: Says how the values stand for light.

    Returns:
        Of the image's shape and type; also where the weight is 0.
    """
    height, width = weight.shape
    step = max(1, int(radius_px / SMALL_RADIUS_PX))
    light: Any = decoded(image, color, highlight_stops)
    if cv2.minMaxLoc(weight)[0] < 1:
        light = cv2.multiply(light, cv2.merge((weight, weight, weight)))
    parts = [_reduced(part, step) for part in (light, weight)]
    # A box of k pixels has variance (k² - 1) / 12, linear interpolation back about k² / 6, a disc a
    # quarter of its radius squared.
    lost = (step**2 - 1) / 12 + step**2 / 6 if step > 1 else 0.0
    kernel = aperture(math.sqrt(radius_px**2 - 4 * lost) / step, blades)
    kernel = np.ascontiguousarray(kernel[::-1, ::-1])  # filter2D correlates
    spread = [cv2.filter2D(part, -1, kernel, borderType=cv2.BORDER_CONSTANT) for part in parts]
    # Convolution by Fourier transform leaves noise where there is nothing.
    total: Any = np.maximum(spread[1], np.float32(EPSILON))[..., None]
    means: Any = encoded(np.maximum(spread[0], 0) / total, color, image.dtype.type)
    size = (means.shape[1] * step, means.shape[0] * step)
    picture: Image = cv2.resize(means, size, interpolation=cv2.INTER_LINEAR)[:height, :width]
    return picture


def _reduced(part: Any, step: int) -> Any:
    """Means of squares of pixels; what lacks to the last square counts as nothing."""
    rows, columns = part.shape[:2]
    below, beside = -rows % step, -columns % step
    if below or beside:
        part = cv2.copyMakeBorder(part, 0, below, 0, beside, cv2.BORDER_CONSTANT)
    size = ((columns + beside) // step, (rows + below) // step)
    return cv2.resize(part, size, interpolation=cv2.INTER_AREA)

"""Pictures that do not come from the frame: one colour, a still, a video's picture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import cv2
import numpy as np

from tam_edit.types import Box, Image

Fit: TypeAlias = Literal["cover", "contain", "stretch", "unscaled", "tile"]
FITS: tuple[Fit, ...] = get_args(Fit)
Bars: TypeAlias = Literal["color", "blurred"]
BARS: tuple[Bars, ...] = get_args(Bars)
Align: TypeAlias = Literal[
    "centre",
    "top",
    "bottom",
    "left",
    "right",
    "top-left",
    "top-right",
    "bottom-left",
    "bottom-right",
]
ALIGNS: tuple[Align, ...] = get_args(Align)
# Blurred bars: what is behind is to be felt, not seen.
BARS_SIGMA_SHARE = 0.04
BARS_SHORT_SIDE_PX = 135


@dataclass(frozen=True, kw_only=True)
class Framing:
    """How a picture of another size fills a frame.

    Attributes:
        fit: ``cover`` fills the frame and crops what is too much, ``contain`` shows the whole
            picture, ``stretch`` changes its proportions, ``unscaled`` shows it pixel for pixel,
            ``tile`` the same again and again.
        align: Which part stays where there is too much, where it lies where there is too little.
        bars: What is seen beside it: one colour, or the picture itself, filling the frame, blurred.
        bar_rgb: That colour, 0 to 255.
    """

    fit: Fit = "cover"
    align: Align = "centre"
    bars: Bars = "color"
    bar_rgb: tuple[int, int, int] = (0, 0, 0)


def plain_image(
    rgb: tuple[int, int, int], width: int, height: int, dtype: type[np.uint8 | np.uint16]
) -> Image:
    """A picture of one colour.

    Args:
        rgb: Red, green and blue, 0 to 255.
        width: Columns.
        height: Rows.
        dtype: Sample type; 255 becomes its full scale.
    """
    image: Any = np.empty((height, width, 3), dtype)
    # Row by row: numpy copies whole rows fast, single pixels slowly.
    image[:1] = np.array(rgb) * (np.iinfo(dtype).max // 255)
    image[1:] = image[:1]
    picture: Image = image
    return picture


def fitted(
    image: Image, width: int, height: int, dtype: type[np.uint8 | np.uint16], framing: Framing
) -> Image:
    """A picture brought to another size and sample type.

    Args:
        image: (H, W, 3) RGB, uint8 or uint16.
        width: Columns wanted.
        height: Rows wanted.
        dtype: Sample type wanted.
        framing: How it fills them.
    """
    size = _size(image, width, height, framing.fit)
    scaled = _of_type(_scaled(image, size), dtype)
    left = _offset(width - size[0], framing.align, "left", "right")
    top = _offset(height - size[1], framing.align, "top", "bottom")
    if framing.fit == "tile":
        rows, columns = (np.arange(height) - top) % size[1], (np.arange(width) - left) % size[0]
        tiled: Image = scaled[rows[:, None], columns]
        return tiled
    whole = Box(left, top, left + size[0], top + size[1])
    seen = whole.clipped(width, height)
    part = scaled[seen.y0 - top : seen.y1 - top, seen.x0 - left : seen.x1 - left]
    if part.shape[:2] == (height, width):
        picture: Image = np.ascontiguousarray(part)
        return picture
    result = _surround(image, width, height, dtype, framing)
    result[seen.slices] = part
    return result


def _size(image: Image, width: int, height: int, fit: Fit) -> tuple[int, int]:
    """Columns and rows of the scaled picture."""
    rows, columns = image.shape[:2]
    if fit == "stretch":
        return width, height
    if fit in ("unscaled", "tile"):
        return columns, rows
    ratios = (width / columns, height / rows)
    scale = max(ratios) if fit == "cover" else min(ratios)
    return max(1, round(columns * scale)), max(1, round(rows * scale))


def _offset(free: int, align: Align, low: str, high: str) -> int:
    """Where the picture begins, with so many free pixels; below 0 where some have no place."""
    if low in align:
        return 0
    return free if high in align else free // 2


def _surround(
    image: Image, width: int, height: int, dtype: type[np.uint8 | np.uint16], framing: Framing
) -> Image:
    """What is seen beside the picture."""
    if framing.bars == "color":
        return plain_image(framing.bar_rgb, width, height, dtype)
    scale = min(1.0, BARS_SHORT_SIDE_PX / min(width, height))
    small = (max(1, math.ceil(width * scale)), max(1, math.ceil(height * scale)))
    behind = fitted(image, *small, dtype, Framing(align=framing.align))
    sigma_px = max(0.5, BARS_SIGMA_SHARE * min(small))
    blurred: Any = cv2.GaussianBlur(behind, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT)
    large: Any = cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR)
    picture: Image = large
    return picture


def _scaled(image: Image, size: tuple[int, int]) -> Any:
    rows, columns = image.shape[:2]
    if size == (columns, rows):
        return image
    method = cv2.INTER_AREA if size[0] < columns else cv2.INTER_CUBIC
    return cv2.resize(image, size, interpolation=method)


def _of_type(image: Any, dtype: type[np.uint8 | np.uint16]) -> Any:
    if image.dtype == dtype:
        return image
    if dtype == np.uint16:
        return image.astype(np.uint16) * np.uint16(257)
    return ((image.astype(np.uint32) + 128) // 257).astype(np.uint8)

"""Pictures that do not come from the frame: one colour, a still, a video's picture."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import cv2
import numpy as np

from tam_edit.types import Image

Fit: TypeAlias = Literal["cover", "contain", "stretch"]
FITS = ("cover", "contain", "stretch")


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
    image: Image, width: int, height: int, dtype: type[np.uint8 | np.uint16], fit: Fit
) -> Image:
    """A picture brought to another size and sample type.

    Args:
        image: (H, W, 3) RGB, uint8 or uint16.
        width: Columns wanted.
        height: Rows wanted.
        dtype: Sample type wanted.
        fit: ``cover`` fills the size and crops what is too much, ``contain`` shows the whole
            picture between black bars, ``stretch`` changes its proportions.
    """
    rows, columns = image.shape[:2]
    ratios = (width / columns, height / rows)
    scale = max(ratios) if fit == "cover" else min(ratios)
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    if fit == "stretch":
        size = (width, height)
    method = cv2.INTER_AREA if size[0] < columns else cv2.INTER_CUBIC
    scaled = _of_type(cv2.resize(image, size, interpolation=method), dtype)
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    result: Any = np.zeros((height, width, 3), dtype)
    shown = scaled[max(0, -top) :, max(0, -left) :][:height, :width]
    top, left = max(0, top), max(0, left)
    result[top : top + shown.shape[0], left : left + shown.shape[1]] = shown
    picture: Image = result
    return picture


def _of_type(image: Any, dtype: type[np.uint8 | np.uint16]) -> Any:
    if image.dtype == dtype:
        return image
    if dtype == np.uint16:
        return image.astype(np.uint16) * np.uint16(257)
    return ((image.astype(np.uint32) + 128) // 257).astype(np.uint8)

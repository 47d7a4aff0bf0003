"""Premultiplied colours: faded to black as far as a pixel is transparent.

Code values are multiplied, not light, as editing programs expect it: ``c * a``, with black at the
low end of the range and colour differences counted from their middle.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.pixels import PixelLayout, Plane

BLACK_8_BITS = 16


def premultiplied(
    planes: tuple[Plane, ...], layout: PixelLayout, *, is_full_range: bool
) -> tuple[Plane, ...]:
    """Planes with their colours faded; the alpha plane, the last one, stays.

    Args:
        planes: Of a layout that has alpha.
        layout: How they are to be read.
        is_full_range: Whether black is 0; else it is 16 in 8 bits.
    """
    share = planes[-1].astype(np.float32) / np.float32(layout.max_value)
    low = 0 if layout.is_rgb or is_full_range else BLACK_8_BITS << (layout.bits - 8)
    faded: list[Plane] = []
    for k, plane in enumerate(planes[:-1]):
        is_chroma = layout.is_chroma(k)
        zero = np.float32(1 << (layout.bits - 1) if is_chroma else low)
        alpha = _pooled(share, layout.step(k))
        values: Any = (plane.astype(np.float32) - zero) * alpha + zero
        faded.append(np.rint(values).clip(0, layout.max_value).astype(layout.dtype))
    return (*faded, planes[-1])


def _pooled(share: NDArray[np.float32], step: tuple[int, int]) -> NDArray[Any]:
    """The mean alpha of the pixels that each sample serves."""
    step_x, step_y = step
    if step == (1, 1):
        return share
    rows, columns = share.shape
    missing = ((0, -rows % step_y), (0, -columns % step_x))
    even = np.pad(share, missing, "edge") if any(map(any, missing)) else share
    size = (even.shape[1] // step_x, even.shape[0] // step_y)
    pooled: NDArray[Any] = cv2.resize(even, size, interpolation=cv2.INTER_AREA)
    return pooled

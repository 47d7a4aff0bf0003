"""Coded values to light and back, by a picture's colour tags."""

from __future__ import annotations

import functools
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.pixels import ColorTags
from tam_edit.types import Image

Floats: TypeAlias = NDArray[Any]

# Transfer characteristics by ITU-T H.273.
GAMMA_28, LINEAR, SRGB, PQ, HLG = 5, 8, 13, 16, 18
CAMERA = (1, 6, 11, 14, 15)  # BT.709, BT.601, xvYCC, BT.2020: one curve
# The two numbers with which that curve's halves meet, as BT.2020 gives them.
ALPHA, BETA = 1.09929682680944, 0.018053968510807
# For pictures that say nothing, and for gamma 2.2 itself.
GAMMA = 2.2
# SMPTE ST 2084.
PQ_M1, PQ_M2 = 2610 / 16384, 2523 / 4096 * 128
PQ_C1, PQ_C2, PQ_C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
# ARIB STD-B67, as in BT.2100.
HLG_A, HLG_B, HLG_C = 0.17883277, 0.28466892, 0.55991073

# From this coded value of its brightest colour on a pixel is taken to be clipped, fully so at full
# scale. All its colours get brighter alike: an orange lamp stays orange.
CLIPPED_FROM = 0.92


def to_light(code: Floats, transfer: int) -> Floats:
    """Light that coded values stand for; 0 and 1 stay.

    Args:
        code: In [0, 1].
        transfer: Code point of ITU-T H.273; an unknown one is taken for gamma 2.2.
    """
    if transfer in CAMERA:
        bright = ((code + ALPHA - 1) / ALPHA) ** (1 / 0.45)
        return np.where(code < 4.5 * BETA, code / 4.5, bright)
    if transfer == SRGB:
        return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)
    if transfer == PQ:
        root = code ** (1 / PQ_M2)
        return (np.maximum(root - PQ_C1, 0) / (PQ_C2 - PQ_C3 * root)) ** (1 / PQ_M1)
    if transfer == HLG:
        bright = (np.exp((np.maximum(code, 0.5) - HLG_C) / HLG_A) + HLG_B) / 12
        return np.where(code <= 0.5, code**2 / 3, bright)
    return code ** _exponent(transfer)


def to_code(light: Floats, transfer: int) -> Floats:
    """The inverse of :func:`to_light`.

    Args:
        light: In [0, 1].
        transfer: Code point of ITU-T H.273.
    """
    if transfer in CAMERA:
        return np.where(light < BETA, light * 4.5, ALPHA * light**0.45 - (ALPHA - 1))
    if transfer == SRGB:
        return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    if transfer == PQ:
        power = light**PQ_M1
        return ((PQ_C1 + PQ_C2 * power) / (1 + PQ_C3 * power)) ** PQ_M2
    if transfer == HLG:
        bright = HLG_A * np.log(np.maximum(12 * light - HLG_B, 1e-9)) + HLG_C
        return np.where(light <= 1 / 12, np.sqrt(3 * light), bright)
    return light ** (1 / _exponent(transfer))


def decoded(image: Image, color: ColorTags, highlight_stops: float) -> NDArray[np.float32]:
    """A picture's light, 1 at full scale.

    Args:
        image: (h, w, 3), uint8 or uint16.
        color: Its tags.
        highlight_stops: How much brighter than full scale clipped values are taken to have been,
            in stops of 2.

    Returns:
        float32 (h, w, 3).
    """
    curve = _curve(color.transfer, int(np.iinfo(image.dtype).max))
    light: Any = cv2.LUT(image, curve) if image.dtype == np.uint8 else curve[image]
    if highlight_stops > 0:
        red, green, blue = cv2.split(image)
        brightest = cv2.max(cv2.max(red, green), blue)
        rows, columns = np.nonzero(brightest > CLIPPED_FROM * np.iinfo(image.dtype).max)
        share = brightest[rows, columns, None] / np.float32(np.iinfo(image.dtype).max)
        clipped = (share - CLIPPED_FROM) / (1 - CLIPPED_FROM)
        light[rows, columns] *= np.exp2(highlight_stops * clipped**2 * (3 - 2 * clipped))
    return np.asarray(light, np.float32)


def encoded(
    light: NDArray[np.float32], color: ColorTags, dtype: type[np.uint8 | np.uint16]
) -> Image:
    """Light as a picture's values; what is brighter than full scale is clipped.

    Args:
        light: float32 (h, w, 3).
        color: The tags of the picture.
        dtype: Its sample type.
    """
    code = to_code(np.clip(light, 0, 1), color.transfer)
    picture: Image = np.rint(np.clip(code, 0, 1) * np.iinfo(dtype).max).astype(dtype)
    return picture


@functools.lru_cache(maxsize=8)
def _curve(transfer: int, top: int) -> NDArray[np.float32]:
    curve: NDArray[np.float32] = to_light(np.arange(top + 1) / top, transfer).astype(np.float32)
    curve.flags.writeable = False
    return curve


def _exponent(transfer: int) -> float:
    return {LINEAR: 1.0, GAMMA_28: 2.8}.get(transfer, GAMMA)

"""From code values to light: the transfer characteristics of ITU-T H.273 undone.

Of BT.709, BT.601 and BT.2020 it is the camera's side that is undone (the inverse OETF), so what
comes out is scene-linear; of PQ the display's (SMPTE ST 2084), with 1.0 standing for 100 cd/m²; of
HLG the inverse OETF of ITU-R BT.2100, with 1.0 standing for the scene's peak.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tam_edit.errors import EncodeError, UnknownNameError
from tam_edit.pixels import UNSPECIFIED

Light = NDArray[np.float32]
PQ_WHITE_NITS = 100.0
PQ_PEAK_NITS = 10000.0


@dataclass(frozen=True)
class Transfer:
    """One transfer characteristic.

    Attributes:
        name: What people call it.
        codes: Those of H.273 that mean it.
        undone: From code values in [0, 1] to light.
        white_nits: What light of 1.0 stands for, where it stands for something absolute.
    """

    name: str
    codes: tuple[int, ...]
    undone: Callable[[Light], Light]
    white_nits: float | None = None


def transfer_for(code: int, name: str | None) -> Transfer:
    """How a picture's transfer is undone.

    Args:
        code: The picture's tag, of H.273.
        name: What the user says instead; None leaves it to the tag.

    Raises:
        UnknownNameError: There is none of that name.
        EncodeError: The picture has no tag, or one that is not known, and the user says nothing.
    """
    if name is not None:
        if name not in TRANSFERS:
            raise UnknownNameError("transfer", name, TRANSFERS)
        return TRANSFERS[name]
    for known in TRANSFERS.values():
        if code in known.codes:
            return known
    told = "is not tagged with its transfer" if code == UNSPECIFIED else f"has transfer {code}"
    raise EncodeError(
        f"the video {told}, so its pictures cannot be made linear without guessing",
        hint="say which it is with --transfer bt709, in a recipe with codec_options = { transfer "
        f'= "bt709" }}; known are: {", ".join(TRANSFERS)}',
    )


def _bt709(v: Light) -> Light:
    return _camera(v, 1.099, 0.018)


def _bt2020_12(v: Light) -> Light:
    return _camera(v, 1.0993, 0.0181)


def _camera(v: Light, alpha: float, beta: float) -> Light:
    """``V = 4.5 L`` below beta, ``alpha L ** 0.45 - (alpha - 1)`` above."""
    curve = np.power((np.maximum(v, 0) + (alpha - 1)) / alpha, 1 / 0.45)
    return np.where(v < 4.5 * beta, v / 4.5, curve).astype(np.float32)


def _srgb(v: Light) -> Light:
    """IEC 61966-2-1."""
    curve = np.power((np.maximum(v, 0) + 0.055) / 1.055, 2.4)
    return np.where(v <= 0.04045, v / 12.92, curve).astype(np.float32)


def _linear(v: Light) -> Light:
    return v.astype(np.float32)


def _pq(v: Light) -> Light:
    m1, m2 = 2610 / 16384, 2523 / 32
    c1, c2, c3 = 3424 / 4096, 2413 / 128, 2392 / 128
    root = np.power(np.clip(v, 0, 1).astype(np.float64), 1 / m2)
    light = np.power(np.maximum(root - c1, 0) / (c2 - c3 * root), 1 / m1)
    return (light * (PQ_PEAK_NITS / PQ_WHITE_NITS)).astype(np.float32)


def _hlg(v: Light) -> Light:
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    curve = (np.exp((v - c) / a) + b) / 12
    return np.where(v <= 0.5, v * v / 3, curve).astype(np.float32)


TRANSFERS: Mapping[str, Transfer] = {
    each.name: each
    for each in (
        Transfer("bt709", (1, 6, 14), _bt709),
        Transfer("bt2020-12", (15,), _bt2020_12),
        Transfer("srgb", (13,), _srgb),
        Transfer("linear", (8,), _linear),
        Transfer("pq", (16,), _pq, PQ_WHITE_NITS),
        Transfer("hlg", (18,), _hlg),
    )
}
# Red, green, blue and white, x and y each, by the code points of H.273; white is D65.
PRIMARIES: Mapping[int, tuple[float, ...]] = {
    1: (0.640, 0.330, 0.300, 0.600, 0.150, 0.060, 0.3127, 0.3290),
    5: (0.640, 0.330, 0.290, 0.600, 0.150, 0.060, 0.3127, 0.3290),
    6: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, 0.3127, 0.3290),
    7: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, 0.3127, 0.3290),
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290),
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3127, 0.3290),
}

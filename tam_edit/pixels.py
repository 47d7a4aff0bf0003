"""How samples are stored: pixel layouts, colour tags, planes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import av
import numpy as np
from numpy.typing import NDArray

from tam_edit.errors import InputError

Plane: TypeAlias = NDArray[np.uint8 | np.uint16]

UNSPECIFIED = 2  # code point of ITU-T H.273 for primaries, transfer and matrix
MATRIX_RGB = 0
MATRIX_709 = 1


@dataclass(frozen=True, kw_only=True)
class ColorTags:
    """Colour description by the code points of ITU-T H.273 (2 = not said).

    Attributes:
        primaries: Colour primaries; 1 is BT.709, 9 is BT.2020.
        transfer: Transfer characteristics; 1 is BT.709, 16 is PQ, 18 is HLG.
        matrix: Matrix coefficients; 1 is BT.709, 5 and 6 are BT.601, 9 is BT.2020.
        full_range: True for full range, False for limited, None where the file does not say.
    """

    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    matrix: int = UNSPECIFIED
    full_range: bool | None = None


@dataclass(frozen=True)
class PixelLayout:
    """How a planar pixel format stores a picture.

    Attributes:
        name: FFmpeg's name, such as ``"yuv420p10le"``.
        bits: Bits of a sample: 8, 9, 10, 12, 14 or 16.
        is_rgb: Whether the planes are G, B, R (in this order, as FFmpeg has it).
        has_alpha: Whether the last plane is alpha.
        chroma_step: Luma columns and rows that share one chroma sample, ``(2, 2)`` for 4:2:0.
        plane_count: 1 for grey, 3 for colour, one more with alpha.
    """

    name: str
    bits: int
    is_rgb: bool
    has_alpha: bool
    chroma_step: tuple[int, int]
    plane_count: int

    @classmethod
    def of(cls, name: str) -> PixelLayout:
        """The layout of a planar format with 8 to 16 bits.

        Raises:
            InputError: The format packs its components or is not of that depth.
        """
        fmt = av.VideoFormat(name)
        components = fmt.components
        has_alpha = any(c.is_alpha for c in components)
        planar = len({c.plane for c in components}) == len(components)
        bits = components[0].bits
        is_swapped = name.endswith("be")
        if not planar or not 8 <= bits <= 16 or is_swapped or fmt.has_palette:
            raise InputError(f"{name} is not a planar pixel format of 8 to 16 bits")
        # Asked at a width that no subsampling step divides further: 2**k samples stay exact.
        step_x = 64 // fmt.chroma_width(64)
        step_y = 64 // fmt.chroma_height(64)
        return cls(name, bits, fmt.is_rgb, has_alpha, (step_x, step_y), len(components))

    @property
    def dtype(self) -> type[np.uint8 | np.uint16]:
        """The sample type of the planes."""
        return np.uint8 if self.bits == 8 else np.uint16

    @property
    def max_value(self) -> int:
        """The largest code value, also that of opaque alpha."""
        return (1 << self.bits) - 1

    def is_chroma(self, plane: int) -> bool:
        """Whether the plane is subsampled together with the other chroma plane."""
        return not self.is_rgb and plane in (1, 2) and self.plane_count >= 3

    def is_alpha(self, plane: int) -> bool:
        """Whether the plane is the alpha plane."""
        return self.has_alpha and plane == self.plane_count - 1

    def step(self, plane: int) -> tuple[int, int]:
        """Luma columns and rows per sample of that plane."""
        return self.chroma_step if self.is_chroma(plane) else (1, 1)

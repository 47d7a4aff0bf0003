"""HDR10 metadata: mastering display (SMPTE ST 2086) and content light level (CTA-861.3)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av

# AVMasteringDisplayMetadata: red, green, blue and white x, y, then least and greatest luminance,
# each a numerator and a denominator; two flags.
MASTERING = struct.Struct("=22i")
LIGHT_LEVEL = struct.Struct("=2I")
CHROMATICITY_UNIT = Fraction(1, 50000)
LUMINANCE_UNIT = Fraction(1, 10000)


@dataclass(frozen=True)
class HdrFacts:
    """What a display needs to know to show HDR10 as it was mastered.

    Attributes:
        mastering: Red, green, blue, white (x, y each) in units of 0.00002, then the least and
            greatest luminance in units of 0.0001 cd/m²; None where the file has none.
        light_level: Greatest content and frame-average light level in cd/m²; None likewise.
    """

    mastering: tuple[int, ...] | None = None
    light_level: tuple[int, int] | None = None

    @property
    def is_present(self) -> bool:
        """Whether the file says anything."""
        return self.mastering is not None or self.light_level is not None

    def mastering_text(self) -> str | None:
        """The mastering display as x264 and x265 want it."""
        if self.mastering is None:
            return None
        rx, ry, gx, gy, bx, by, wx, wy, least, greatest = self.mastering
        return f"G({gx},{gy})B({bx},{by})R({rx},{ry})WP({wx},{wy})L({greatest},{least})"


def side_data_of(frame: av.VideoFrame) -> dict[str, bytes]:
    """What comes with a decoded picture beside its samples, by FFmpeg's names."""
    try:
        # The stubs take the container for a mapping of names; it iterates over its items.
        items: Any = frame.side_data
        return {data.type.name: bytes(data) for data in items}
    except ValueError:
        # PyAV gives up on all of it where it does not know one kind, such as EXIF in a picture.
        return {}


def hdr_of(frame: av.VideoFrame) -> HdrFacts:
    """The HDR10 metadata that came with a decoded picture."""
    found = side_data_of(frame)
    mastering = light_level = None
    if "MASTERING_DISPLAY_METADATA" in found:
        numbers = MASTERING.unpack_from(found["MASTERING_DISPLAY_METADATA"])
        has_primaries, has_luminance = numbers[20:]
        if has_primaries and has_luminance:
            ratios = [Fraction(numbers[2 * k], numbers[2 * k + 1] or 1) for k in range(10)]
            units = [CHROMATICITY_UNIT] * 8 + [LUMINANCE_UNIT] * 2
            mastering = tuple(round(r / unit) for r, unit in zip(ratios, units, strict=True))
    if "CONTENT_LIGHT_LEVEL" in found:
        greatest, average = LIGHT_LEVEL.unpack_from(found["CONTENT_LIGHT_LEVEL"])
        light_level = (int(greatest), int(average))
    return HdrFacts(mastering, light_level)

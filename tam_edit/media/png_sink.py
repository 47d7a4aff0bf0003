"""A folder of PNG pictures as a sink."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from tam_edit.errors import EncodeError, InputError
from tam_edit.frame import Frame
from tam_edit.media.folder_sink import FolderSink
from tam_edit.media.formats import OutputFormat
from tam_edit.media.sink import PictureKind
from tam_edit.media.source import Source

PNG_HEADER = struct.Struct(">8s4x4sIIBB")
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
GRAY_TYPE, RGB_TYPE, RGBA_TYPE = 0, 2, 6


class PngSink(FolderSink):
    """Writes one PNG per frame: RGB, RGB with alpha, or a matte as grey.

    Args:
        path: Target folder.
        chosen: Its format.
        source: Where the frames come from.
        start: First frame.
        stop: Frame before which writing ends.
        pattern: Name of a picture, such as ``"frame.%05d.png"``.
        needs_alpha: Whether pictures carry alpha.
        premultiplies: Whether colours fade to black with it.
        bits: 8, or more for 16; what the frames have where it is left out.
        kind: What frames are like that are not the source's pictures: grey ones are mattes.
        options: ``compression``: 0 (fast, large) to 9.
    """

    suffix: ClassVar[str] = ".png"

    def __init__(
        self,
        path: Path,
        chosen: OutputFormat,
        source: Source,
        start: int,
        stop: int,
        *,
        pattern: str,
        needs_alpha: bool,
        premultiplies: bool,
        bits: int | None,
        kind: PictureKind | None,
        options: Mapping[str, str],
    ) -> None:
        unknown = set(options) - {"compression"}
        compression = options.get("compression", "1")
        if unknown or not (compression.isdecimal() and int(compression) <= 9):
            raise InputError("a folder of PNGs has one option: compression, from 0 to 9")
        super().__init__(path, chosen, source, start, stop, pattern=pattern, kind=kind)
        layout = self._info.layout
        self._parameters = [cv2.IMWRITE_PNG_COMPRESSION, int(compression)]
        self._is_gray = kind is not None
        self._has_alpha = not self._is_gray and (needs_alpha or layout.has_alpha)
        self._dtype = np.uint8 if (bits or layout.bits) == 8 else np.uint16
        self._premultiplies = premultiplies
        self._checksums: dict[str, int] = {}

    def _write(self, frame: Frame, file: Path) -> None:
        picture = self._gray(frame) if self._is_gray else self._color(frame)
        done, data = cv2.imencode(".png", np.ascontiguousarray(picture), self._parameters)
        if not done:
            raise EncodeError(f"frame {frame.index} cannot be coded as PNG")
        self._checksums[file.name] = _checksum(picture)
        file.write_bytes(data.tobytes())

    def _gray(self, frame: Frame) -> NDArray[Any]:
        return np.rot90(_deepened(frame.planes[0], self._dtype), frame.quarter_turns)

    def _color(self, frame: Frame) -> NDArray[Any]:
        # OpenCV's order is B, G, R, alpha.
        picture = _deepened(frame.rgb[..., ::-1], self._dtype)
        if self._has_alpha:
            opacity = frame.opacity()
            top = np.iinfo(self._dtype).max
            if opacity is None:
                alpha: NDArray[Any] = np.full(picture.shape[:2], top, self._dtype)
            else:
                alpha = (np.clip(opacity, 0, 1) * np.float64(top) + 0.5).astype(self._dtype)
            if self._premultiplies:
                share = alpha.astype(np.float32) / np.float32(top)
                faded = np.rint(picture.astype(np.float32) * share[..., None])
                picture = faded.astype(self._dtype)
            return np.dstack([picture, alpha])
        if frame.coverage is not None and bool((frame.coverage < 1).any()):
            raise EncodeError(
                f"frame {frame.index} is transparent, but no transparency was asked for"
            )
        return picture

    def _fault(self, file: Path) -> str:
        info, bits = self._info, 8 * np.dtype(self._dtype).itemsize
        color_type = RGBA_TYPE if self._has_alpha else GRAY_TYPE if self._is_gray else RGB_TYPE
        wanted = (PNG_SIGNATURE, b"IHDR", info.width, info.height, bits, color_type)
        data = file.read_bytes()
        if len(data) < PNG_HEADER.size or PNG_HEADER.unpack_from(data) != wanted:
            return f"it is no {info.width}x{info.height} PNG of {bits} bits"
        again = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        if again is None or _checksum(again) != self._checksums[file.name]:
            return "it holds other samples than were written"
        return ""


def _deepened(samples: NDArray[Any], dtype: type[np.uint8 | np.uint16]) -> NDArray[Any]:
    """Samples of full scale at another depth, rounded to the nearest."""
    if samples.dtype == dtype:
        return samples
    if dtype == np.uint16:
        return samples.astype(np.uint16) * np.uint16(257)
    return ((samples.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)


def _checksum(picture: NDArray[Any]) -> int:
    return zlib.crc32(np.ascontiguousarray(picture).tobytes())

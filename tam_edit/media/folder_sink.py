"""A folder of PNG pictures as a sink."""

from __future__ import annotations

import re
import shutil
import struct
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from tam_edit.errors import EncodeError, InputError
from tam_edit.frame import Frame
from tam_edit.media.formats import OutputFormat
from tam_edit.media.sink import Sink, take_place
from tam_edit.media.source import Source

PNG_HEADER = struct.Struct(">8s4x4sIIBB")
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
RGB_TYPE, RGBA_TYPE = 2, 6


class FolderSink(Sink):
    """Writes one PNG per frame, upright, numbered by the source's frames.

    Args:
        path: Target folder.
        chosen: Its format.
        source: Where the frames come from.
        start: First frame.
        stop: Frame before which writing ends.
        pattern: Name of a picture, such as ``"frame.%05d.png"``.
        needs_alpha: Whether pictures carry straight alpha.
        options: ``compression``: 0 (fast, large) to 9.
    """

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
        options: Mapping[str, str],
    ) -> None:
        super().__init__(path, chosen, source, start, stop)
        unknown = set(options) - {"compression"}
        compression = options.get("compression", "1")
        if unknown or not (compression.isdecimal() and int(compression) <= 9):
            raise InputError("a folder of PNGs has one option: compression, from 0 to 9")
        self._parameters = [cv2.IMWRITE_PNG_COMPRESSION, int(compression)]
        self._pattern = pattern
        self._has_alpha = needs_alpha or source.info.layout.has_alpha
        self._bits = 8 if source.info.layout.bits == 8 else 16
        self._names: list[str] = []
        if path.is_dir():
            _check_replaceable(path)
        try:
            self.hidden.mkdir()
        except OSError as error:
            raise EncodeError(f"{path} cannot be written: {error.strerror}") from error

    def _encode(self, frame: Frame) -> None:
        # OpenCV's order is B, G, R, alpha.
        picture = frame.rgb[..., ::-1]
        opacity = frame.opacity()
        if self._has_alpha:
            top = np.iinfo(picture.dtype).max
            if opacity is None:
                alpha = np.full(picture.shape[:2], top, picture.dtype)
            else:
                alpha = (np.clip(opacity, 0, 1) * np.float64(top) + 0.5).astype(picture.dtype)
            picture = np.dstack([picture, alpha])
        elif frame.coverage is not None and bool((frame.coverage < 1).any()):
            raise EncodeError(
                f"frame {frame.index} is transparent, but no transparency was asked for"
            )
        name = self._pattern % frame.index
        done, data = cv2.imencode(".png", np.ascontiguousarray(picture), self._parameters)
        if not done:
            raise EncodeError(f"frame {frame.index} cannot be coded as PNG")
        try:
            (self.hidden / name).write_bytes(data.tobytes())
        except OSError as error:
            raise EncodeError(f"{self.path / name} cannot be written: {error.strerror}") from error
        self._names.append(name)

    def _complete(self) -> None:
        self._verify()

    def _publish(self) -> None:
        if self.path.is_dir():
            _check_replaceable(self.path)
        try:
            take_place(self.hidden, self.path)
        except OSError as error:
            raise EncodeError(f"{self.path} cannot be written: {error.strerror}") from error

    def _remove(self) -> None:
        shutil.rmtree(self.hidden, ignore_errors=True)

    def _verify(self) -> None:
        found = sorted(file.name for file in self.hidden.iterdir())
        if found != sorted(self._names) or len(set(self._names)) != self._written:
            raise EncodeError(
                f"{self.path.name} was written, but read back it has {len(found)} pictures "
                f"instead of {self._written}; it was deleted"
            )
        color_type = RGBA_TYPE if self._has_alpha else RGB_TYPE
        wanted = (PNG_SIGNATURE, b"IHDR", self._info.width, self._info.height, self._bits)
        for name in found:
            with (self.hidden / name).open("rb") as file:
                header = file.read(PNG_HEADER.size)
            if len(header) < PNG_HEADER.size or PNG_HEADER.unpack(header) != (*wanted, color_type):
                raise EncodeError(
                    f"{self.path / name} was written, but read back it is no "
                    f"{self._info.width}x{self._info.height} PNG of {self._bits} bits; "
                    "everything was deleted"
                )


def _check_replaceable(folder: Path) -> None:
    """Only a folder that holds nothing but numbered pictures may be replaced."""
    for file in folder.iterdir():
        if not (file.is_file() and re.search(r"\d+\.png$", file.name, re.IGNORECASE)):
            raise EncodeError(
                f"{folder} holds more than a PNG sequence ({file.name}) and is not replaced",
                hint="write to a new folder",
            )

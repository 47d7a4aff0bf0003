"""A folder of numbered pictures as a sink."""

from __future__ import annotations

import re
import shutil
from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

from tam_edit.errors import EncodeError
from tam_edit.frame import Frame
from tam_edit.media.formats import OutputFormat
from tam_edit.media.hidden import take_place
from tam_edit.media.sink import PictureKind, Sink
from tam_edit.media.source import Source


class FolderSink(Sink):
    """Writes one picture per frame, upright, numbered by the source's frames.

    Args:
        path: Target folder.
        chosen: Its format.
        source: Where the frames come from.
        start: First frame.
        stop: Frame before which writing ends.
        pattern: Name of a picture, such as ``"frame.%05d.png"``.
        kind: What frames are like that are not the source's pictures.
    """

    suffix: ClassVar[str]

    def __init__(
        self,
        path: Path,
        chosen: OutputFormat,
        source: Source,
        start: int,
        stop: int,
        *,
        pattern: str,
        kind: PictureKind | None = None,
    ) -> None:
        super().__init__(path, chosen, source, start, stop, kind)
        self._pattern = pattern
        self._names: list[str] = []
        if path.is_dir():
            self._check_replaceable()
        try:
            self.hidden.mkdir()
        except OSError as error:
            raise EncodeError(f"{path} cannot be written: {error.strerror}") from error

    @abstractmethod
    def _write(self, frame: Frame, file: Path) -> None:
        """Write one picture; ``OSError`` is told by the caller."""

    @abstractmethod
    def _fault(self, file: Path) -> str:
        """What is wrong with a picture, read back: nothing, or ``"it is …"``."""

    def _encode(self, frame: Frame) -> None:
        name = self._pattern % frame.index
        try:
            self._write(frame, self.hidden / name)
        except OSError as error:
            raise EncodeError(f"{self.path / name} cannot be written: {error.strerror}") from error
        self._names.append(name)

    def _complete(self) -> None:
        found = sorted(file.name for file in self.hidden.iterdir())
        if found != sorted(self._names) or len(set(self._names)) != self._written:
            raise EncodeError(
                f"{self.path.name} was written, but read back it has {len(found)} pictures "
                f"instead of {self._written}; it was deleted"
            )
        for name in found:
            fault = self._fault(self.hidden / name)
            if fault:
                raise EncodeError(
                    f"{self.path / name} was written, but read back {fault}; everything was deleted"
                )

    def _publish(self) -> None:
        if self.path.is_dir():
            self._check_replaceable()
        try:
            take_place(self.hidden, self.path)
        except OSError as error:
            raise EncodeError(f"{self.path} cannot be written: {error.strerror}") from error

    def _remove(self) -> None:
        shutil.rmtree(self.hidden, ignore_errors=True)

    def _check_replaceable(self) -> None:
        """Only a folder that holds nothing but numbered pictures may be replaced."""
        numbered = re.compile(rf"\d+{re.escape(self.suffix)}$", re.IGNORECASE)
        for file in self.path.iterdir():
            if not (file.is_file() and numbered.search(file.name)):
                kind = self.suffix[1:].upper()
                raise EncodeError(
                    f"{self.path} holds more than a {kind} sequence ({file.name}) and is not "
                    "replaced",
                    hint="write to a new folder",
                )

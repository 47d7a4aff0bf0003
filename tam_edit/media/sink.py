"""Writing a video: what every sink does, and what is refused before any work begins."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from tam_edit.errors import EncodeError, InputError
from tam_edit.frame import Frame
from tam_edit.media.formats import NUMBERED, OutputFormat
from tam_edit.media.hdr import HdrFacts
from tam_edit.media.hidden import partial_path, removed_with
from tam_edit.media.source import Source
from tam_edit.pixels import ColorTags, PixelLayout

# Alpha below this is transparency; above it is rounding of a float mask.
OPAQUE = 1 - 1 / 65535 / 2


@dataclass(frozen=True)
class PictureKind:
    """What frames are like that are not the source's pictures, but go with them, such as mattes.

    Attributes:
        layout: How their planes are to be read.
        color: Their colour tags.
    """

    layout: PixelLayout
    color: ColorTags


class Sink(ABC):
    """A video that is being written; leaving the ``with`` block finishes or discards it.

    Where several are written together, each is completed first, and published when all are.

    Attributes:
        path: The target; it appears when the result has been read back, not before.
        hidden: Where it lies until then.
        format: How it is written.
        notes: What could not be carried over, in sentences for the user.
    """

    def __init__(
        self,
        path: Path,
        chosen: OutputFormat,
        source: Source,
        start: int,
        stop: int,
        kind: PictureKind | None = None,
    ) -> None:
        self.path = path
        self.hidden = partial_path(path)
        self._removal = removed_with(self, self.hidden)
        self.format = chosen
        self.notes: list[str] = []
        self._info = info = source.info
        if kind is not None:
            # How a display was set up says nothing of a picture that is no view of the scene.
            self._info = replace(info, layout=kind.layout, color=kind.color, hdr=HdrFacts())
        self._span = (start, stop)
        self._written = 0
        self._last_pts: int | None = None
        self._is_open = True
        self._is_complete = False

    def write(self, frame: Frame) -> None:
        """Append a frame.

        Args:
            frame: In display order; its planes, timestamp and coverage are written.

        Raises:
            InputError: It does not follow the last one or does not fit the source.
            EncodeError: It cannot be written, or has transparency that the format cannot store.
        """
        if not self._is_open or self._is_complete:
            raise InputError(f"{self.path.name} is already closed")
        self._check(frame)
        self._encode(frame)
        self._written += 1
        self._last_pts = frame.pts

    def finish(self) -> None:
        """Complete the output, read it back and give it its name.

        Raises:
            EncodeError: As :meth:`complete` and :meth:`publish`.
        """
        self.complete()
        self.publish()

    def complete(self) -> None:
        """Complete the output and read it back; it still lies under its hidden name.

        Raises:
            EncodeError: Frames are missing, it cannot be written, or it does not hold what was
                promised; nothing is left behind then.
        """
        if self._is_open and not self._is_complete:
            with self._discarded_on_error():
                self._check_count()
                self._complete()
            self._is_complete = True

    def publish(self) -> None:
        """Give the completed output its name.

        Raises:
            EncodeError: It cannot take that name; nothing is left behind then.
            InputError: It is not complete.
        """
        if not self._is_open:
            return
        if not self._is_complete:
            raise InputError(f"{self.path.name} is not complete")
        with self._discarded_on_error():
            self._publish()
        self._removal.detach()
        self._is_open = False

    def discard(self) -> None:
        """Give up and leave nothing behind; what stood under the target's name stays."""
        if self._is_open:
            self._is_open = False
            self._remove()
            self._removal.detach()

    @abstractmethod
    def _encode(self, frame: Frame) -> None: ...

    @abstractmethod
    def _complete(self) -> None: ...

    @abstractmethod
    def _publish(self) -> None: ...

    @abstractmethod
    def _remove(self) -> None: ...

    @contextmanager
    def _discarded_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.discard()
            raise

    def _check_count(self) -> None:
        wanted = self._span[1] - self._span[0]
        if self._written != wanted:
            raise EncodeError(f"{self.path.name} was given {self._written} of {wanted} frames")

    def _check(self, frame: Frame) -> None:
        info = self._info
        shape = frame.planes[0].shape
        if shape != (info.coded_height, info.coded_width) or frame.layout != info.layout:
            raise InputError(
                f"frame {frame.index} is {shape[1]}x{shape[0]} {frame.layout.name}, but what is "
                f"written has {info.coded_width}x{info.coded_height} {info.layout.name}"
            )
        if frame.time_base != info.time_base:
            raise InputError(f"frame {frame.index} counts time otherwise than its source")
        if self._last_pts is not None and frame.pts <= self._last_pts:
            raise InputError(f"frame {frame.index} does not come after the frame before it")
        if frame.coverage is not None and frame.coverage.shape != (frame.height, frame.width):
            raise InputError(f"the coverage of frame {frame.index} is not of the frame's size")
        if (
            frame.coverage is not None
            and not self.format.can_hold_alpha
            and bool((frame.coverage < OPAQUE).any())
        ):
            raise EncodeError(
                f"frame {frame.index} is transparent, which {self.format.name} cannot store",
                hint="write prores4444 (.mov), vp9-alpha (.webm), ffv1 (.mkv) or a folder of PNGs",
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.finish()
        else:
            self.discard()


def check_target(
    path: str | Path, chosen: OutputFormat, source: Source, *, overwrite: bool
) -> Path:
    """The target, absolute, once it is sure that it may be written."""
    target = place_of(path, is_folder=chosen.is_folder)
    check_place(target, source, is_folder=chosen.is_folder)
    if is_taken(target) and not overwrite:
        raise EncodeError(f"{target} exists already", hint="add --overwrite to replace it")
    return target


def place_of(path: str | Path, *, is_folder: bool) -> Path:
    """The file or folder that a target is, absolute: of a pattern the folder."""
    target = Path(path).absolute()
    return target.parent if is_folder and NUMBERED.search(target.name) else target


def check_place(target: Path, source: Source, *, is_folder: bool) -> None:
    """Refuse a place where nothing can be written.

    Raises:
        EncodeError: It is the source itself or of the wrong kind, or its folder is missing or
            read-only.
    """
    folder = target.parent
    if not folder.is_dir():
        raise EncodeError(f"there is no folder {folder}", hint="make it first, or check the path")
    if target.exists() and os.path.samefile(target, source.info.path):  # noqa: PTH121
        raise EncodeError(f"the output {target} is the input itself", hint="write to another name")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise EncodeError(f"the folder {folder} may not be written to")
    if not is_folder and target.is_dir():
        raise EncodeError(f"{target} is a folder", hint="give the file a name")
    if is_folder and target.is_file():
        raise EncodeError(f"{target} is a file, but a folder is to be written", hint="name another")


def is_taken(target: Path) -> bool:
    """Whether something stands under a target's name; an empty folder is nothing."""
    return any(target.iterdir()) if target.is_dir() else target.exists()

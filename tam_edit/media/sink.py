"""Writing a video: what every sink does, and what is refused before any work begins."""

from __future__ import annotations

import glob
import os
import shutil
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

from tam_edit.errors import EncodeError, InputError
from tam_edit.frame import Frame
from tam_edit.media.formats import NUMBERED, OutputFormat
from tam_edit.media.source import Source

# Alpha below this is transparency; above it is rounding of a float mask.
OPAQUE = 1 - 1 / 65535 / 2


class Sink(ABC):
    """A video that is being written; leaving the ``with`` block finishes or discards it.

    Attributes:
        path: The target; it appears when ``finish`` has read the result back, not before.
        format: How it is written.
        notes: What could not be carried over, in sentences for the user.
    """

    def __init__(
        self, path: Path, chosen: OutputFormat, source: Source, start: int, stop: int
    ) -> None:
        self.path = path
        self.format = chosen
        self.notes: list[str] = []
        self._info = source.info
        self._span = (start, stop)
        self._written = 0
        self._last_pts: int | None = None
        self._is_open = True

    def write(self, frame: Frame) -> None:
        """Append a frame.

        Args:
            frame: In display order; its planes, timestamp and coverage are written.

        Raises:
            InputError: It does not follow the last one or does not fit the source.
            EncodeError: It cannot be written, or has transparency that the format cannot store.
        """
        if not self._is_open:
            raise InputError(f"{self.path.name} is already closed")
        self._check(frame)
        self._encode(frame)
        self._written += 1
        self._last_pts = frame.pts

    def finish(self) -> None:
        """Complete the output, read it back and give it its name.

        Raises:
            EncodeError: Frames are missing, it cannot be written, or it does not hold what was
                promised; nothing is left behind then.
        """
        if not self._is_open:
            return
        try:
            self._check_count()
            self._complete()
        except BaseException:
            self.discard()
            raise
        self._is_open = False

    def discard(self) -> None:
        """Give up and leave nothing behind; what stood under the target's name stays."""
        if self._is_open:
            self._is_open = False
            self._remove()

    @abstractmethod
    def _encode(self, frame: Frame) -> None: ...

    @abstractmethod
    def _complete(self) -> None: ...

    @abstractmethod
    def _remove(self) -> None: ...

    def _check_count(self) -> None:
        wanted = self._span[1] - self._span[0]
        if self._written != wanted:
            raise EncodeError(f"{self.path.name} was given {self._written} of {wanted} frames")

    def _check(self, frame: Frame) -> None:
        info = self._info
        shape = frame.planes[0].shape
        if shape != (info.coded_height, info.coded_width) or frame.layout != info.layout:
            raise InputError(
                f"frame {frame.index} is {shape[1]}x{shape[0]} {frame.layout.name}, but the source "
                f"has {info.coded_width}x{info.coded_height} {info.layout.name}"
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


def partial_path(target: Path) -> Path:
    """The hidden name that a target has while it is written.

    What killed processes left under such names of the same target is removed.
    """
    for left in target.parent.glob(f".{glob.escape(target.stem)}.part-*{target.suffix}"):
        writer = left.name.removesuffix(target.suffix).rpartition("-")[2]
        if not writer.isdecimal() or _is_running(int(writer)):
            continue
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)
    return target.with_name(f".{target.stem}.part-{os.getpid()}{target.suffix}")


def _is_running(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # another user's
    return True


def check_target(
    path: str | Path, chosen: OutputFormat, source: Source, *, overwrite: bool
) -> Path:
    """The target, absolute, once it is sure that it may be written."""
    target = Path(path).absolute()
    if chosen.is_folder and NUMBERED.search(target.name):
        target = target.parent
    folder = target.parent
    if not folder.is_dir():
        raise EncodeError(f"there is no folder {folder}", hint="make it first, or check the path")
    if target.exists() and os.path.samefile(target, source.info.path):  # noqa: PTH121
        raise EncodeError(f"the output {target} is the input itself", hint="write to another name")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise EncodeError(f"the folder {folder} may not be written to")
    if not chosen.is_folder and target.is_dir():
        raise EncodeError(f"{target} is a folder", hint="give the file a name")
    is_taken = any(target.iterdir()) if chosen.is_folder and target.is_dir() else target.exists()
    if is_taken and not overwrite:
        raise EncodeError(f"{target} exists already", hint="add --overwrite to replace it")
    return target

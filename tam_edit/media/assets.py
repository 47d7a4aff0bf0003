"""Stills and videos that effects show, such as a new background."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

from tam_edit.media.opening import open_source
from tam_edit.media.source import Source
from tam_edit.types import Image


class Asset:
    """An opened still or video, read by time. Make one with :func:`open_asset`.

    Args:
        source: What to read; the asset closes it.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._shown: tuple[int, Image] | None = None

    @property
    def duration(self) -> Fraction:
        """Seconds that it lasts; 0 for a still."""
        info = self._source.info
        return Fraction(0) if info.frame_count == 1 else info.duration_s

    def at(self, time: Fraction) -> Image:
        """The picture shown at that many seconds from its start; past the end, the last one.

        Returns:
            (H, W, 3) RGB; the same object as long as the picture is the same.
        """
        index = self._source.index_at(self._source.time_of(0) + time)
        if self._shown is None or self._shown[0] != index:
            self._shown = (index, self._source.frame(index).rgb)
        return self._shown[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._source.close()


def open_asset(path: Path) -> Asset:
    """Open a still or a video for an effect.

    Raises:
        OpenError: It is not there, or no picture and no video.
        DecodeError: It breaks off.
    """
    return Asset(open_source(path))

"""Reading a video: what every source offers, whatever it is stored as."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from tam_edit.errors import InputError
from tam_edit.frame import Frame
from tam_edit.media.hdr import HdrFacts
from tam_edit.pixels import ColorTags, PixelLayout

# What a backward pass holds at once: 24 frames of 4K 10-bit 4:2:0 are 600 MB, of 1080p 8-bit 75 MB.
REVERSE_CHUNK = 24


@dataclass(frozen=True)
class AudioFacts:
    """One sound track.

    Attributes:
        codec: FFmpeg's name, such as ``"aac"``.
        sample_rate_hz: Samples per second and channel.
        channels: Number of channels.
        language: Three-letter code, or None where the file does not say.
    """

    codec: str
    sample_rate_hz: int
    channels: int
    language: str | None


@dataclass(frozen=True)
class SubtitleFacts:
    """One subtitle track: FFmpeg's codec name, and the language where the file says it."""

    codec: str
    language: str | None


@dataclass(frozen=True, kw_only=True)
class SourceInfo:
    """What a video is, known without decoding more than its first picture.

    Attributes:
        path: As given, made absolute.
        kind: A video file, or a folder of pictures.
        width: Columns as displayed.
        height: Rows as displayed.
        coded_width: Columns as stored.
        coded_height: Rows as stored.
        frame_count: Frames that are shown, exact.
        layout: How the samples are stored.
        color: Colour tags.
        quarter_turns: Counter-clockwise turns by 90° from the stored to the displayed picture.
        pixel_aspect: Width of a stored sample divided by its height.
        time_base: Seconds per unit of a timestamp.
        average_rate: Frames per second, on average.
        is_variable_rate: Whether frames last differently long (beyond the clock's rounding).
        is_interlaced: Whether the pictures are made of two fields.
        start_timecode: Of the first frame, such as ``"01:00:00:00"``; None where there is none.
        duration_s: From the first frame's start to the last one's end, in seconds.
        container: FFmpeg's name of the file format; ``"folder"`` for a folder.
        video_codec: FFmpeg's name of the picture coding.
        audio: Sound tracks.
        subtitles: Subtitle tracks.
        chapter_count: Number of chapters.
        hdr: HDR10 metadata, where the file carries them.
        metadata: What the container says about itself (title, creation time …).
    """

    path: Path
    kind: Literal["file", "folder"]
    width: int
    height: int
    coded_width: int
    coded_height: int
    frame_count: int
    layout: PixelLayout
    color: ColorTags
    quarter_turns: int = 0
    pixel_aspect: Fraction = Fraction(1)
    time_base: Fraction
    average_rate: Fraction
    is_variable_rate: bool = False
    is_interlaced: bool = False
    start_timecode: str | None = None
    duration_s: Fraction
    container: str
    video_codec: str
    audio: tuple[AudioFacts, ...] = ()
    subtitles: tuple[SubtitleFacts, ...] = ()
    chapter_count: int = 0
    hdr: HdrFacts = field(default_factory=HdrFacts)
    metadata: Mapping[str, str] = field(default_factory=dict)


class Source(ABC):
    """A video that can be read forwards, backwards and at any frame.

    Attributes:
        info: What is known about it.
    """

    info: SourceInfo
    _pts: NDArray[np.int64]

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        """Decode a range of frames, one after the other.

        Args:
            start: First frame.
            stop: Frame before which to end; the end of the video where it is left out.

        Raises:
            InputError: The range reaches outside the video.
            DecodeError: The file is damaged; the message names the frame.
        """
        start, stop = self._checked_range(start, stop)
        return self._decode(start, stop)

    def frames_reversed(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        """Decode a range from its last frame to its first, at most ``REVERSE_CHUNK`` held.

        Args:
            start: Last frame to come.
            stop: One more than the first frame to come.

        Raises:
            InputError: The range reaches outside the video.
            DecodeError: The file is damaged; the message names the frame.
        """
        start, stop = self._checked_range(start, stop)
        return self._decode_reversed(start, stop)

    @abstractmethod
    def frame(self, index: int) -> Frame:
        """Decode one frame; a frame soon after the last one asked for costs no new seek.

        Raises:
            InputError: There is no such frame.
            DecodeError: The file is damaged there.
        """

    @property
    def pts(self) -> NDArray[np.int64]:
        """The timestamps of all frames in display order, in units of ``info.time_base``."""
        return self._pts

    def time_of(self, index: int) -> Fraction:
        """When a frame is shown, in seconds of the file's own clock, exact."""
        return int(self._pts[self._checked_index(index)]) * self.info.time_base

    def index_at(self, time: Fraction) -> int:
        """The frame that is on screen at a time of the file's own clock.

        Before the first frame it is the first one, after the end the last one.
        """
        # A frame starts on its tick: compare in ticks, exactly.
        ticks = time / self.info.time_base
        place = int(np.searchsorted(self._pts, ticks.__floor__(), side="right")) - 1
        return min(max(place, 0), self.info.frame_count - 1)

    def close(self) -> None:  # noqa: B027 - most sources hold nothing open
        """Let go of the file; the source cannot be read afterwards."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @abstractmethod
    def _decode(self, start: int, stop: int) -> Iterator[Frame]: ...

    def _decode_reversed(self, start: int, stop: int) -> Iterator[Frame]:
        for first, last in reversed_chunks(start, stop):
            chunk = list(self._decode(first, last))
            while chunk:
                yield chunk.pop()

    def _checked_index(self, index: int) -> int:
        if not 0 <= index < self.info.frame_count:
            raise InputError(
                f"there is no frame {index}: {self.info.path.name} has {self.info.frame_count}",
                hint=f"frames count from 0; the last one is {self.info.frame_count - 1}",
            )
        return index

    def _checked_range(self, start: int, stop: int | None) -> tuple[int, int]:
        count = self.info.frame_count
        stop = count if stop is None else stop
        if not 0 <= start <= stop <= count:
            raise InputError(
                f"frames {start} to {stop} are no range of {self.info.path.name}, "
                f"which has {count} frames"
            )
        return start, stop


def reversed_chunks(start: int, stop: int) -> Iterator[tuple[int, int]]:
    """A range cut into pieces of at most ``REVERSE_CHUNK`` frames, the last piece first."""
    while stop > start:
        first = max(start, stop - REVERSE_CHUNK)
        yield first, stop
        stop = first

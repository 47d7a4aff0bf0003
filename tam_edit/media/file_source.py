"""A video file as a source."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from tam_edit.errors import DecodeError, TamEditError
from tam_edit.frame import Frame
from tam_edit.media.container import main_video, open_input
from tam_edit.media.file_reader import FileReader
from tam_edit.media.frame_index import FrameIndex, scan_file
from tam_edit.media.picture import PictureFacts, facts_of, frame_of
from tam_edit.media.source import Source, SourceInfo, reversed_chunks
from tam_edit.media.stream_facts import (
    DEFAULT_RATE,
    audio_facts,
    average_rate,
    is_variable_rate,
    start_timecode,
    subtitle_facts,
    total_duration,
)


class FileSource(Source):
    """A video file, read through FFmpeg.

    Args:
        path: The file.

    Raises:
        OpenError: It is missing or no video.
        DecodeError: It breaks off.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        with open_input(self._path) as container:
            video = main_video(container, path)
            self._stream = video.index
            base = video.time_base or 1 / DEFAULT_RATE
            stated = video.average_rate or video.guessed_rate
            pixel_aspect = video.sample_aspect_ratio
            timecode = start_timecode(container, video)
            codec, file_format = video.codec.name, container.format.name
            audio, subtitles = audio_facts(container), subtitle_facts(container)
            chapter_count, metadata = len(container.chapters()), dict(container.metadata)
            scanned = scan_file(self._path, container, self._stream)
        facts = self._facts = self._first_picture(scanned, pixel_aspect)
        self._index, base = self._decodable(scanned, base, stated or DEFAULT_RATE)
        self._pts, self._durations = self._index.pts, self._index.durations
        rate = average_rate(self._pts, base, stated)
        self.info = SourceInfo(
            path=self._path,
            kind="file",
            width=facts.display_size[0],
            height=facts.display_size[1],
            coded_width=facts.width,
            coded_height=facts.height,
            frame_count=int(self._pts.size),
            layout=facts.layout,
            color=facts.color,
            quarter_turns=facts.quarter_turns,
            pixel_aspect=facts.pixel_aspect,
            time_base=base,
            average_rate=rate,
            is_variable_rate=is_variable_rate(self._pts),
            is_interlaced=facts.is_interlaced,
            start_timecode=timecode,
            duration_s=total_duration(self._pts, self._durations, base, rate),
            container=file_format,
            video_codec=codec,
            audio=audio,
            subtitles=subtitles,
            chapter_count=chapter_count,
            hdr=facts.hdr,
            metadata=metadata,
        )
        self._scrub_reader: FileReader | None = None
        self._scrubbed: Iterator[Frame] | None = None
        self._next = 0

    @property
    def video_stream(self) -> int:
        """The index of the film among the file's streams."""
        return self._stream

    def frame(self, index: int) -> Frame:
        """Decode one frame."""
        self._checked_index(index)
        if self._scrub_reader is None:
            self._scrub_reader = self._reader()
        if self._scrubbed is None or self._scrub_reader.starts_anew(self._next, index):
            self._scrubbed = self._read(self._scrub_reader, index, self.info.frame_count)
        try:
            for frame in self._scrubbed:
                self._next = frame.index + 1
                if frame.index == index:
                    if self._next == self.info.frame_count:
                        self._scrubbed = None
                    return frame
        except TamEditError:
            # A frame that cannot be had says nothing of the others.
            self._scrubbed = None
            raise
        raise DecodeError(f"{self._path.name} cannot be decoded at frame {index}")

    def close(self) -> None:
        """Let go of the file."""
        if self._scrub_reader is not None:
            self._scrub_reader.close()
        self._scrub_reader = self._scrubbed = None

    def _decode(self, start: int, stop: int) -> Iterator[Frame]:
        with closing(self._reader()) as reader:
            yield from self._read(reader, start, stop)

    def _decode_reversed(self, start: int, stop: int) -> Iterator[Frame]:
        with closing(self._reader()) as reader:
            for first, last in reversed_chunks(start, stop):
                chunk = list(self._read(reader, first, last))
                while chunk:
                    yield chunk.pop()

    def _reader(self) -> FileReader:
        size = (self._facts.width, self._facts.height)
        return FileReader(self._path, self._stream, self._index, size)

    def _read(self, reader: FileReader, start: int, stop: int) -> Iterator[Frame]:
        for index, picture in reader.frames(start, stop):
            yield frame_of(
                picture,
                self._facts,
                index=index,
                pts=int(self._pts[index]),
                time_base=self.info.time_base,
                duration=int(self._durations[index]),
                name=self._path.name,
                remedy=f"bring it to one size first: ffmpeg -i {self._path.name} "
                f"-vf scale={self.info.width}:{self.info.height} one-size.mp4",
            )

    def _first_picture(self, index: FrameIndex, pixel_aspect: Fraction | None) -> PictureFacts:
        with closing(FileReader(self._path, self._stream, index)) as reader:
            picture = next(reader.pictures(), None)
            if picture is None:
                raise DecodeError(
                    f"{self._path.name} cannot be decoded at frame 0: its data is damaged there"
                )
            self._first_pts = picture.pts
            return facts_of(picture, reader.decoder, pixel_aspect, self._path.name)

    def _decodable(
        self, index: FrameIndex, base: Fraction, rate: Fraction
    ) -> tuple[FrameIndex, Fraction]:
        """The frames that a decoder gives, and the unit of their timestamps."""
        if index.is_seekable and self._first_pts is not None:
            # Pictures before the first one that comes out lean on others that a cut took away.
            return replace(index, pts=index.pts[index.pts >= self._first_pts]), base
        with closing(FileReader(self._path, self._stream, index)) as reader:
            times = [picture.pts for picture in reader.pictures()]
        pts = np.array([time for time in times if time is not None], np.int64)
        if pts.size < len(times) or bool((np.diff(pts) <= 0).any()):
            # A bare stream has no clock: its frames come at the rate that it states.
            return FrameIndex(np.arange(len(times), dtype=np.int64), 1, (), False), 1 / rate
        return FrameIndex(pts, 0, (), False), base

"""Decoding a video file from any frame on, with a check that no frame is skipped or swapped."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

import av
import numpy as np
from av.packet import Packet

from tam_edit.errors import DecodeError
from tam_edit.media.container import decoder_of, open_input, skip_other_streams
from tam_edit.media.frame_index import REPAIR_HINT, FrameIndex

# Seconds before a keyframe to which a demuxer that seeks inexactly is sent, in turn.
SEEK_MARGINS_S = (0, 1, 5, 20)


class FileReader:
    """One open file with one decoder; several of them read independently of each other.

    Args:
        path: The file.
        stream: Index of its video stream.
        index: Its frames.
        size: Columns and rows that every picture should have, as stored. One of another size may
            come in place of a frame that is lost; whoever asks must refuse it.
    """

    def __init__(
        self, path: Path, stream: int, index: FrameIndex, size: tuple[int, int] | None = None
    ) -> None:
        self._path = path
        self._stream = stream
        self._index = index
        self._size = size
        self._open()
        self._key_pts = np.array([key.pts for key in index.keyframes], np.int64)

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    @property
    def decoder(self) -> av.VideoCodecContext:
        """The decoder."""
        return self._decoder

    def pictures(self) -> Iterator[av.VideoFrame]:
        """Decode whatever there is, from the start."""
        return self._pictures(-1)

    def frames(self, start: int, stop: int) -> Iterator[tuple[int, av.VideoFrame]]:
        """Decode frames ``start`` to ``stop - 1`` in display order.

        Raises:
            DecodeError: A frame cannot be decoded; the message names it.
        """
        place, behind = start, 0
        while place < stop:
            key = self._key_before(place, behind)
            for picture in self._decoded_from(key, place, stop):
                yield place, picture
                place, behind = place + 1, 0
            if place == stop:
                return
            if key <= 0:
                raise DecodeError(
                    f"{self._path.name} cannot be decoded at frame {place} of "
                    f"{self._index.pts.size}: its data is damaged there",
                    hint=REPAIR_HINT.format(name=self._path.name, ext=self._path.suffix),
                )
            # A keyframe that does not stand alone (open or refreshed group): begin one earlier.
            behind += 1

    def starts_anew(self, at: int, wanted: int) -> bool:
        """Whether seeking to a frame is shorter than decoding on from another one."""
        return wanted < at or self._key_before(wanted, 0) > self._key_before(at, 0)

    def _key_before(self, place: int, behind: int) -> int:
        if not self._index.is_seekable:
            return -1
        at = int(np.searchsorted(self._key_pts, self._index.pts[place], side="right")) - 1
        return max(0, at - behind)

    def _decoded_from(self, key: int, start: int, stop: int) -> Iterator[av.VideoFrame]:
        """The frames from ``start`` on, until one is missing."""
        with closing(self._pictures(key)) as pictures:
            if key < 0:
                for place, picture in enumerate(pictures):
                    if place >= stop:
                        return
                    if place >= start:
                        yield picture
                return
            place = start
            for picture in pictures:
                # Pictures shown before the first one wanted are only there for decoding.
                if picture.pts is None or picture.pts < self._index.pts[place]:
                    continue
                if picture.pts > self._index.pts[place]:
                    if self._size not in (None, (picture.width, picture.height)):
                        # MPEG-2 loses a frame where the size changes; the change is the cause.
                        yield picture
                    return
                yield picture
                place += 1
                if place == stop:
                    return

    def _pictures(self, key: int) -> Generator[av.VideoFrame]:
        for packet in self._packets(key):
            try:
                yield from self._decoder.decode(packet)
            except av.InvalidDataError:
                # The frame is then missing, which the caller sees and reports with its number.
                continue
        yield from self._rest()

    def _rest(self) -> Iterator[av.VideoFrame]:
        try:
            yield from self._decoder.decode(None)
        except (av.InvalidDataError, EOFError):
            return

    def _packets(self, key: int) -> Iterator[Packet[av.VideoStream]]:
        if key <= 0:
            self._reopen()
            yield from self._demuxed()
            return
        wanted = self._index.keyframes[key]
        for margin_s in SEEK_MARGINS_S:
            if not self._seek(wanted.pts if wanted.dts is None else wanted.dts, margin_s):
                break
            packets = self._demuxed()
            for packet in packets:
                if packet.pts == wanted.pts:
                    yield packet
                    yield from packets
                    return
                if None not in (packet.dts, wanted.dts) and packet.dts > wanted.dts:  # type: ignore[operator]
                    break
        self._reopen()
        yield from self._demuxed()

    def _demuxed(self) -> Iterator[Packet[av.VideoStream]]:
        try:
            for packet in self._container.demux(self._video):
                if packet.size:
                    yield packet
        except (av.FFmpegError, OSError) as error:
            raise DecodeError(f"{self._path.name} cannot be read: {error}") from error

    def _seek(self, timestamp: int, margin_s: int) -> bool:
        """Whether the file lets itself be sent to a time; a bare series of pictures does not."""
        self._is_fresh = False
        base = self._video.time_base or 1
        depth = self._decoder.reorder_depth
        try:
            self._container.seek(timestamp - round(margin_s / base), stream=self._video)
        except (av.FFmpegError, OSError):
            return False
        if self._decoder.is_open:
            self._decoder.flush_buffers()
            # Flushing forgets how far pictures are reordered, and B-frames would be dropped.
            self._decoder.reorder_depth = depth
        return True

    def _reopen(self) -> None:
        if not self._is_fresh:
            self._container.close()
            self._open()
        self._is_fresh = False

    def _open(self) -> None:
        self._container = open_input(self._path)
        video = self._container.streams[self._stream]
        if not isinstance(video, av.VideoStream):
            raise DecodeError(f"{self._path.name} changed while it was read")
        self._video = video
        self._decoder = decoder_of(video)
        self._is_fresh = True
        skip_other_streams(self._container, self._stream)

"""Sound, subtitles and attachments: packets that go from the source to the output unchanged."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import OutputContainer
from av.packet import Packet
from av.stream import AttachmentStream, DataStream, Discard, Disposition, Stream

from tam_edit.errors import DecodeError, EncodeError
from tam_edit.media.container import open_input

# Written by muxers about the file they wrote; false in another file.
STALE_KEYS = frozenset(
    (
        *("duration", "bps", "number_of_frames", "number_of_bytes", "encoder", "vendor_id"),
        *("timecode", "alpha_mode", "rotate"),
        *("major_brand", "minor_version", "compatible_brands"),
    )
)
STALE_PREFIXES = ("_statistics", "bps-", "duration-", "number_of_")
# FFmpeg's name for QuickTime's track of chapter titles.
CHAPTER_TEXT = "bin_data"
# QuickTime's subtitles, which no other family of containers holds.
ISO_ONLY = "mov_text"
WRITABLE = (".mp4", ".mov", ".m4v", ".mkv")
# FFmpeg's names of the containers that outputs are written in.
MUXERS = {
    ".mp4": "mp4",
    ".mov": "mov",
    ".m4v": "ipod",
    ".mkv": "matroska",
    ".webm": "webm",
}


@dataclass
class Tally:
    """What was written to one stream, to be compared with what is read back.

    Attributes:
        kind: ``"audio"`` or ``"subtitle"``.
        size: Bytes of all packets.
        checksum: CRC-32 of all packets, one after the other.
    """

    kind: str
    size: int = 0
    checksum: int = 0

    def add(self, packet: Packet[Any]) -> None:
        """Count a packet. The empty texts that MP4 puts between subtitles count for nothing."""
        if self.kind == "subtitle" and packet.size <= 2:
            return
        self.size += packet.size
        self.checksum = zlib.crc32(packet, self.checksum)


@dataclass(frozen=True)
class Span:
    """Which part of the source is wanted, in seconds of its clock.

    Attributes:
        start_s: Packets that begin before are left out.
        stop_s: Packets that begin here or later are left out.
        shift_s: By how much everything moves towards the start.
    """

    start_s: Fraction
    stop_s: Fraction
    shift_s: Fraction


@dataclass
class _Copied:
    source: Stream
    target: Stream
    tally: Tally


@dataclass
class CopiedStreams:
    """The streams of a source that are copied beside the film.

    Args:
        path: The source.
        video: Index of the film's stream in it.
        output: The container to write to, before its header is written.
        extension: Of the output, for messages.
        span: The part that is wanted; None is everything.
        keeps_sound: Whether sound is copied.
        keeps_extras: Whether subtitles, attachments and names of tracks are copied, too.
        notes: Takes a sentence for each stream that cannot come along.
    """

    path: Path
    video: int
    output: OutputContainer
    extension: str
    span: Span | None
    keeps_sound: bool
    keeps_extras: bool
    notes: list[str]
    _copied: dict[int, _Copied] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._container = open_input(self.path)
        for stream in self._container.streams:
            if stream.index != self.video and not self._add(stream):
                stream.discard = Discard.all
        self._container.streams[self.video].discard = Discard.all
        self._packets = self._demuxed()
        self._pending = next(self._packets, None)

    @property
    def tallies(self) -> list[Tally]:
        """What was written to each copied stream, in their order."""
        return [copied.tally for copied in self._copied.values()]

    def copy_until(self, time: Fraction | None) -> None:
        """Write the packets up to a time in seconds of the output's clock; None is all of them."""
        while self._pending is not None:
            packet = self._pending
            stamp = packet.dts if packet.dts is not None else packet.pts
            if time is not None and stamp is not None and stamp * packet.time_base > time:
                return
            copied = self._copied[packet.stream.index]
            copied.tally.add(packet)
            packet.stream = copied.target
            self.output.mux(packet)
            self._pending = next(self._packets, None)

    def close(self) -> None:
        """Close the source."""
        self._container.close()

    def _add(self, stream: Stream) -> bool:
        wanted = {"audio": self.keeps_sound, "subtitle": self.keeps_extras}
        if wanted.get(stream.type, False):
            target = self._templated(stream)
            self._copied[stream.index] = _Copied(stream, target, Tally(stream.type))
            return True
        if isinstance(stream, AttachmentStream) and self.keeps_extras:
            self._attach(stream)
        elif stream.type == "video" and self.keeps_extras:
            is_cover = stream.disposition & Disposition.attached_pic
            kind = "an attached picture" if is_cover else "a second video"
            self.notes.append(f"{kind} (stream {stream.index}) of the source is not copied")
        elif stream.type in ("data", "unknown") and self.keeps_extras:
            self._note_data(stream)
        return False

    def _note_data(self, stream: Stream) -> None:
        # Tracks of timecode and of chapter titles are written anew, from what they mean.
        is_chapter_text = isinstance(stream, DataStream) and stream.name == CHAPTER_TEXT
        has_chapters = bool(self._container.chapters())
        if "timecode" not in stream.metadata and not (is_chapter_text and has_chapters):
            self.notes.append(f"a data track (stream {stream.index}) is not copied")

    def _templated(self, stream: Stream) -> Stream:
        name = stream.codec_context.name if stream.codec_context is not None else "unknown coding"
        try:
            target = self.output.add_stream_from_template(stream)
        except (av.FFmpegError, ValueError) as error:
            raise EncodeError(
                f"{self.extension} cannot hold the source's {stream.type} track {stream.index} "
                f"({name})",
                hint=f"write to {' or '.join(self._able(name))}, which can",
            ) from error
        target.disposition = stream.disposition
        target.metadata.update(
            kept_metadata(stream.metadata)
            if self.keeps_extras
            else {k: v for k, v in stream.metadata.items() if k == "language"}
        )
        return target

    def _able(self, codec: str) -> list[str]:
        """Extensions that can hold a stream: the source's own, and Matroska for nearly all."""
        own = self.path.suffix.lower()
        able = {own} if own in WRITABLE else set()
        able |= {".mp4", ".mov"} if codec == ISO_ONLY else {".mkv"}
        return sorted(able - {self.extension.lower()})

    def _attach(self, stream: AttachmentStream) -> None:
        if "matroska" not in self.output.format.name:
            self.notes.append(
                f"the attached file {stream.name or stream.index} is not copied: "
                f"{self.extension} holds none"
            )
            return
        self.output.add_attachment(
            stream.name or f"attachment-{stream.index}",
            stream.mimetype or "application/octet-stream",
            stream.data,
        )

    def _demuxed(self) -> Iterator[Packet[Any]]:
        if not self._copied:
            return
        streams = [copied.source for copied in self._copied.values()]
        try:
            for packet in self._container.demux(*streams):
                if packet.size and self._is_wanted(packet):
                    yield packet
        except (av.FFmpegError, OSError) as error:
            raise DecodeError(f"the sound of {self.path.name} cannot be read: {error}") from error

    def _is_wanted(self, packet: Packet[Any]) -> bool:
        span = self.span
        stamp = packet.pts if packet.pts is not None else packet.dts
        if span is None or stamp is None:
            return True
        base = packet.time_base
        begin, end = stamp * base, (stamp + (packet.duration or 0)) * base
        is_text = packet.stream.type == "subtitle"
        if begin >= span.stop_s or (end <= span.start_s if is_text else begin < span.start_s):
            return False
        if is_text and begin < span.start_s:
            # A subtitle that is on screen when the cut begins stays for the rest of its time.
            late = round((span.start_s - begin) / base)
            packet.pts, packet.duration = stamp + late, (packet.duration or late) - late
            packet.dts = packet.pts
        shift = round(span.shift_s / base)
        if packet.pts is not None:
            packet.pts -= shift
        if packet.dts is not None:
            packet.dts -= shift
        return True


def check_streams(
    path: Path, extension: str, *, keeps_sound: bool, keeps_extras: bool, needs_alpha: bool
) -> None:
    """Refuse sound and subtitles that a container cannot hold, before any work begins.

    Args:
        path: The source, a video file.
        extension: Of the output, with its dot.
        keeps_sound: Whether sound is to be copied.
        keeps_extras: Whether subtitles are to be.
        needs_alpha: Whether the output is transparent somewhere, which only some containers hold.

    Raises:
        EncodeError: A track cannot be copied; the hint says what can be done.
    """
    with open_input(path) as container:
        wanted = [*container.streams.audio] if keeps_sound else []
        tracks: list[Stream] = [*wanted, *(container.streams.subtitles if keeps_extras else [])]
        lost = next((track for track in tracks if not _holds(extension, track)), None)
        if lost is None:
            return
        others = (".mov", ".mkv") if needs_alpha else (".mp4", ".mov", ".mkv")
        able = [each for each in others if all(_holds(each, track) for track in tracks)]
        name = lost.codec_context.name if lost.codec_context is not None else "unknown coding"
        leave_out = (
            "leave the sound out: --set export.copy_sound=false"
            if lost.type == "audio"
            else "leave subtitles and metadata out: --set export.copy_metadata=false"
        )
        raise EncodeError(
            f"{extension} cannot hold the source's {lost.type} track {lost.index} ({name})",
            hint=f"write to {' or '.join(able)}, which can, or {leave_out}" if able else leave_out,
        )


def _holds(extension: str, track: Stream) -> bool:
    """Whether a container takes a track as it is; one that is not known is asked later."""
    muxer = MUXERS.get(extension.lower())
    if muxer is None:
        return True
    try:
        with av.open(io.BytesIO(), "w", format=muxer) as output:
            output.add_stream_from_template(track)
            # Some codings are refused only here, such as FLAC in QuickTime.
            output.start_encoding()
    except (av.FFmpegError, ValueError):
        return False
    return True


def kept_metadata(metadata: dict[str, str]) -> dict[str, str]:
    """What a file or stream says that is still true in a copy."""
    return {
        key: value
        for key, value in metadata.items()
        if key.lower() not in STALE_KEYS and not key.lower().startswith(STALE_PREFIXES)
    }

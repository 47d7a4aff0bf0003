"""Which frames a file shows and when, found by reading its packets without decoding them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from numpy.typing import NDArray

from tam_edit.errors import DecodeError, OpenError
from tam_edit.media.container import skip_other_streams

# Formats whose own table says how many packets there must be.
COUNTED_FORMATS = ("mov,mp4", "avi")
# A program stream states few timestamps; FFmpeg guesses the others, differently after a seek.
GUESSED_FORMATS = ("mpeg",)
# Matroska's element that holds everything but the first few bytes of a file.
SEGMENT_ID = 0x18538067
REPAIR_HINT = (
    "get an intact copy, or keep the good part with: "
    "ffmpeg -fflags +discardcorrupt -i {name} -c copy intact{ext}"
)


@dataclass(frozen=True)
class Keyframe:
    """A packet from which decoding can begin."""

    pts: int
    dts: int | None


@dataclass(frozen=True)
class FrameIndex:
    """The frames of a video in display order.

    Attributes:
        pts: Timestamps, strictly increasing.
        last_duration: How long the last frame is shown, in the same unit; 0 where nothing says.
        keyframes: Where decoding can begin, by rising timestamp.
        is_seekable: False where packets carry no usable timestamps, so that only decoding from
            the start tells which frame is which.
    """

    pts: NDArray[np.int64]
    last_duration: int
    keyframes: tuple[Keyframe, ...]
    is_seekable: bool = True

    @property
    def durations(self) -> NDArray[np.int64]:
        """How long each frame is shown: until the next one comes."""
        if self.pts.size < 2:
            return np.full(self.pts.size, self.last_duration, np.int64)
        gaps = np.diff(self.pts)
        return np.append(gaps, self.last_duration or gaps[-1])


@dataclass
class _Scan:
    """What one pass over the packets found."""

    pts: list[int]
    keyframes: list[Keyframe]
    last: tuple[int, int] = (0, 0)
    packets: int = 0
    intact: int = 0
    untimed: int = 0
    broken: str = ""


def scan_file(path: Path, container: InputContainer, stream: int) -> FrameIndex:
    """List the frames of a video stream.

    Args:
        path: For messages.
        container: Freshly opened; it is read to its end.
        stream: Index of the video stream.

    Raises:
        OpenError: The stream holds no frame.
        DecodeError: The file breaks off: its own tables announce more than there is.
    """
    video = container.streams[stream]
    is_matroska = "matroska" in container.format.name
    if not is_matroska:
        skip_other_streams(container, stream)
    scan = _scan_packets(container, video)
    announced = len(video.index_entries) if container.format.name.startswith(COUNTED_FORMATS) else 0
    if not scan.broken and announced > scan.packets:
        scan.broken = f"{scan.packets} of the {announced} frames it announces are there"
    if not scan.broken and is_matroska:
        scan.broken = _cut_segment(path)
    if scan.broken:
        raise DecodeError(
            f"{path.name} breaks off at frame {scan.intact}: {scan.broken}",
            hint=REPAIR_HINT.format(name=path.name, ext=path.suffix),
        )
    if scan.packets == 0:
        raise OpenError(f"{path.name} holds a video track without a single frame")
    pts = np.unique(np.array(scan.pts, np.int64))
    is_timed = scan.untimed == 0 and pts.size == len(scan.pts) and bool(scan.keyframes)
    is_timed = is_timed and container.format.name not in GUESSED_FORMATS
    keyframes = tuple(sorted(scan.keyframes, key=lambda key: key.pts))
    last = scan.last[1]
    return FrameIndex(pts, last, keyframes, is_seekable=is_timed)


def _scan_packets(container: InputContainer, video: Stream) -> _Scan:
    scan = _Scan([], [])
    packets = _demuxed(container, scan)
    for packet in packets:
        if packet.stream.index != video.index or packet.size == 0:
            continue
        scan.packets += 1
        if packet.is_corrupt and not scan.broken:
            scan.broken = "its data is incomplete there"
            if packet.pts is not None:
                # Frames are stored in another order than they are shown.
                scan.intact = sum(pts < packet.pts for pts in scan.pts)
        if packet.is_keyframe and packet.pts is not None:
            scan.keyframes.append(Keyframe(packet.pts, packet.dts))
        if not scan.keyframes and packet.pts is not None:
            # Before the first keyframe of a recording that was cut nothing can be decoded.
            continue
        if packet.is_discard or _is_hidden(packet, video):
            continue
        scan.intact += not scan.broken
        if packet.pts is None:
            scan.untimed += 1
            continue
        scan.pts.append(packet.pts)
        scan.last = max(scan.last, (packet.pts, packet.duration or 0))
    return scan


def _demuxed(container: InputContainer, scan: _Scan) -> Iterator[Packet[Stream]]:
    packets = container.demux()
    while True:
        try:
            yield next(packets)
        except StopIteration:
            return
        except (av.FFmpegError, OSError) as error:
            scan.broken = scan.broken or f"it cannot be read on ({error})"
            return


def _is_hidden(packet: Packet[Stream], video: Stream) -> bool:
    # RFC 6386 section 9.1: bit 4 of the first byte of a VP8 frame says whether it is shown.
    return video.codec.name == "vp8" and not bytes(packet)[0] >> 4 & 1


def _cut_segment(path: Path) -> str:
    """Whether a Matroska file is shorter than its only large element says (RFC 8794, RFC 9559)."""
    with path.open("rb") as file:
        start = file.read(64)
    header = _element(start, 0)
    segment = _element(start, header[1]) if header is not None else None
    if segment is None or segment[0] != SEGMENT_ID:
        return ""
    missing = segment[1] - path.stat().st_size
    return f"the file lacks its last {missing} bytes" if missing > 0 else ""


def _element(data: bytes, at: int) -> tuple[int, int] | None:
    """The identifier and the end of an EBML element; None where its size is not stated."""
    if at + 12 > len(data):
        return None
    # The leading zero bits of the first byte tell how many bytes follow.
    id_length = 9 - data[at].bit_length()
    size_length = 9 - data[at + id_length].bit_length()
    first = at + id_length + size_length
    size = int.from_bytes(data[at + id_length : first], "big") - (1 << 7 * size_length)
    if size == (1 << 7 * size_length) - 1:
        return None
    return int.from_bytes(data[at : at + id_length], "big"), first + size

"""Reading a written file back: it must hold what was promised before it gets its name."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Self

import numpy as np

from tam_edit.errors import EncodeError, MediaError
from tam_edit.media.container import open_input
from tam_edit.media.conversion import Conversion
from tam_edit.media.copied_streams import Tally
from tam_edit.media.file_source import FileSource
from tam_edit.media.kept_plane import KeptPlane
from tam_edit.media.source import SourceInfo
from tam_edit.pixels import UNSPECIFIED, ColorTags, PixelLayout


@dataclass
class Promise:
    """What a written file must hold.

    Attributes:
        pts: Timestamps of its frames.
        time_base: Seconds per unit of them.
        coded_size: Columns and rows.
        layout: Raster, alpha, and the least depth.
        color: Colour tags.
        quarter_turns: Rotation for display.
        pixel_aspect: Width of a sample divided by its height.
        copied: What was written to the other streams, in their order.
        is_repackaged: Whether the container repacks sound, so that packets are not comparable.
        is_matte: Whether the picture is a matte, whose full range must come back.
        kept: The alpha or the matte as the encoder was given it; None where there is none.
        most_error: How far that may be off, as a share of full scale.
    """

    time_base: Fraction
    coded_size: tuple[int, int]
    layout: PixelLayout
    color: ColorTags
    quarter_turns: int
    pixel_aspect: Fraction
    is_repackaged: bool
    pts: list[int] = field(default_factory=list)
    copied: list[Tally] = field(default_factory=list)
    is_matte: bool = False
    kept: KeptPlane | None = None
    most_error: float = 0.0

    @classmethod
    def of(cls, info: SourceInfo, conversion: Conversion) -> Self:
        """What a file made from a source must hold."""
        return cls(
            time_base=info.time_base,
            coded_size=(info.coded_width, info.coded_height),
            layout=conversion.layout,
            color=conversion.color,
            quarter_turns=info.quarter_turns,
            pixel_aspect=info.pixel_aspect,
            # Transport streams frame their sound in a way that no other container does.
            is_repackaged=info.container == "mpegts",
        )


def verify_file(path: Path, name: str, promise: Promise) -> list[str]:
    """Compare a written file with what it was to hold.

    Args:
        path: The file.
        name: The name that it will get, for messages.
        promise: What it must hold.

    Returns:
        Sentences about what the container rounds or leaves out.

    Raises:
        EncodeError: It does not hold it.
    """
    try:
        with FileSource(path) as written:
            info, pts, video = written.info, written.pts, written.video_stream
            wrong = _wrong_picture(info, promise) or _wrong_count(info, promise)
            wrong = wrong or _wrong_plane(written, promise)
        tallies = [] if promise.is_repackaged else _tallied(path, video)
    except MediaError as error:
        raise EncodeError(f"{name} cannot be read back: {error}") from error
    if not wrong and not promise.is_repackaged and tallies != promise.copied:
        wrong = "its sound or subtitles differ from the source's"
    if wrong:
        raise EncodeError(
            f"{name} was written, but read back {wrong}; it was deleted",
            hint="write another format or container, such as ffv1 to .mkv, and report this",
        )
    notes = _rounded_times(pts, info.time_base, name, promise)
    if _lost_tags(info.color, promise.color):
        notes.append(f"{path.suffix} does not keep the colour tags of this video")
    return notes


def _wrong_picture(info: SourceInfo, promise: Promise) -> str:
    found, wanted = info.layout, promise.layout
    size = (info.coded_width, info.coded_height)
    # ProRes 4444 takes 10 bits and is reported as 12; fewer than promised is a loss.
    checks = (
        (size == promise.coded_size, f"its size is {size} instead of {promise.coded_size}"),
        (
            found.has_alpha >= wanted.has_alpha,
            f"its transparency is gone ({found.name} instead of {wanted.name})",
        ),
        (found.bits >= wanted.bits, f"it has {found.bits} bits instead of {wanted.bits}"),
        (
            (found.chroma_step, found.is_rgb) == (wanted.chroma_step, wanted.is_rgb),
            f"it is {found.name} instead of {wanted.name}",
        ),
        (info.quarter_turns == promise.quarter_turns, "its rotation is gone"),
        (
            not promise.is_matte or info.color.full_range is True,
            "it does not say that its range is full, so white would not be shown as white",
        ),
        (
            info.pixel_aspect == promise.pixel_aspect,
            f"its pixel aspect is {info.pixel_aspect} instead of {promise.pixel_aspect}",
        ),
    )
    return next((complaint for holds, complaint in checks if not holds), "")


def _wrong_count(info: SourceInfo, promise: Promise) -> str:
    if info.frame_count != len(promise.pts):
        return f"it has {info.frame_count} frames instead of {len(promise.pts)}"
    return ""


def _wrong_plane(written: FileSource, promise: Promise) -> str:
    if promise.kept is None:
        return ""
    error, frame = promise.kept.worst(written.frames())
    if error <= promise.most_error:
        return ""
    return (
        f"its {promise.kept.name} is off by {error:.2%} on frame {frame}, and "
        f"{promise.most_error:.2%} are the most that this format may be"
    )


def _rounded_times(
    pts: np.ndarray[tuple[int], np.dtype[np.int64]],
    time_base: Fraction,
    name: str,
    promise: Promise,
) -> list[str]:
    is_rounded = False
    # A clock whose ticks the source's are multiples of has no reason to round.
    can_be_exact = (promise.time_base / time_base).denominator == 1
    for index, (found, wanted) in enumerate(zip(pts.tolist(), promise.pts, strict=True)):
        error = abs(found * time_base - wanted * promise.time_base)
        # Any other one rounds to its nearest tick, and not further.
        if error > time_base / 2 or (error and can_be_exact):
            raise EncodeError(
                f"{name} was written, but read back its frame {index} is shown "
                f"{float(error) * 1000:.3f} ms off; it was deleted",
                hint="write to .mp4 or .mov, which keep every timestamp",
            )
        is_rounded = is_rounded or error > 0
    if not is_rounded:
        return []
    step_ms = float(time_base) * 1000
    return [f"{Path(name).suffix} rounds frame times to its steps of {step_ms:g} ms"]


def _lost_tags(found: ColorTags, wanted: ColorTags) -> bool:
    pairs = (
        (found.primaries, wanted.primaries),
        (found.transfer, wanted.transfer),
        (found.matrix, wanted.matrix),
    )
    return any(want not in (UNSPECIFIED, have) for have, want in pairs) or (
        wanted.full_range is not None and found.full_range not in (None, wanted.full_range)
    )


def _tallied(path: Path, video: int) -> list[Tally]:
    with open_input(path) as container:
        tallies = {
            stream.index: Tally(stream.type)
            for stream in container.streams
            if stream.index != video and stream.type in ("audio", "subtitle")
        }
        if not tallies:
            return []
        for packet in container.demux(*(container.streams[index] for index in tallies)):
            if packet.size:
                tallies[packet.stream.index].add(packet)
    return list(tallies.values())

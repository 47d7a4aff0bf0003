"""From a path to the source or the sink that fits it."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import TypedDict

from tam_edit.errors import InputError
from tam_edit.media.exr_sink import ExrSink
from tam_edit.media.file_sink import FileSink
from tam_edit.media.file_source import FileSource
from tam_edit.media.folder_source import FolderSource, is_pattern
from tam_edit.media.formats import NUMBERED, OutputFormat, check_format, format_for
from tam_edit.media.png_sink import PngSink
from tam_edit.media.sink import PictureKind, Sink, check_target
from tam_edit.media.source import Source


def open_source(path: str | Path, *, fps: Fraction | None = None) -> Source:
    """Open a video file or a folder of pictures.

    Args:
        path: A file that FFmpeg reads; a folder of PNG, JPEG, TIFF or EXR pictures (in natural
            order); or a pattern of pictures such as ``shot.%04d.png`` or ``shot.*.png``.
        fps: Frames per second of a folder, 25 where it is left out; a file has its own.

    Raises:
        InputError: A rate was given for a video file.
        OpenError: Nothing there, or nothing that can be read as a video.
        DecodeError: The file breaks off.
    """
    place = Path(path)
    if place.is_dir() or (not place.exists() and is_pattern(place)):
        return FolderSource(place, fps=Fraction(25) if fps is None else fps)
    if fps is not None:
        raise InputError(
            f"{place.name} has its own frame times: --fps is for folders of pictures only"
        )
    return FileSource(place)


def open_sink(
    path: str | Path,
    *,
    source: Source,
    format: OutputFormat | None = None,  # noqa: A002 - the word that users know
    needs_alpha: bool = False,
    premultiplies: bool = False,
    start: int = 0,
    stop: int | None = None,
    copy_streams: bool = True,
    copy_metadata: bool = True,
    overwrite: bool = False,
    codec_options: Mapping[str, str] | None = None,
    bits: int | None = None,
    kind: PictureKind | None = None,
) -> Sink:
    """Begin to write a video made from a source.

    Args:
        path: Target file; for PNG and EXR a folder (``out/``) or a pattern
            (``out/shot.%05d.png``).
        source: Where the frames come from, and with them timing, colour, rotation and sound.
        format: How to write; by the target's extension where it is left out.
        needs_alpha: Whether frames will be transparent somewhere.
        premultiplies: Whether colours fade to black where they are; EXR's always do.
        start: First frame of the source that will be written.
        stop: Frame of the source before which writing ends; its end where it is left out.
        copy_streams: Whether sound comes along, packet by packet.
        copy_metadata: Whether title, chapters, subtitles, attachments, start timecode and the
            like come along. A redaction copies none of it.
        overwrite: Whether something under the target's name may be replaced.
        codec_options: Encoder settings by FFmpeg's names, over the format's own.
        bits: Depth of the samples, the next one that the format has; left out: the frames' own.
        kind: What frames are like that are not the source's pictures, but mattes; timing,
            rotation, aspect, sound and metadata are the source's all the same.

    Raises:
        InputError: The range is none.
        EncodeError: The target cannot be written, or cannot hold what is asked.
    """
    stop = _checked_stop(start, stop, source)
    if format is None:
        chosen = format_for(path, needs_alpha=needs_alpha, layout=source.info.layout, bits=bits)
    else:
        chosen = format
        check_format(chosen, path, needs_alpha=needs_alpha, bits=bits)
    target = check_target(path, chosen, source, overwrite=overwrite)
    options = dict(codec_options or {})
    what = (target, chosen, source, start, stop)
    pattern = _picture_pattern(path, chosen)
    if chosen.name == "exr":
        return ExrSink(
            *what, pattern=pattern, kind=kind, copy_metadata=copy_metadata, options=options
        )
    alpha = _Alpha(needs_alpha=needs_alpha, premultiplies=premultiplies)
    if chosen.is_folder:
        return PngSink(*what, pattern=pattern, bits=bits, kind=kind, options=options, **alpha)
    copied = _Copied(copy_streams=copy_streams, copy_metadata=copy_metadata)
    return FileSink(*what, bits=bits, kind=kind, options=options, **alpha, **copied)


class _Alpha(TypedDict):
    needs_alpha: bool
    premultiplies: bool


class _Copied(TypedDict):
    copy_streams: bool
    copy_metadata: bool


def _checked_stop(start: int, stop: int | None, source: Source) -> int:
    count = source.info.frame_count
    stop = count if stop is None else stop
    if not 0 <= start < stop <= count:
        raise InputError(f"frames {start} to {stop} are no range of a video of {count} frames")
    return stop


def _picture_pattern(path: str | Path, chosen: OutputFormat) -> str:
    name = Path(path).name
    return name if NUMBERED.search(name) else f"frame.%05d.{chosen.name}"

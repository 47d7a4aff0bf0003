"""Opening a file with FFmpeg, and finding the film in it."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import av
from av.container import InputContainer
from av.stream import Discard, Disposition

from tam_edit.errors import OpenError, meant_file

VP9_WITH_ALPHA = "libvpx-vp9"
# FFmpeg draws text files as if a terminal showed them; nobody means that.
NO_VIDEO_FORMATS = frozenset({"tty", "lavfi"})


def open_input(path: Path) -> InputContainer:
    """Open a file for reading.

    Raises:
        OpenError: It is missing, unreadable or nothing that FFmpeg knows.
    """
    try:
        # The prefix keeps FFmpeg from reading names like "concat:a.mp4" as instructions.
        container = av.open(f"file:{path}", metadata_errors="replace")
    except FileNotFoundError as error:
        check = "check its name" if path.parent.is_dir() else f"there is no folder {path.parent}"
        raise OpenError(f"there is no file {path}", hint=meant_file(path) or check) from error
    except PermissionError as error:
        raise OpenError(
            f"{path} may not be read", hint="check who owns the file and its permissions"
        ) from error
    except (av.FFmpegError, OSError, ValueError) as error:
        raise OpenError(
            f"{path} is not a video that can be read ({_reason(error)})",
            hint="is the file complete, and is it a video?",
        ) from error
    if container.format.name in NO_VIDEO_FORMATS:
        container.close()
        raise OpenError(f"{path} is a text file, not a video")
    return container


def main_video(container: InputContainer, path: Path) -> av.VideoStream:
    """The film: the first video stream that is no cover picture.

    Raises:
        OpenError: There is none.
    """
    for stream in container.streams.video:
        if stream.disposition & Disposition.attached_pic:
            continue
        if stream.codec_context is None or stream.codec_context.codec is None:
            raise OpenError(f"{path.name} holds a video whose coding this FFmpeg cannot read")
        return stream
    if container.streams.audio:
        raise OpenError(
            f"{path.name} holds sound but no video", hint="give the file that has the picture"
        )
    raise OpenError(f"{path.name} holds no video")


def skip_other_streams(container: InputContainer, stream: int) -> None:
    """Have the demuxer leave out everything but one stream."""
    for other in container.streams:
        if other.index != stream:
            other.discard = Discard.all


def decoder_of(video: av.VideoStream) -> av.VideoCodecContext:
    """The decoder of a stream, threaded; for VP9 with alpha the one that keeps the alpha."""
    context = video.codec_context
    if context.name == "vp9" and video.metadata.get("alpha_mode") == "1":
        context = cast("av.VideoCodecContext", av.CodecContext.create(VP9_WITH_ALPHA, "r"))
        told = video.codec_context
        context.extradata = told.extradata
        # The container's word: libvpx reports the matrix and the range only.
        context.color_primaries, context.color_trc = told.color_primaries, told.color_trc
    context.thread_type = "AUTO"
    return context


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)

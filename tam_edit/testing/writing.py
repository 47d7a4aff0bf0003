"""Drawn pictures as a video file, with a drawn tone beside them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from tam_edit.errors import EncodeError
from tam_edit.frame import EXACT

CONTAINERS = (".mp4", ".mov", ".mkv")
BT709 = 1  # code point of ITU-T H.273 for primaries, transfer and matrix
SAMPLES_PER_SECOND = 48000
SAMPLES_AT_ONCE = 1024  # one AAC frame
TONE_HZ = 440.0
# How long frames are shown where the rate varies, in frames of the constant rate, over and over.
VARIED_DURATIONS = (1, 3, 2, 1, 2, 3)


def write_pictures(
    pictures: Iterable[NDArray[np.uint8]],
    path: Path,
    *,
    width: int,
    height: int,
    rate: Fraction,
    with_audio: bool,
    variable_rate: bool,
) -> None:
    """Write uint8 (H, W, 3) RGB pictures as H.264, 4:2:0 (4:4:4 for an odd size), BT.709.

    Raises:
        EncodeError: The suffix names none of the containers, or the file cannot be written.
    """
    if path.suffix.lower() not in CONTAINERS:
        raise EncodeError(
            f"a drawn clip cannot be written as {path.name!r}",
            hint=f"give the file one of the suffixes {', '.join(CONTAINERS)}",
        )
    # Written beside and renamed: nothing unfinished ever has the final name.
    beside = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        with av.open(str(beside), "w") as container:
            video = _video_stream(container, width, height, rate)
            tone = _Tone(container) if with_audio else None
            durations = itertools.cycle(VARIED_DURATIONS if variable_rate else (1,))
            shown = 0
            for picture, duration in zip(pictures, durations, strict=False):
                container.mux(video.encode(_video_frame(picture, video, shown, duration, rate)))
                shown += duration
                if tone is not None:
                    tone.extend(shown / rate)
            container.mux(video.encode(None))
            if tone is not None:
                tone.finish()
        beside.replace(path)
    except (av.FFmpegError, OSError) as error:
        raise EncodeError(
            f"the drawn clip cannot be written to {path}: {error}",
            hint="choose a folder that exists and can be written to",
        ) from error
    finally:
        beside.unlink(missing_ok=True)


def _video_stream(
    container: av.container.OutputContainer, width: int, height: int, rate: Fraction
) -> av.VideoStream:
    stream = container.add_stream("libx264", rate=rate)
    stream.width, stream.height = width, height
    stream.pix_fmt = "yuv444p" if width % 2 or height % 2 else "yuv420p"
    stream.options = {"crf": "12", "preset": "veryfast"}
    context = stream.codec_context
    context.time_base = 1 / rate
    context.color_primaries = context.color_trc = context.colorspace = BT709
    context.color_range = int(ColorRange.MPEG)
    return stream


def _video_frame(
    picture: NDArray[np.uint8], stream: av.VideoStream, pts: int, duration: int, rate: Fraction
) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(
        format=stream.pix_fmt,
        interpolation=EXACT,
        src_color_range=int(ColorRange.JPEG),
        dst_color_range=int(ColorRange.MPEG),
        dst_colorspace=int(Colorspace.ITU709),
    )
    frame.pts, frame.time_base, frame.duration = pts, 1 / rate, duration
    return frame


class _Tone:
    """A sine tone that is written as far as the pictures have come."""

    def __init__(self, container: av.container.OutputContainer) -> None:
        self._container = container
        self._stream = container.add_stream("aac", rate=SAMPLES_PER_SECOND, layout="mono")
        self._written = 0
        self._wanted = 0

    def extend(self, seconds: Fraction) -> None:
        """Write whole AAC frames up to that time."""
        self._wanted = int(seconds * SAMPLES_PER_SECOND)
        while self._written + SAMPLES_AT_ONCE <= self._wanted:
            self._encode(SAMPLES_AT_ONCE)

    def finish(self) -> None:
        """Write the rest, which fills no whole frame."""
        if self._wanted > self._written:
            self._encode(self._wanted - self._written)
        self._container.mux(self._stream.encode(None))

    def _encode(self, count: int) -> None:
        at = np.arange(self._written, self._written + count) / SAMPLES_PER_SECOND
        wave = (0.2 * np.sin(2 * np.pi * TONE_HZ * at)).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
        frame.sample_rate = SAMPLES_PER_SECOND
        frame.pts, frame.time_base = self._written, Fraction(1, SAMPLES_PER_SECOND)
        self._container.mux(self._stream.encode(frame))
        self._written += count

"""What a file says about its streams, and what its timestamps say about its rate."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from tam_edit.media.source import AudioFacts, SubtitleFacts

# Where a file says nothing about its rate.
DEFAULT_RATE = Fraction(25)
# ISO 639-2 for a language that nobody stated.
UNDETERMINED = "und"
# A stated rate that is this close to the measured one is the true one.
RATE_TOLERANCE = Fraction(1, 1000)
# From this many ticks a frame on, gaps that differ by one tick are rounding of the clock.
FINE_TICKS = 10


def audio_facts(container: InputContainer) -> tuple[AudioFacts, ...]:
    """The sound tracks."""
    return tuple(
        AudioFacts(
            codec=stream.codec_context.name,
            sample_rate_hz=stream.codec_context.sample_rate,
            channels=stream.codec_context.channels,
            language=_language(stream.language),
        )
        for stream in container.streams.audio
        if stream.codec_context is not None
    )


def subtitle_facts(container: InputContainer) -> tuple[SubtitleFacts, ...]:
    """The subtitle tracks."""
    return tuple(
        SubtitleFacts(
            codec=stream.codec_context.name if stream.codec_context is not None else "unknown",
            language=_language(stream.language),
        )
        for stream in container.streams.subtitles
    )


def _language(code: str | None) -> str | None:
    return None if code == UNDETERMINED else code


def start_timecode(container: InputContainer, video: av.VideoStream) -> str | None:
    """The first frame's timecode, from the video stream, a timecode track or the container."""
    places = [video.metadata, *(s.metadata for s in container.streams.data), container.metadata]
    for metadata in places:
        for key, value in metadata.items():
            if key.lower() == "timecode" and value:
                return value
    return None


def is_variable_rate(pts: NDArray[np.int64]) -> bool:
    """Whether the gaps between timestamps differ by more than the clock's rounding."""
    gaps = np.diff(pts)
    if gaps.size == 0:
        return False
    rounding = 1 if np.median(gaps) >= FINE_TICKS else 0
    return int(gaps.max() - gaps.min()) > rounding


def average_rate(pts: NDArray[np.int64], time_base: Fraction, stated: Fraction | None) -> Fraction:
    """Frames per second: what the file states if the timestamps bear it out, else measured.

    Args:
        pts: Timestamps, rising.
        time_base: Seconds per unit.
        stated: What the file says.
    """
    if pts.size < 2:
        return stated or DEFAULT_RATE
    ticks = int(pts[-1] - pts[0])
    measured = Fraction(int(pts.size) - 1) / (ticks * time_base)
    # First and last timestamp may each be off by half a tick of the clock.
    if stated and abs(stated / measured - 1) <= RATE_TOLERANCE + Fraction(1, ticks):
        return stated
    return measured.limit_denominator(100_000)


def total_duration(
    pts: NDArray[np.int64], durations: NDArray[np.int64], time_base: Fraction, rate: Fraction
) -> Fraction:
    """Seconds from the first frame's start to the last one's end."""
    span = int(pts[-1] - pts[0]) * time_base
    return span + (int(durations[-1]) * time_base or 1 / rate)

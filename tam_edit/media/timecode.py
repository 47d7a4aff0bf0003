"""Places in a video as people write them: frame numbers, clock times and SMPTE timecode.

Timecode follows SMPTE ST 12-1: ``HH:MM:SS:FF`` counts frames at the rounded rate; with ``;`` before
the frames it drops the first two (29.97) or four (59.94) numbers of each minute but the tenth.
"""

from __future__ import annotations

import re
from fractions import Fraction

from tam_edit.errors import InputError
from tam_edit.media.source import Source

SECONDS = re.compile(r"(\d+)(?:\.(\d+))?s")
CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d{1,2})\.(\d+)|(\d+):(\d{2}):(\d{2})")
COUNTED = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})([:;])(\d{1,3})")


def frame_at(text: str, source: Source) -> int:
    """The frame that a person names.

    Args:
        text: ``"123"`` (frame), ``"00:01:02.500"`` or ``"00:01:02"`` (time since the first frame),
            ``"62.5s"`` (seconds since then), ``"01:00:02:12"`` or ``"01:00:02;12"`` (timecode;
            counted from the file's start timecode where it has one and the value is not before
            it); a leading ``@`` is allowed.
        source: The video.

    Returns:
        0-based frame index.

    Raises:
        InputError: It cannot be read, or no such frame exists.
    """
    given = text.strip().removeprefix("@")
    info = source.info
    if given.isdecimal():
        index = int(given)
    elif (time := _time_of(given)) is not None:
        if time >= info.duration_s:
            raise InputError(
                f"{text} is past the end: the video lasts {_clock(info.duration_s)}",
                hint=f"its last frame is {info.frame_count - 1}",
            )
        return source.index_at(source.time_of(0) + time)
    elif COUNTED.fullmatch(given):
        number = frames_of(given, info.average_rate)
        first = frames_of(info.start_timecode, info.average_rate) if info.start_timecode else 0
        counted = number - first if number >= first else number
        if not info.is_variable_rate:
            index = counted
        else:
            time = source.time_of(0) + Fraction(counted) / info.average_rate
            past = counted >= info.duration_s * info.average_rate
            index = info.frame_count if past else source.index_at(time)
    else:
        raise InputError(
            f"{text!r} names no frame",
            hint="write a frame number, HH:MM:SS.mmm, seconds with an s, or HH:MM:SS:FF, such as "
            "120, 00:00:04.800, 4.8s or 00:00:04:20",
        )
    if index >= info.frame_count:
        raise InputError(
            f"there is no frame {text}: the video has {info.frame_count} frames",
            hint=f"frames count from 0; the last one is {info.frame_count - 1}",
        )
    return index


def _time_of(text: str) -> Fraction | None:
    """A time of a clock or in seconds, in seconds; None where it is neither."""
    if match := SECONDS.fullmatch(text):
        hours, minutes, (seconds, decimals) = "0", "0", match.groups()
    elif match := CLOCK.fullmatch(text):
        hours, minutes, seconds, decimals = match.groups()[:4]
        if seconds is None:
            hours, minutes, seconds = match.groups()[4:]
    else:
        return None
    whole = int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)
    return whole + Fraction(int(decimals or 0), 10 ** len(decimals or ""))


def timecode_at(index: int, source: Source) -> str:
    """The timecode of a frame, counted from the file's start timecode (or zero)."""
    info = source.info
    elapsed = index
    if info.is_variable_rate:
        elapsed = round((source.time_of(index) - source.time_of(0)) * info.average_rate)
    return advanced(info.start_timecode or "00:00:00:00", elapsed, info.average_rate)


def known_timecode(index: int, source: Source) -> str | None:
    """The same; None where the file's start timecode is none at its rate."""
    try:
        return timecode_at(index, source)
    except InputError:
        return None


def advanced(timecode: str, frames: int, rate: Fraction) -> str:
    """A timecode some frames later, in the same notation."""
    is_drop = _is_drop(timecode, rate)
    separator = ";" if is_drop else ":"
    return _text_of(frames_of(timecode, rate) + frames, round(rate), separator)


def frames_of(timecode: str, rate: Fraction) -> int:
    """The number of frames since ``00:00:00:00``.

    Raises:
        InputError: It is no timecode, or counts more frames a second than the rate has.
    """
    match = COUNTED.fullmatch(timecode)
    nominal = round(rate)
    if match is None:
        raise InputError(f"{timecode!r} is no timecode: write HH:MM:SS:FF")
    hours, minutes, seconds, frames = (int(match[k]) for k in (1, 2, 3, 5))
    if minutes > 59 or seconds > 59 or frames >= max(1, nominal):
        raise InputError(
            f"{timecode} is no timecode at {nominal} frames a second",
            hint=f"minutes and seconds go up to 59, the frames after them up to {nominal - 1:02}",
        )
    number = ((hours * 60 + minutes) * 60 + seconds) * nominal + frames
    if _is_drop(timecode, rate):
        dropped = _dropped_a_minute(nominal)
        if minutes % 10 and seconds == 0 and frames < dropped:
            raise InputError(f"{timecode} is a number that drop-frame timecode leaves out")
        total_minutes = hours * 60 + minutes
        number -= dropped * (total_minutes - total_minutes // 10)
    return number


def _is_drop(timecode: str, rate: Fraction) -> bool:
    # Only 29.97 and its multiples drop numbers; at other rates the mark means nothing.
    return timecode[8] == ";" and round(rate) % 30 == 0 and rate.denominator != 1


def _dropped_a_minute(nominal: int) -> int:
    return nominal // 15


def _text_of(number: int, nominal: int, separator: str) -> str:
    if separator == ";":
        dropped = _dropped_a_minute(nominal)
        ten_minutes = 600 * nominal - 9 * dropped
        tens, rest = divmod(number, ten_minutes)
        # The first minute of ten keeps all its numbers.
        later = max(0, rest - dropped) // (60 * nominal - dropped)
        number += dropped * (9 * tens + later)
    seconds, frames = divmod(number, nominal)
    hours, seconds = divmod(seconds, 3600)
    minutes, seconds = divmod(seconds, 60)
    # A day of timecode wraps around.
    return f"{hours % 24:02}:{minutes:02}:{seconds:02}{separator}{frames:02}"


def _clock(seconds: Fraction) -> str:
    whole, thousandths = divmod(int(seconds * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}.{thousandths:03}"

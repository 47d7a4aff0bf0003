"""Frames and times in options."""

from __future__ import annotations

from tam_edit.errors import InputError
from tam_edit.media import Source, frame_at


def frame_of(option: str, text: str, source: Source) -> int:
    """The frame that an option names.

    Args:
        option: As it was typed, for the error.
        text: A frame, a time or a timecode.
        source: The video.

    Raises:
        InputError: There is no such frame; it says in which option.
    """
    try:
        return frame_at(text, source)
    except InputError as error:
        raise InputError(f"{option}: {error}", hint=error.hint) from error

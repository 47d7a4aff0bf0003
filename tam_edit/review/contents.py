"""What a review page is about, and the pieces of HTML that its parts share."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from tam_edit.media import Source, timecode_at
from tam_edit.review.doubts import Doubt
from tam_edit.review.words import Writing
from tam_edit.tracks import TrackReader
from tam_edit.types import Mask, ObjectId

# Spans that are pictured at most; what is left out is said on the page.
MOST_PICTURED = 60
OPTION = re.compile(r"(?<!\S)--[a-z-]+")


@dataclass(frozen=True, kw_only=True)
class Review:
    """What a page is about.

    Attributes:
        project: The project's file.
        source: The video.
        reader: Its masks and scores.
        frames: From in to out point.
        names: The objects.
        doubts: Worst first.
        below: Frames with a lower score are doubtful.
        approved: Per object the frames that a person has approved.
        keyframes: Per object the frames on which a person said something.
        again: The command that makes the page again.
        writing: The command that writes the output; None where it is not known.
        cover: Gives what the recipe hides on a frame, bool (H, W); None where it hides nothing or
            that is not known yet.
    """

    project: Path
    source: Source
    reader: TrackReader
    frames: range
    names: Mapping[ObjectId, str]
    doubts: Sequence[Doubt]
    below: float
    approved: Mapping[ObjectId, Collection[int]] = field(default_factory=dict)
    keyframes: Mapping[ObjectId, Collection[int]] = field(default_factory=dict)
    again: str
    writing: Writing | None = None
    cover: Callable[[int], Mask] | None = None

    def timecode(self, frame_index: int) -> str:
        """The timecode of a frame."""
        return timecode_at(frame_index, self.source)


def shell_code(text: str) -> str:
    """A command as HTML; no line breaks between the two dashes of an option."""
    return OPTION.sub(r'<span class="o">\g<0></span>', escape(text))


def span_code(text: str) -> str:
    """A command that ends in two frames as HTML; what is to be filled in of them stands out."""
    before, _, span = text.rpartition(" ")
    return shell_code(before) + " " + re.sub("[AB]", r"<b>\g<0></b>", escape(span))


def command_box(code: str) -> str:
    """A command with a button that copies it."""
    return (
        f'<div class="command"><code>{code}</code>'
        '<button type="button" class="copy scripted">Copy</button></div>'
    )

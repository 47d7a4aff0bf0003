"""Doubts in a person's words, and the commands that settle them."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tam_edit.review.doubts import Doubt

Timecode = Callable[[int], str]
MOST_TOLD = 20  # doubts in a terminal; JSON and the review page have more


@dataclass(frozen=True, kw_only=True)
class Commands:
    """What can be typed about one doubt; names and paths are quoted for a shell.

    Attributes:
        correct: Says where the object is on the worst frame; ``X,Y`` is to be filled in.
        gone: Says that it is not in the picture.
        approve: Says that the masks are right; ``WHY`` is to be filled in.
    """

    correct: str
    gone: str
    approve: str

    @classmethod
    def about(cls, doubt: Doubt, project: Path) -> Commands:
        """The commands for a doubt of a project."""
        named = f"{quoted(project)} --object {quoted(doubt.name)}"
        return cls(
            correct=f"tam-edit prompt {named} --click X,Y@{doubt.worst_frame}",
            gone=f"tam-edit prompt {named} --gone {doubt.start}",
            approve=f"tam-edit approve {named} --frames {doubt.start}-{doubt.last} --reason WHY",
        )


def quoted(text: str | Path) -> str:
    """A name or a path as one word of a command."""
    return shlex.quote(str(text))


def hint(worst: Doubt, project: Path, folder: Path) -> str:
    """What to do about an open checkpoint, in one sentence.

    Args:
        worst: The doubt that comes first.
        project: The project's file.
        folder: Where a review page may lie.
    """
    commands = Commands.about(worst, project)
    look = f"tam-edit review {quoted(project)} --html {quoted(folder)}"
    return (
        f"correct what is wrong ({commands.correct}, or --gone {worst.start} where it is not in "
        f"the picture), approve what is right ({commands.approve}), then repeat this command; to "
        f"see them all: {look}; or decide now with --on-doubt cover-frame or "
        "--on-doubt continue"
    )


def frames_text(doubt: Doubt) -> str:
    """``frames 31-40``, or ``frame 31``."""
    return spanned(doubt.start, doubt.last)


def spanned(first: int, last: int) -> str:
    """``frames 31-40``, or ``frame 31``."""
    return f"frame {first}" if first == last else f"frames {first}-{last}"


def times_text(doubt: Doubt, timecode: Timecode) -> str:
    """``00:00:01:06 - 00:00:01:15``, or one timecode."""
    return " - ".join(timecode(index) for index in sorted({doubt.start, doubt.last}))


def line(doubt: Doubt, timecode: Timecode) -> str:
    """One doubt in one line."""
    return (
        f"{frames_text(doubt)} ({times_text(doubt, timecode)}) of {doubt.name!r}: "
        f"{doubt.main_reasons} (score {doubt.worst_score:.2f} on frame {doubt.worst_frame})"
    )


def in_words(doubts: Sequence[Doubt], timecode: Timecode) -> str:
    """The doubts as a person reads them in a terminal, one line each.

    Args:
        doubts: As :func:`~tam_edit.review.doubts.find_doubts` gives them.
        timecode: The timecode of a frame.
    """
    lines = ["a person must look before anything is written; doubtful, worst first:"]
    lines += [f"  {line(doubt, timecode)}" for doubt in doubts[:MOST_TOLD]]
    if len(doubts) > MOST_TOLD:
        lines.append(f"  and {len(doubts) - MOST_TOLD} more, less doubtful")
    return "\n".join(lines)

"""Doubts in a person's words, and the commands that settle them."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tam_edit.review.doubts import Doubt, score_text
from tam_edit.tracks import spans_of

Timecode = Callable[[int], str]
# Of a doubt that does not stop what was to be written.
CAN_WAIT = "the output that was to be written last does not wait for this"
MOST_SPANS = 5  # of frames, in one sentence
MOST_APART = 3  # spans of the frames of one doubt that are told one by one
MOST_TOLD = 10  # doubts in a terminal; JSON and the review page have more
FEW_MORE = 5  # for these nobody is sent elsewhere


class Writing(NamedTuple):
    """The command that writes an output, as it was typed."""

    command: str
    tracks: bool
    """Whether it also tracks what is to be tracked again."""


@dataclass(frozen=True, kw_only=True)
class Commands:
    """What can be typed about one doubt; names and paths are quoted for a shell.

    Attributes:
        correct: Says where the object is on the proposed frame; ``X,Y`` is to be filled in.
        gone: Says that it is not in the picture where no mask shows it; None where all masks do.
            Next to a frame that shows it the end is to be filled in, ``A`` or ``B``: some of it is
            likely to be seen there.
        elsewhere: Says that it is not in the picture, though masks show something; ``A-B`` is to be
            filled in, so that no mask is taken away by what is only pasted.
        approve: Says that the masks to look at are right, and of no others; ``WHY`` is to be
            filled in.
    """

    correct: str
    gone: str | None
    elsewhere: str
    approve: str

    @classmethod
    def about(cls, doubt: Doubt, project: Path) -> Commands:
        """The commands for a doubt of a project."""
        named = f"{quoted(project)} --object {quoted(doubt.name)}"
        frames = ",".join(_typed(doubt.frames))
        empty = doubt.empty_span
        gone = None
        if empty is not None:
            first = "A" if empty[0] - 1 in doubt.seen_beside else empty[0]
            last = "B" if empty[1] + 1 in doubt.seen_beside else empty[1]
            gone = f"tam-edit prompt {named} --gone {first}-{last}"
        return cls(
            correct=correct_command(project, doubt.name, doubt.proposed_frame),
            gone=gone,
            elsewhere=f"tam-edit prompt {named} --gone A-B",
            approve=f'tam-edit approve {named} --frames {frames} --reason "WHY"',
        )


def first_why(doubt: Doubt) -> str:
    """Why the proposed frame is to be looked at first, and when another one is better."""
    if doubt.whole_frame is None:
        return doubt.proposed_why
    return (
        f"{doubt.proposed_why}; {doubt.whole_why}, correct it on frame {doubt.whole_frame} instead"
    )


def close_look(doubt: Doubt) -> str:
    """What to look at before it is said of an empty span that the object is not there."""
    seen = " and ".join(map(str, doubt.seen_beside))
    shows = f"frame {seen} shows" if len(doubt.seen_beside) == 1 else f"frames {seen} show"
    look = f"{shows} it, so look at the frames next to that one by one"
    if doubt.empty_span is None:
        return look
    ends = {doubt.start - 1: "A, the first", doubt.last + 1: "B, the last"}
    end = " and ".join(ends[index] for index in doubt.seen_beside)
    return f"{look}, and put in for {end} frame on which nothing of it is seen"


def correct_command(project: Path, name: str, index: int) -> str:
    """The command that says where an object is on a frame; ``X,Y`` is to be filled in."""
    return f"tam-edit prompt {quoted(project)} --object {quoted(name)} --click X,Y@{index}"


def quoted(text: str | Path) -> str:
    """A name or a path as one word of a command."""
    return shlex.quote(str(text))


def going_on(project: Path, writing: Writing | None) -> list[tuple[str, str]]:
    """How to go on once everything is decided: the same words in a terminal and on the page.

    Args:
        project: The project's file.
        writing: The command that is to write the output; None where it is not known.

    Returns:
        One step after the other: what it does, and its command, empty where it is not known.
    """
    if writing is not None and writing.tracks:
        what = "repeat the command (only what a correction touches is tracked again)"
        return [(what, writing.command)]
    what = "where a mask was corrected, track again what the correction touches"
    steps = [(what, f"tam-edit track {quoted(project)}")]
    if writing is None:
        return [*steps, ("repeat the command that writes the output", "")]
    return [*steps, ("write the output", writing.command)]


def counted(count: int, what: str) -> str:
    """A number of things: ``2 frames``."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def masks_counted(doubts: Sequence[Doubt], kind: str = "") -> str:
    """``13 frames``; where some show several objects in doubt ``20 masks on 13 frames``.

    Args:
        doubts: Those whose frames are counted.
        kind: What they are, before the noun: ``"doubtful "``.
    """
    masks = sum(len(doubt.frames) for doubt in doubts)
    frames = len({frame for doubt in doubts for frame in doubt.frames})
    if masks == frames:
        return counted(frames, f"{kind}frame")
    return f"{counted(masks, f'{kind}mask')} on {counted(frames, 'frame')}"


def frames_counted(doubts: Sequence[Doubt]) -> str:
    """``13 frames in 2 spans``."""
    return f"{masks_counted(doubts)} in {counted(len(doubts), 'span')}"


def to_look_at(doubt: Doubt) -> str:
    """``10 frames to look at``, or ``165 of these 166 frames to look at``."""
    count, whole = len(doubt.frames), doubt.last - doubt.start + 1
    if count < whole:
        return f"{count} of these {whole} frames to look at"
    return f"{counted(count, 'frame')} to look at"


def hint(
    worst: Doubt,
    project: Path,
    option: str,
    *,
    hides: bool = True,
    writing: Writing | None = None,
) -> str:
    """What to do about an open checkpoint, one line for each way on.

    Args:
        worst: The doubt that comes first.
        project: The project's file.
        option: The option that makes a review page, with where it may lie.
        hides: Whether what is written is to hide something: then doubtful frames can be covered.
        writing: The command that writes the output, where it is known.
    """
    commands = Commands.about(worst, project)
    look = f"tam-edit review {quoted(project)} {option}"
    right = "nothing of it shows there" if worst.is_empty else "the mask is right"
    absent = []
    if commands.gone is not None:
        absent = [f"if the object is not in the picture where no mask shows it: {commands.gone}"]
    elif not worst.is_empty:
        absent = [
            f"if the mask is on something else and the object is not there: {commands.elsewhere}",
            "    (the first and the last such frame; it is asked about them once more)",
        ]
    without = ["to go on without a look: --on-doubt continue leaves doubtful frames as they are"]
    if hides:
        without = [
            "to go on without a look: --on-doubt cover-frame covers doubtful frames whole,",
            "    --on-doubt continue leaves them as they are",
        ]
    lines = [
        "take them in this order: correcting a mask also mends those that follow from it",
        f"to see them, on a page with pictures and commands: {look}",
        "if the mask is wrong: the command above, with a point on the object for X,Y, in pixels of",
        "    the video; --not X,Y@FRAME says what is not the object",
        *absent,
        f"if {right}: {commands.approve}",
        *(
            f"then, {what}: {command}" if command else f"then, {what}"
            for what, command in going_on(project, writing)
        ),
        *without,
    ]
    return "\n  ".join(lines)


def voided(count: int, name: str) -> str:
    """That so many frames of an object are approved no more."""
    are, their = ("is", "its mask is") if count == 1 else ("are", "their masks are")
    return (
        f"{counted(count, 'approved frame')} of {name!r} {are} approved no more, because {their} "
        "made again"
    )


def frames_text(doubt: Doubt) -> str:
    """``frames 31-40``, ``frames 31, 35``, or ``frame 31``: from the first to the last of many."""
    spans = _typed(doubt.frames)
    if 1 < len(spans) <= MOST_APART:
        return f"frames {', '.join(spans)}"
    return spanned(doubt.start, doubt.last)


def spanned(first: int, last: int) -> str:
    """``frames 31-40``, or ``frame 31``."""
    return f"frame {first}" if first == last else f"frames {first}-{last}"


def spans_text(frames: Collection[int]) -> str:
    """Frames as a person reads them: ``3, 7-9 and 2 more spans``."""
    spans = _typed(frames)
    rest = len(spans) - MOST_SPANS
    shown = ", ".join(spans[:MOST_SPANS])
    return f"{shown} and {counted(rest, 'more span')}" if rest > 0 else shown


def _typed(frames: Collection[int]) -> list[str]:
    """Frames as ``--frames`` takes them: ``3-9`` and ``12``."""
    spans = spans_of(sorted(frames))
    return [str(first) if end == first + 1 else f"{first}-{end - 1}" for first, end in spans]


def of_these(doubt: Doubt) -> str:
    """``, 4 of these 10 frames`` where a span has frames that need no look."""
    count, whole = len(doubt.frames), doubt.last - doubt.start + 1
    is_told = len(_typed(doubt.frames)) <= MOST_APART
    return "" if is_told else f", {count} of these {whole} frames"


def times_text(doubt: Doubt, timecode: Timecode) -> str:
    """``00:00:01:06 - 00:00:01:15``, or one timecode."""
    return " - ".join(timecode(index) for index in sorted({doubt.start, doubt.last}))


def line(doubt: Doubt, timecode: Timecode) -> str:
    """One doubt in one line."""
    where = "" if doubt.start == doubt.last else f" on frame {doubt.worst_frame}"
    return (
        f"{frames_text(doubt)} ({times_text(doubt, timecode)}{of_these(doubt)}) of "
        f"{doubt.name!r}: "
        f"{'empty mask, ' if doubt.is_empty else ''}{doubt.main_reasons} "
        f"(score {score_text(doubt.worst_score)}{where})"
    )


def look_for(doubts: Sequence[Doubt]) -> tuple[str, ...]:
    """What a person is to look for on all of some doubts, as the recipe puts it."""
    first = doubts[0].whys if doubts else ()
    return tuple(why for why in first if all(why in doubt.whys for doubt in doubts))


def first_ones(doubts: Sequence[Doubt]) -> Sequence[Doubt]:
    """Those that are told in a terminal: all, unless many more are left."""
    return doubts if len(doubts) <= MOST_TOLD + FEW_MORE else doubts[:MOST_TOLD]


def in_words(doubts: Sequence[Doubt], timecode: Timecode, project: Path) -> str:
    """The doubts as a person reads them in a terminal, each with the command that corrects it.

    Args:
        doubts: As :func:`~tam_edit.review.doubts.find_doubts` gives them.
        timecode: The timecode of a frame.
        project: The project's file.
    """
    lines = [
        (
            "a person must look before anything is written; the worst stretch first, "
            f"{frames_counted(doubts)}:"
        )
    ]
    common = look_for(doubts)
    lines += [f"  look for: {why}" for why in common]
    told = first_ones(doubts)
    for doubt in told:
        lines.append(f"  {line(doubt, timecode)}")
        lines += [f"    look for: {why}" for why in doubt.whys if why not in common]
        commands = Commands.about(doubt, project)
        if doubt.is_empty:
            lines.append(f"    if the object is there: {commands.correct}")
        else:
            lines.append(f"    if it is wrong: {commands.correct}")
        if doubt.seen_beside:
            lines.append(f"    {close_look(doubt)}")
        if commands.gone is not None:
            lines.append(f"    if it is not there: {commands.gone}")
    rest = len(doubts) - len(told)
    if rest:
        lines.append(f"  and {rest} more; all of them: tam-edit review {quoted(project)} --json -")
    return "\n".join(lines)

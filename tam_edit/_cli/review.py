"""``tam-edit review``: the frames that deserve a look, in the terminal or on a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from tam_edit._cli import work
from tam_edit._cli.command import Command
from tam_edit._cli.console import Output, output_options
from tam_edit._cli.options import overwrite_option
from tam_edit.media import timecode_at
from tam_edit.review import Commands, Doubt, first_ones, line, look_for
from tam_edit.review.words import CAN_WAIT, close_look, counted, first_why, quoted
from tam_edit.session import Session


@click.command("review", cls=Command)
@click.argument("project", type=click.Path(path_type=Path), metavar="SHOT.tam")
@click.option(
    "--html",
    "folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write a page with pictures and timelines here. It shows people unredacted.",
)
@click.option(
    "--below",
    type=click.FloatRange(0, 1),
    help="Show masks with a lower score; below what the last checkpoint asked about if not given.",
)
@overwrite_option
@output_options
def command(
    project: Path, folder: Path | None, below: float | None, overwrite: bool, output: Output
) -> None:
    """List the masks of SHOT.tam that a person should look at, the worst stretch first.

    Each comes with what settles it: those that may be wrong, and what the last recipe's
    checkpoints asked about. With --html DIR also on one page that needs no network and that only
    you can read.
    """
    with Session.open(project) as session:
        threshold = session.usual_threshold if below is None else below
        doubts = session.open_doubts(below)
        untracked = session.untracked()
        page = None
        if folder is not None:
            with output.progress("drawing the page", "pictures") as progress:
                page = session.write_review(
                    folder, below=below, overwrite=overwrite, progress=progress
                )
        _tell(session, doubts, threshold, output, so_far=" so far" if untracked else "")
        for name, count in untracked.items():
            frames = counted(count, "frame")
            output.note(f"no mask yet on {frames} of {name!r}: tam-edit track {quoted(project)}")
        if page is not None:
            output.say(f"wrote {page}; it shows people unredacted and only you can read it")
            work.note_page(page, output)
        output.result(
            {
                "below": threshold,
                "spans": [_json(session, doubt) for doubt in doubts],
                "untracked": untracked,
                "page": None if page is None else str(page),
            }
        )


def _tell(
    session: Session, doubts: Sequence[Doubt], threshold: float, output: Output, *, so_far: str
) -> None:
    if not session.project.objects():
        project = quoted(session.project.path)
        output.say(f"nobody has said yet where an object is: tam-edit prompt {project} --click X,Y")
        return
    if not doubts:
        why = f"no unapproved mask scores below {threshold:g}" if threshold else "all is approved"
        output.say(f"nothing needs a look{so_far}: {why}")
        return
    stated = f" (unapproved, with a score below {threshold:g} or asked for by the recipe)"
    output.say(f"masks to look at{stated if threshold else ''}, the worst stretch first:")
    common = look_for(doubts)
    for why in common:
        output.say(f"  look for: {why}")
    told = first_ones(doubts)
    for doubt in told:
        _tell_one(session, doubt, [why for why in doubt.whys if why not in common], output)
    rest = len(doubts) - len(told)
    if rest:
        output.say(f"  and {rest} more; --json FILE has them all")


def _tell_one(session: Session, doubt: Doubt, whys: Sequence[str], output: Output) -> None:
    """One span of frames, what is to be looked for there, and what settles it."""
    commands = Commands.about(doubt, session.project.path)
    output.say(f"  {line(doubt, lambda index: timecode_at(index, session.source))}")
    if not doubt.stops:
        output.say(f"    can wait:  {CAN_WAIT}")
    for why in whys:
        output.say(f"    look for:  {why}")
    if doubt.proposed_frame != doubt.worst_frame or doubt.whole_frame is not None:
        output.say(f"    first:     frame {doubt.proposed_frame}: {first_why(doubt)}")
    output.say(f"    wrong?     {commands.correct}")
    if doubt.seen_beside:
        output.say(f"    first:     {close_look(doubt)}")
    if commands.gone is not None:
        output.say(f"    not there? {commands.gone}")
    if not doubt.is_empty:
        output.say(f"    not it?    {commands.elsewhere}")
    output.say(f"    {'hidden?' if doubt.is_empty else 'right? '}    {commands.approve}")


def _json(session: Session, doubt: Doubt) -> dict[str, object]:
    commands = Commands.about(doubt, session.project.path)
    return {
        **doubt.as_json(),
        "start": doubt.start,
        "last": doubt.last,
        "timecodes": [timecode_at(i, session.source) for i in (doubt.start, doubt.last)],
        "commands": {
            "correct": commands.correct,
            "gone": commands.gone,
            "elsewhere": commands.elsewhere,
            "approve": commands.approve,
        },
    }

"""``tam-edit review``: the frames that deserve a look, in the terminal or on a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from tam_edit._cli.console import Output, output_options
from tam_edit._cli.options import overwrite_option
from tam_edit.media import timecode_at
from tam_edit.review import MOST_TOLD, Commands, Doubt, line
from tam_edit.session import Session


@click.command("review")
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
    help="Show masks with a lower score; what the last checkpoint went by if not given.",
)
@overwrite_option
@output_options
def command(
    project: Path, folder: Path | None, below: float | None, overwrite: bool, output: Output
) -> None:
    """List the masks of SHOT.tam that may be wrong, worst first, with what settles each.

    With --html DIR also on one page that needs no network and that only you can read.
    """
    with Session.open(project) as session:
        threshold = session.usual_threshold if below is None else below
        doubts = session.doubts(threshold)
        untracked = session.untracked()
        page = None
        if folder is not None:
            with output.progress("drawing the page", "pictures") as progress:
                page = session.write_review(
                    folder, below=threshold, overwrite=overwrite, progress=progress
                )
        _tell(session, doubts, threshold, output)
        for name, count in untracked.items():
            output.note(f"{count} frames of {name!r} have no mask yet: tam-edit track {project}")
        if page is not None:
            output.say(f"wrote {page}; it shows people unredacted and only you can read it")
        output.result(
            {
                "below": threshold,
                "spans": [_json(session, doubt) for doubt in doubts],
                "untracked": untracked,
                "page": None if page is None else str(page),
            }
        )


def _tell(session: Session, doubts: Sequence[Doubt], threshold: float, output: Output) -> None:
    if not doubts:
        output.say(f"nothing is doubtful: no unapproved mask scores below {threshold:g}")
        return
    output.say(f"doubtful (score below {threshold:g} and not approved), worst first:")
    for doubt in doubts[:MOST_TOLD]:
        commands = Commands.about(doubt, session.project.path)
        output.say(f"  {line(doubt, lambda index: timecode_at(index, session.source))}")
        output.say(f"    wrong?     {commands.correct}")
        output.say(f"    not there? {commands.gone}")
        output.say(f"    right?     {commands.approve}")
    rest = len(doubts) - MOST_TOLD
    if rest > 0:
        output.say(f"  and {rest} more, less doubtful; --json FILE has them all")


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
            "approve": commands.approve,
        },
    }

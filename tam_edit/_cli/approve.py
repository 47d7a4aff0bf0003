"""``tam-edit approve``: say that masks were looked at and are right."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import click

from tam_edit._cli.command import Command
from tam_edit._cli.console import Output, output_options
from tam_edit._cli.positions import frame_of
from tam_edit.errors import InputError
from tam_edit.media import Source
from tam_edit.review.words import counted, quoted, spans_text
from tam_edit.session import Session


@click.command("approve", cls=Command)
@click.argument("project", type=click.Path(path_type=Path), metavar="SHOT.tam")
@click.option("--object", "object_name", metavar="NAME", help="The object; all if not given.")
@click.option(
    "--frames",
    metavar="A-B[,C-D...]",
    help="First and last frame, or several such spans; all frames if not given.",
)
@click.option("--reason", required=True, help="Why the masks are right; it is kept.")
@output_options
def command(
    project: Path, object_name: str | None, frames: str | None, reason: str, output: Output
) -> None:
    """Approve masks of SHOT.tam: a checkpoint lets these frames pass, whatever their score.

    An approval holds for the masks as they are; a correction that changes them voids it.
    """
    with Session.open(project) as session:
        wanted = None if frames is None else _frames(frames, session.source)
        counts = session.approve(reason, object_name=object_name, frames=wanted)
        noted = session.history()[-len(counts) :]
        empty = {name: _empty(session, name, wanted) for name in counts}
        work = range(session.project.in_frame, session.project.out_frame)
        asked = len(work if wanted is None else wanted)
    decided = {name: d.details for name, d in zip(counts, noted, strict=True)}
    doubtful = {name: details["doubtful"] for name, details in decided.items()}
    for name, count in counts.items():
        before = decided[name]["before"]
        told = f"; {before} were approved before" if before else ""
        output.say(
            f"approved {counted(count, 'frame')} of {name!r}, {doubtful[name]} of them doubtful"
            f"{told}"
        )
        if empty[name]:
            output.note(
                f"on {len(empty[name])} of these frames ({spans_text(empty[name])}) the "
                f"mask of {name!r} is empty: effects take it to be out of the picture there"
            )
        if count < asked:
            output.note(
                f"{counted(asked - count, 'frame')} of {name!r} without a mask yet cannot be "
                f"approved: tam-edit track {quoted(project)}"
            )
    if wanted is None:
        output.note("this is about every frame; --frames A-B approves what was looked at alone")
    output.result(
        {
            "approved": counts,
            "doubtful": doubtful,
            "empty": {name: sorted(frames) for name, frames in empty.items()},
            "reason": reason,
        }
    )


def _empty(session: Session, name: str, frames: Collection[int] | None) -> set[int]:
    """The approved frames of an object whose mask shows nothing of it."""
    project = session.project
    work = range(project.in_frame, project.out_frame)
    return project.empty_frames(project.object_id(name), work if frames is None else frames)


def _frames(text: str, source: Source) -> set[int]:
    """The frames of spans such as ``3-9,12``."""
    found: set[int] = set()
    for span in text.replace("–", "-").split(","):  # noqa: RUF001 - as word processors write it
        first, _, last = span.partition("-")
        start = frame_of("--frames", first, source)
        stop = frame_of("--frames", last or first, source) + 1
        if start >= stop:
            raise InputError(
                f"--frames {span}: the last frame comes before the first",
                hint="for example --frames 3-9,12",
            )
        found.update(range(start, stop))
    return found

"""``tam-edit prompt``: say where an object is."""

from __future__ import annotations

from pathlib import Path

import click

from tam_edit._cli.console import Output, output_options
from tam_edit._cli.prompt_options import FIRST_OBJECT, PromptCommand, prompt_items, prompt_options
from tam_edit._cli.prompting import keyframes_json, prompt_all
from tam_edit.errors import meant_name
from tam_edit.project import DecisionKind
from tam_edit.review.words import quoted, spans_text
from tam_edit.session import Session


@click.command("prompt", cls=PromptCommand)
@click.argument("project", type=click.Path(path_type=Path), metavar="SHOT.tam")
@prompt_options
@click.option(
    "--forward-only",
    is_flag=True,
    help="Do not carry a correction back towards the keyframe before it.",
)
@output_options
@click.pass_context
def command(
    context: click.Context,
    /,
    project: Path,
    forward_only: bool,
    output: Output,
    **_prompts: tuple[str, ...],
) -> None:
    """Add prompts to SHOT.tam; on a tracked frame this is a correction.

    `tam-edit track` then makes again what it touches: forward the masks up to the next frame with
    prompts, backward those that the correction contradicts.
    """
    items = prompt_items(context)
    if not items:
        raise click.UsageError("give a --click, a --not, a --box, a --mask or a --gone", context)
    with Session.open(project) as session:
        before = set(session.project.objects().values())
        tracked = _tracked(session)
        keyframes = prompt_all(
            session, items, output, carries_back=not forward_only, is_repeatable=False
        )
        if keyframes:
            lost = {index for _, index in tracked - _tracked(session)}
            again = f", which makes the masks on frames {spans_text(lost)} again" if lost else ""
            output.note(
                f"when all is said: tam-edit track {quoted(project)}{again}; `run` does so when it "
                "is repeated"
            )
        if before:
            _note_new_objects(session, before, output)
    if not keyframes:
        output.say("these prompts were already there")
    output.result({"keyframes": keyframes_json(keyframes)})


def _tracked(session: Session) -> set[tuple[int, int]]:
    """Object and frame of every mask that there is."""
    project = session.project
    return {
        (object_id, index)
        for object_id in project.object_ids
        for start, stop in project.tracked_spans(object_id)
        for index in range(start, stop)
    }


def _note_new_objects(session: Session, before: set[str], output: Output) -> None:
    """Ask about new names that are nearly those of objects that were there.

    So is any beside an object that nobody has named yet.
    """
    project = session.project
    for object_id, name in project.objects().items():
        meant = meant_name(name, before)
        if before == {FIRST_OBJECT} and name != FIRST_OBJECT:
            meant = FIRST_OBJECT
        if name in before or meant is None or _numbered_alike(name, meant):
            continue
        first = next(
            d.decision_id
            for d in session.history()
            if d.kind is DecisionKind.PROMPT and d.object_id == object_id and d.taken_back is None
        )
        output.note(
            f"{name!r} is a new object; did you mean {meant!r}? take it back with: "
            f"tam-edit history {quoted(project.path)} --undo {first}"
        )


def _numbered_alike(name: str, other: str) -> bool:
    """Whether two names differ in the number at their end only."""
    digits = "0123456789"
    return (
        name[-1:].isdigit() and other[-1:].isdigit() and name.strip(digits) == other.strip(digits)
    )

"""``tam-edit track``: carry the masks through the video."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from tam_edit._cli import work
from tam_edit._cli.console import Output, output_options
from tam_edit._cli.options import loop_options, overwrite_option, start_options
from tam_edit._cli.prompt_options import (
    PromptCommand,
    PromptItem,
    prompt_items,
    prompt_options,
    resolve,
)
from tam_edit._cli.prompting import keyframes_json, prompt_all
from tam_edit._cli.tracking import tell_how_to_correct, track
from tam_edit.project import PROJECT_SUFFIX
from tam_edit.render import check_mask_folder
from tam_edit.review.words import quoted
from tam_edit.session import Session


@click.command("track", cls=PromptCommand)
@click.argument("shot", metavar="SHOT.tam|VIDEO")
@prompt_options
@start_options
@click.option(
    "--masks-out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write palette PNGs and scores.json here.",
)
@click.option(
    "--project", type=click.Path(path_type=Path), help="Keep the project of a VIDEO in this file."
)
@loop_options
@overwrite_option
@output_options
@click.pass_context
def command(
    context: click.Context,
    /,
    shot: str,
    start: work.Start,
    masks_out: Path | None,
    project: Path | None,
    loop: dict[str, Any],
    overwrite: bool,
    output: Output,
    **_prompts: tuple[str, ...],
) -> None:
    """Track the objects of a project, or of a VIDEO with prompts.

    A killed run goes on where it stopped when the project is tracked again.
    """
    items = prompt_items(context)
    if shot.endswith(PROJECT_SUFFIX):
        with work.opened_session(Path(shot), start) as session:
            session.loop = replace(session.loop, **loop)
            _track(session, items, masks_out, overwrite, output, is_kept=True)
            if session.doubts(session.usual_threshold):
                output.say(f"to look at doubtful masks: tam-edit review {quoted(shot)} --html DIR")
        output.say(
            f"to write a video: tam-edit render {quoted(shot)} --preset NAME -o OUT (`tam-edit "
            "presets list` names them)"
        )
        return
    target = masks_out or project
    if target is None:
        raise click.UsageError("tracking a VIDEO needs --masks-out DIR or --project FILE", context)
    with work.one_line_session(
        shot, target, project, start, output, is_kept=project is not None
    ) as session:
        is_kept = work.stays(session)
        session.loop = replace(session.loop, **loop)
        _track(session, items, masks_out, overwrite, output, is_kept=is_kept)
        place, typed = work.project_path(target, project), context.meta["typed"]
        tell_how_to_correct(session, "track", typed, items, place, output, is_kept=is_kept)


def _track(
    session: Session,
    items: list[PromptItem],
    masks_out: Path | None,
    overwrite: bool,
    output: Output,
    *,
    is_kept: bool,
) -> None:
    if masks_out is not None:
        check_mask_folder(masks_out, overwrite=overwrite)
    known = list(session.project.objects().values())
    session.check_said(resolve(items, session.source, session.project.in_frame, known))
    keyframes = prompt_all(session, items, output, is_kept=is_kept)
    tracked = track(session, output)
    if masks_out is not None:
        with output.progress("writing masks") as progress:
            session.write_masks(masks_out, overwrite=overwrite, progress=progress)
        output.say(f"wrote {masks_out}")
    output.result(
        {
            "keyframes": keyframes_json(keyframes),
            "tracking": tracked,
            "masks": None if masks_out is None else str(masks_out),
        }
    )

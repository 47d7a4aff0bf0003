"""``tam-edit render``: write a tracked project with the effects of a recipe."""

from __future__ import annotations

from pathlib import Path

import click

from tam_edit._cli import plan, work
from tam_edit._cli.command import Command, typed_command
from tam_edit._cli.console import Output, output_options
from tam_edit._cli.options import (
    on_doubt_option,
    output_option,
    overwrite_option,
    plan_option,
    points_options,
    set_option,
)
from tam_edit._cli.written import rendered_json
from tam_edit.presets import load_preset
from tam_edit.session import DEFAULT_SHORT_SIDE, OnDoubt, Session


@click.command("render", cls=Command)
@click.argument("project", type=click.Path(path_type=Path), metavar="SHOT.tam")
@click.option(
    "--preset",
    metavar="NAME|FILE.toml",
    help="A name from `tam-edit presets list`, or a recipe file.",
)
@click.option(
    "--recipe",
    "recipe_file",
    type=click.Path(path_type=Path),
    metavar="FILE.toml",
    help="A recipe file; the same as --preset FILE.toml.",
)
@output_option
@set_option
@points_options
@on_doubt_option
@plan_option
@overwrite_option
@output_options
@click.pass_context
def command(
    context: click.Context,
    /,
    project: Path,
    preset: str | None,
    recipe_file: Path | None,
    target: str,
    settings: tuple[str, ...],
    in_point: str | None,
    out_point: str | None,
    on_doubt: OnDoubt,
    is_plan: bool,
    overwrite: bool,
    output: Output,
) -> None:
    """Write the video of SHOT.tam with the effects of a preset or a recipe.

    With --in or --out only a part of it is written, as it is in the whole: what is shown behind a
    removed object still comes from all tracked frames.
    """
    given = preset if recipe_file is None else recipe_file
    if given is None or (preset is not None and recipe_file is not None):
        raise click.UsageError("give either --preset NAME|FILE.toml or --recipe FILE.toml", context)
    recipe = load_preset(given, settings)
    with Session.open(project) as session:
        part = work.part_of(session, in_point, out_point, output)
        if is_plan:
            job = plan.of_project(session, recipe, target, (), "auto", session.loop, part)
            plan.tell(job, output, overwrite=overwrite)
            return
        wanted = recipe.track.short_side_px
        if wanted not in (DEFAULT_SHORT_SIDE, session.short_side):
            output.note(
                f"the shot is tracked at {session.short_side} rows, so short_side_px = {wanted} "
                "changes nothing here; it counts where a project is begun"
            )
        session.remember_command(typed_command(context), tracks=False)
        report = work.render(
            session, recipe, target, output, part=part, on_doubt=on_doubt, overwrite=overwrite
        )
        covered = set(report.covered_frames)
        doubtful = [i for i in session.doubtful_frames(recipe, part) if i not in covered]
    work.note_doubtful(doubtful, project, output)
    output.result({**rendered_json(report), "doubtful_frames": doubtful})

"""``tam-edit run``: the whole job in one line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from tam_edit._cli import work
from tam_edit._cli.console import Output, output_options
from tam_edit._cli.options import (
    TARGET_HELP,
    loop_options,
    on_doubt_option,
    overwrite_option,
    set_option,
    start_options,
)
from tam_edit._cli.prompt_options import PromptCommand, prompt_items, prompt_options
from tam_edit.presets import load_preset
from tam_edit.session import OnDoubt
from tam_edit.tracking import LoopSettings


@click.command("run", cls=PromptCommand)
@click.argument("preset")
@click.argument("video")
@click.option("-o", "--output", "target", required=True, metavar="OUT", help=TARGET_HELP)
@prompt_options
@set_option
@start_options
@on_doubt_option
@loop_options
@click.option("--project", type=click.Path(path_type=Path), help="Keep the project in this file.")
@overwrite_option
@output_options
@click.pass_context
def command(
    context: click.Context,
    /,
    preset: str,
    video: str,
    target: str,
    settings: tuple[str, ...],
    start: work.Start,
    on_doubt: OnDoubt,
    loop: dict[str, Any],
    project: Path | None,
    overwrite: bool,
    output: Output,
    **_prompts: tuple[str, ...],
) -> None:
    """Track objects in VIDEO and write it with the effects of PRESET.

    PRESET is a name from `tam-edit presets list` or the path of a recipe. An interrupted run goes
    on when the same command is given again.
    """
    recipe = load_preset(preset, settings)
    items = prompt_items(context)
    with work.one_line_session(video, target, project, start, output, step=recipe.track) as session:
        step = recipe.track
        written = LoopSettings(
            assesses=step.assess, refine_below=step.refine_below, at_cuts=step.at_cuts
        )
        session.loop = replace(written, **loop)
        session.check_output(recipe, target, overwrite=overwrite)
        keyframes = work.prompt_all(session, items, output)
        session.check_objects(recipe)
        tracked = work.track(session, output)
        report = work.render(
            session, recipe, target, output, on_doubt=on_doubt, overwrite=overwrite
        )
    output.result(
        {
            "preset": preset,
            "keyframes": work.keyframes_json(keyframes),
            "tracking": tracked,
            "output": work.rendered_json(report),
        }
    )

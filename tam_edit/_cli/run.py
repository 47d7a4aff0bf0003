"""``tam-edit run``: the whole job in one line."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from tam_edit._cli import plan, work
from tam_edit._cli.command import typed_command
from tam_edit._cli.console import Output, output_options
from tam_edit._cli.options import (
    loop_options,
    on_doubt_option,
    output_option,
    overwrite_option,
    plan_option,
    set_option,
    start_options,
)
from tam_edit._cli.prompt_options import (
    PromptCommand,
    PromptItem,
    prompt_items,
    prompt_options,
    resolve,
)
from tam_edit._cli.prompting import keyframes_json, prompt_all
from tam_edit._cli.tracking import tell_how_to_correct, track
from tam_edit._cli.written import rendered_json
from tam_edit.media import open_source
from tam_edit.presets import load_preset, preset_names
from tam_edit.recipe import Recipe
from tam_edit.review.words import quoted
from tam_edit.session import DEFAULT_SHORT_SIDE, OnDoubt, Tracking
from tam_edit.tracking import LoopSettings


@click.command("run", cls=PromptCommand)
@click.argument("preset")
@click.argument("video")
@output_option
@prompt_options
@set_option
@start_options
@on_doubt_option
@loop_options
@click.option("--project", type=click.Path(path_type=Path), help="Keep the project in this file.")
@plan_option
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
    is_plan: bool,
    overwrite: bool,
    output: Output,
    **_prompts: tuple[str, ...],
) -> None:
    """Track objects in VIDEO and write it with the effects of PRESET.

    PRESET is a name from `tam-edit presets list` or the path of a recipe. An interrupted run goes
    on when the same command is given again.
    """
    if Path(video).suffix.lower() == ".toml" or video in preset_names():
        raise click.UsageError(f"PRESET comes before VIDEO: tam-edit run {video} {preset}")
    recipe = load_preset(preset, settings)
    items = prompt_items(context)
    if is_plan:
        path = work.project_path(target, project)
        loop_settings = _loop(recipe, loop)
        _plan(recipe, video, target, path, items, start, loop_settings, output, overwrite=overwrite)
        return
    # What an inpainting model makes of a bundle comes back through its project.
    has_bundle = any(step.what == "inpaint" for step in recipe.exports)
    is_kept = has_bundle or project is not None
    with work.one_line_session(
        video, target, project, start, output, is_kept=is_kept, step=recipe.track
    ) as session:
        session.loop = _loop(recipe, loop)
        session.remember_command(typed_command(context), tracks=True)
        # What was typed wrongly is told before what stands in the way.
        known = list(session.project.objects().values())
        session.check_said(resolve(items, session.source, session.project.in_frame, known))
        session.check_output(recipe, target, overwrite=overwrite)
        keyframes = prompt_all(session, items, output, is_kept=work.stays(session))
        session.ask(recipe)
        if keyframes:
            # What was finished is so no more.
            session.check_output(recipe, target, overwrite=overwrite)
        tracked = track(session, output)
        report = work.render(
            session, recipe, target, output, on_doubt=on_doubt, overwrite=overwrite
        )
        place = work.project_path(target, project)
        typed = context.meta["typed"]
        tell_how_to_correct(
            session, "run", typed, items, place, output, is_kept=work.stays(session)
        )
        if has_bundle:
            output.say(
                f"what an inpainting model makes of it comes back with: tam-edit recomposite "
                f"{quoted(place)} --frames RESULTS -o clean.mkv"
            )
    output.result(
        {
            "preset": preset,
            "keyframes": keyframes_json(keyframes),
            "tracking": tracked,
            **rendered_json(report),
        }
    )


def _loop(recipe: Recipe, typed: dict[str, Any]) -> LoopSettings:
    step = recipe.track
    written = LoopSettings(
        assesses=step.assess, refine_below=step.refine_below, at_cuts=step.at_cuts
    )
    return replace(written, **typed)


def _plan(
    recipe: Recipe,
    video: str,
    target: str,
    path: Path,
    items: list[PromptItem],
    start: work.Start,
    loop: LoopSettings,
    output: Output,
    *,
    overwrite: bool,
) -> None:
    """Say what the command would do, without doing it."""
    with ExitStack() as stack:
        if path.exists():
            session = stack.enter_context(work.opened_session(path, start, video=video))
            names = list(session.project.objects().values())
            said = resolve(items, session.source, session.project.in_frame, names)
            job = plan.of_project(session, recipe, target, said, start.device, loop)
        else:
            source = stack.enter_context(open_source(video, fps=start.fps))
            frames = work.frames_of(start, source, output)
            begin = start.following(recipe.track)
            job = plan.Job(
                recipe=recipe,
                source=source,
                frames=frames,
                target=target,
                said=resolve(items, source, frames.start),
                tracking=Tracking(
                    model=begin.model,
                    device=begin.device,
                    short_side=begin.short_side or DEFAULT_SHORT_SIDE,
                    loop=loop,
                    fps=begin.fps,
                ),
            )
        plan.tell(job, output, overwrite=overwrite)

"""``tam-edit prompt``: say where an object is."""

from __future__ import annotations

from pathlib import Path

import click

from tam_edit._cli import work
from tam_edit._cli.console import Output, output_options
from tam_edit._cli.prompt_options import PromptCommand, prompt_items, prompt_options
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
        keyframes = work.prompt_all(
            session, items, output, carries_back=not forward_only, is_repeatable=False
        )
    if not keyframes:
        output.say("these prompts were already there")
    output.result({"keyframes": work.keyframes_json(keyframes)})

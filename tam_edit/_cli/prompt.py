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
@output_options
@click.pass_context
def command(
    context: click.Context, /, project: Path, output: Output, **_prompts: tuple[str, ...]
) -> None:
    """Add prompts to SHOT.tam; on a tracked frame this is a correction."""
    items = prompt_items(context)
    if not items:
        raise click.UsageError("give a --click, a --not, a --box or a --mask", context)
    with Session.open(project) as session:
        keyframes = work.prompt_all(session, items, output)
    if not keyframes:
        output.say("these prompts were already there")
    output.result({"keyframes": work.keyframes_json(keyframes)})

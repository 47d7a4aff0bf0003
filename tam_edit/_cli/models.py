"""``tam-edit models``: what can track."""

from __future__ import annotations

import click

from tam_edit._cli.console import Output, output_options
from tam_edit.models import AUTO, MODEL_SUMMARIES, resolve_model


@click.group("models")
def command() -> None:
    """List the models that can track and show one."""


@command.command("list")
@output_options
def list_models(output: Output) -> None:
    """List every model that is installed, and which one `auto` takes."""
    for name, summary in MODEL_SUMMARIES.items():
        output.say(f"{name}  {summary}")
    output.say(f"{AUTO}  takes {resolve_model(AUTO)!r} on this machine")
    output.result({"models": MODEL_SUMMARIES, AUTO: resolve_model(AUTO)})


@command.command("show")
@click.argument("name")
@output_options
def show_model(name: str, output: Output) -> None:
    """Say what the model NAME is."""
    resolved = resolve_model(name)
    output.say(f"{resolved}: {MODEL_SUMMARIES[resolved]}")
    output.result({"name": resolved, "summary": MODEL_SUMMARIES[resolved]})

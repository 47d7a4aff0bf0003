"""``tam-edit verify``: whether an export holds what it promises."""

from __future__ import annotations

from pathlib import Path

import click

from tam_edit._cli.command import Command
from tam_edit._cli.console import Output, output_options
from tam_edit.errors import InputError
from tam_edit.inpaint import broken_rules

EXIT_BROKEN = 1


@click.command("verify", cls=Command)
@click.argument("bundle", type=click.Path(path_type=Path), metavar="BUNDLE")
@output_options
@click.pass_context
def command(context: click.Context, /, bundle: Path, output: Output) -> None:
    """Check an inpainting BUNDLE against what ProPainter, E2FGVI and LaMa expect of it."""
    if bundle.is_file():
        raise InputError(
            f"{bundle} is a file, and what verify checks is the folder of an inpainting bundle",
            hint="a redacted video is measured before it gets its name, and what was found is in "
            "the .report.json beside it",
        )
    broken = broken_rules(bundle)
    output.result({"bundle": str(bundle), "is_valid": not broken, "broken": broken})
    if not broken:
        output.say(f"{bundle} is as ProPainter, E2FGVI and LaMa expect it")
        return
    for sentence in broken:
        output.say(f"broken: {sentence}")
    context.exit(EXIT_BROKEN)

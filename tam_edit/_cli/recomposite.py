"""``tam-edit recomposite``: inpainted frames back into the video."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from tam_edit._cli.command import Command
from tam_edit._cli.console import Output, output_options
from tam_edit._cli.options import output_option, overwrite_option
from tam_edit.media import OUTPUT_FORMATS
from tam_edit.review.words import counted
from tam_edit.session import Session


@click.command("recomposite", cls=Command)
@click.argument("project", type=click.Path(path_type=Path), metavar="SHOT.tam")
@click.option(
    "--frames",
    required=True,
    metavar="DIR",
    help="The inpainted frames: a folder, a pattern or a video, one picture per frame of the "
    "bundle, with or without its padding.",
)
@output_option
@click.option(
    "--bundle",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="What was handed out; the project's only bundle if not given.",
)
@click.option(
    "--format",
    "format_name",
    type=click.Choice(sorted(OUTPUT_FORMATS)),
    help="Format of OUT; by its extension if not given. ffv1 (.mkv) keeps every sample.",
)
@click.option(
    "--feather",
    "feather_px",
    type=click.FloatRange(min=0),
    metavar="PX",
    help="Soften the seam this far inwards; up to 2 within the bundle's --grow if not given.",
)
@overwrite_option
@output_options
def command(
    project: Path,
    frames: str,
    target: str,
    bundle: Path | None,
    format_name: str | None,
    feather_px: float | None,
    overwrite: bool,
    output: Output,
) -> None:
    """Put inpainted frames back into the video of SHOT.tam.

    Only masked pixels change, and of these only those that came back changed.
    """
    with Session.open(project) as session, output.progress("putting back") as progress:
        report = session.recomposite(
            frames,
            target,
            bundle=bundle,
            format_name=format_name,
            feather_px=feather_px,
            overwrite=overwrite,
            progress=progress,
        )
    for text in report.notes:
        output.note(text)
    share = report.changed_px / report.masked_px if report.masked_px else 0.0
    output.say(
        f"wrote {report.path}: {counted(report.frame_count, 'frame')}, {report.pixel_format}; "
        f"{share:.1%} of the masked pixels came back changed"
    )
    output.result({"output": asdict(report) | {"path": str(report.path)}})

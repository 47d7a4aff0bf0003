"""``tam-edit new``: begin a project."""

from __future__ import annotations

from pathlib import Path

import click

from tam_edit._cli import work
from tam_edit._cli.command import Command
from tam_edit._cli.console import Output, output_options
from tam_edit._cli.options import overwrite_option, start_options
from tam_edit.media import timecode_at
from tam_edit.project import PROJECT_SUFFIX
from tam_edit.render import VIDEO_EXTENSIONS
from tam_edit.review.words import quoted


@click.command("new", cls=Command)
@click.argument("video")
@click.option("-o", "--output", "target", type=click.Path(path_type=Path), metavar="SHOT.tam")
@start_options
@overwrite_option
@output_options
def command(
    video: str,
    target: Path | None,
    start: work.Start,
    overwrite: bool,
    output: Output,
) -> None:
    """Begin a project for VIDEO: one file that keeps prompts, masks and decisions."""
    if target is not None and target.suffix.lower() in VIDEO_EXTENSIONS:
        raise click.UsageError(
            f"-o is the project, and {target.name} is the name of a video: -o "
            f"{target.with_suffix(PROJECT_SUFFIX)}"
        )
    path = target or Path(Path(video).stem + PROJECT_SUFFIX)
    with work.create_session(video, path, start, output, overwrite=overwrite) as session:
        first, stop = session.project.in_frame, session.project.out_frame
        info = session.source.info
        times = [timecode_at(index, session.source) for index in (first, stop - 1)]
        output.say(
            f"made {path}: {info.width}x{info.height}, frames {first} to {stop - 1} ({times[0]} to "
            f"{times[1]}); next: tam-edit prompt {quoted(path)} --click X,Y (tam-edit frame "
            f"{quoted(path)} --html DIR says where that is)"
        )
        output.result(
            {
                "project": str(path),
                "width": info.width,
                "height": info.height,
                "in_frame": first,
                "out_frame": stop,
                "timecodes": times,
            }
        )

"""``tam-edit relink``: say where the video of a project is now."""

from __future__ import annotations

from pathlib import Path

import click

from tam_edit._cli.command import Command
from tam_edit._cli.console import Output, output_options
from tam_edit.session import Session


@click.command("relink", cls=Command)
@click.argument("project", type=click.Path(path_type=Path), metavar="SHOT.tam")
@click.argument("video")
@output_options
def command(project: Path, video: str, output: Output) -> None:
    """Say that the video of SHOT.tam is at VIDEO now; masks and decisions stay.

    It must be the same video. One that lies beside SHOT.tam under its old name is found anyhow.
    """
    with Session.open(project, video=video) as session:
        place = session.source.info.path
    output.say(f"{project} finds its video at {place} from now on")
    output.result({"project": str(project), "video": str(place)})

"""``tam-edit frame``: one frame on a page, to find out where to click."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import click

from tam_edit._cli import work
from tam_edit._cli.command import Command
from tam_edit._cli.console import Output, output_options
from tam_edit._cli.options import Rate, overwrite_option
from tam_edit.media import frame_at, open_source
from tam_edit.project import PROJECT_SUFFIX
from tam_edit.review import check_folder, frame_page, frame_title, write_page
from tam_edit.review.words import quoted
from tam_edit.session import Session


@click.command("frame", cls=Command)
@click.argument("video", metavar="VIDEO|SHOT.tam")
@click.argument("position", metavar="[FRAME]", required=False)
@click.option("--html", "folder", type=click.Path(path_type=Path), required=True, metavar="DIR")
@click.option("--object", "object_name", metavar="NAME", help="Whose mask; of a project only.")
@click.option("--fps", type=Rate(), help="Rate of a folder of frames (25 if not given).")
@overwrite_option
@output_options
def command(
    video: str,
    position: str | None,
    folder: Path,
    object_name: str | None,
    fps: Fraction | None,
    overwrite: bool,
    output: Output,
) -> None:
    """Write one FRAME as a page in DIR: click or drag on it, paste what it says.

    FRAME is a frame or a time, the first one if not given. Of a project the page shows the mask
    there, too, and says the whole command that corrects it. The page shows people unredacted; only
    you can read it.
    """
    if Path(video).suffix == PROJECT_SUFFIX:
        if fps is not None:
            raise click.UsageError("--fps is said of a folder of frames, and a project knows it")
        with Session.open(Path(video)) as session:
            source = session.source
            index = session.project.in_frame if position is None else frame_at(position, source)
            size = source.info.width, source.info.height
            page = session.write_frame(folder, index, object_name=object_name, overwrite=overwrite)
    else:
        if object_name is not None:
            raise click.UsageError("--object names one of a project's objects: name a SHOT.tam")
        with open_source(video, fps=fps) as source:
            index = frame_at(position or "0", source)
            place = f"tam-edit frame {quoted(video)} {index} "
            check_folder(folder, [], overwrite=overwrite, command=place, kind="frame")
            shown = frame_page(source.frame(index), frame_title(source, index))
            size = source.info.width, source.info.height
            page = write_page(folder, [shown])
    output.say(f"wrote {page}: open it in a browser, click on the object, and paste what it says")
    work.note_page(page, output)
    output.result({"page": str(page), "frame": index, "width": size[0], "height": size[1]})

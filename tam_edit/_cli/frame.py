"""``tam-edit frame``: one frame on a page, to find out where to click."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import click

from tam_edit._cli.command import Command
from tam_edit._cli.console import Output, output_options
from tam_edit._cli.options import Rate, overwrite_option
from tam_edit.media import frame_at, open_source, timecode_at
from tam_edit.review import check_folder, frame_page, write_page


@click.command("frame", cls=Command)
@click.argument("video")
@click.argument("position", metavar="FRAME", default="0")
@click.option("--html", "folder", type=click.Path(path_type=Path), required=True, metavar="DIR")
@click.option("--fps", type=Rate(), help="Rate of a folder of frames (25 if not given).")
@overwrite_option
@output_options
def command(
    video: str, position: str, folder: Path, fps: Fraction | None, overwrite: bool, output: Output
) -> None:
    """Write one FRAME of VIDEO as a page in DIR: click or drag on it, paste what it says.

    FRAME is a frame or a time. The page shows people unredacted; only you can read it.
    """
    with open_source(video, fps=fps) as source:
        index = frame_at(position, source)
        frame = source.frame(index)
        title = f"{source.info.path.name}, frame {index} ({timecode_at(index, source)})"
        check_folder(folder, [], overwrite=overwrite)
        page = write_page(folder, [frame_page(frame, title)])
    output.say(f"wrote {page}: open it in a browser, click on the object, and paste what it says")
    output.result({"page": str(page), "frame": index, "width": frame.width, "height": frame.height})

"""Commands that train what is shipped: ``python -m training COMMAND`` from the repository root."""

from __future__ import annotations

from pathlib import Path

import click

from tam_edit.errors import TamEditError
from training.clips import Difficulty, Shape
from training.features_command import DATA, features
from training.objects import ObjectPictures
from training.refinement import commands as refinement
from training.segmenter_command import segmenter
from training.sheet import draw_sheet


@click.group()
def main() -> None:
    """Train what the package ships as weights."""


@main.command()
@DATA
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The PNG to write.")
@click.option("--clips", default=6, show_default=True, help="How many, one a row.")
@click.option("--length", default=8, show_default=True, help="Frames of a clip.")
@click.option("--pace", default=0.1, show_default=True, help="Time between frames.")
@click.option("--seed", default=0, show_default=True)
def sheet(data: Path, out: Path, clips: int, length: int, pace: float, seed: int) -> None:
    """Draw made clips with their masks as a picture to look at."""
    pictures = ObjectPictures(data, "train")
    draw_sheet(pictures, Shape(length, (180, 240), pace), Difficulty(), clips, seed, out)
    click.echo(f"{out}: {clips} clips")


main.add_command(features)
main.add_command(refinement)
main.add_command(segmenter)

if __name__ == "__main__":
    try:
        main()
    except TamEditError as problem:
        raise SystemExit(f"error: {problem}") from problem

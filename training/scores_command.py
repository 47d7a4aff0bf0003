"""The command that fits the scores."""

from __future__ import annotations

from pathlib import Path

import click

from training.features_command import DATA
from training.objects import ObjectPictures
from training.scores import (
    Own,
    Shown,
    clip_of,
    fitted,
    joined,
    measured,
    own_score,
    shown_score,
    worth,
)


@click.command()
@DATA
@click.option("--clips", default=120, show_default=True, help="How many are fitted to.")
@click.option("--length", default=24, show_default=True, help="Frames of a clip.")
@click.option("--seed", default=0, show_default=True)
def scores(data: Path, clips: int, length: int, seed: int) -> None:
    """Fit the weights of the tracker's own score and of the assessment, and print them."""
    parts = {}
    for part, count in (("train", clips), ("held-out", max(2, clips // 2))):
        pictures = ObjectPictures(data, "held-out" if part == "held-out" else "train")
        with click.progressbar(range(count), label=f"tracking, {part}") as numbers:
            parts[part] = joined([measured(clip_of(pictures, length, seed, n), n) for n in numbers])
    own, shown = fitted(parts["train"])
    for title, weights in (("before", (Own(), Shown())), ("fitted", (own, shown))):
        for part, masks in parts.items():
            said = own_score(masks, weights[0])
            click.echo(f"{title}, {part}: {len(masks.j)} masks")
            click.echo(f"  the tracker's own score: {worth(masks, said)}")
            click.echo(f"  weighed up: {worth(masks, shown_score(masks, said, weights[1]))}")
    click.echo(f"tracker/assess.py: {own}")
    click.echo(f"tracking/verdict.py: {shown}")

"""The commands that train, show and export the built-in click segmenter."""

from __future__ import annotations

from pathlib import Path

import click
import torch

from tam_edit.models.builtin.segmenter.network import WEIGHTS
from training.features_command import DATA, START
from training.objects import ObjectPictures
from training.schedule import Plan, averaged_weights, plan_options, train
from training.segmenter import BATCH, SegmenterTask, new_network
from training.segmenter_sheet import draw_examples
from training.weights_file import write_weights

SHIPPED = Path(__file__).resolve().parent.parent / "tam_edit/models/builtin/weights" / WEIGHTS


@click.group()
def segmenter() -> None:
    """Train the click segmenter."""


@segmenter.command("train")
@DATA
@plan_options
@click.option("--start", type=click.Path(path_type=Path), default=START, show_default=True)
@click.option("--rate", default=1e-3, show_default=True, help="The highest of AdamW.")
@click.option("--batch", default=BATCH, show_default=True, help="Examples in a step.")
@click.option("--measured-every", default=250, show_default=True, help="Steps between measures.")
@click.option("--held-out", default=64, show_default=True, help="Examples that are measured.")
def train_segmenter(
    data: Path,
    out: Path,
    steps: int | None,
    minutes: float | None,
    seed: int,
    device: str,
    workers: int,
    saved_every: float,
    start: Path,
    rate: float,
    batch: int,
    measured_every: int,
    held_out: int,
) -> None:
    """Train encoder and decoder, the encoder from the ImageNet checkpoint on."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    plan = Plan(
        steps=steps,
        minutes=minutes,
        rate=rate,
        seed=seed,
        device=device,
        measured_every=measured_every,
        saved_every=saved_every,
        workers=workers,
    )
    pictures, kept = (ObjectPictures(data, part) for part in ("train", "held-out"))
    train(SegmenterTask(pictures, kept, batch, held_out), new_network(start), plan, out)


@segmenter.command("sheet")
@DATA
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The PNG to write.")
@click.option("--seed", default=0, show_default=True)
def sheet(data: Path, out: Path, seed: int) -> None:
    """Draw examples with their first prompts as a picture to look at."""
    draw_examples(ObjectPictures(data, "train"), seed, out)
    click.echo(str(out))


@segmenter.command("export")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), default=SHIPPED, show_default=True)
def export_segmenter(run: Path, out: Path) -> None:
    """Write the averaged weights of a run's folder as the package ships them: float16."""
    weights = averaged_weights(run)
    kept = {name: w for name, w in weights.items() if not name.endswith("num_batches_tracked")}
    click.echo(write_weights(kept, out))

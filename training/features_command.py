"""The commands that train, judge and export the tracker's backbone."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import torch

from tam_edit.models.builtin.backbone import WEIGHTS, Backbone
from training.backbone_twin import kept_weights, twin_of, used_weights
from training.episodes import draw_episode
from training.features import Aims, Batch, FeatureTask, FeatureTrainer, batch_of
from training.features_judged import judged, tracked
from training.objects import ObjectPictures
from training.schedule import Plan, averaged_weights, plan_options, train
from training.weights_file import write_weights

SHIPPED = Path(__file__).resolve().parent.parent / "tam_edit/models/builtin/weights" / WEIGHTS
START = Path("../shared/weights/shufflenetv2_x0_5_imagenet.pth")
DATA = click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path("../shared/data/train-objects"),
    show_default=True,
    help="The folder train-objects.",
)
# Of the twin's weights in a run's checkpoint.
PREFIX = "twin."
RATE = 3e-4


@click.group()
def features() -> None:
    """Train the tracker's backbone."""


@features.command("train")
@DATA
@plan_options
@click.option("--start", type=click.Path(path_type=Path), default=START, show_default=True)
@click.option("--rate", default=RATE, show_default=True, help="The highest of AdamW.")
@click.option("--telling", default=Aims.telling, show_default=True, help="Weight of telling.")
@click.option("--matching", default=Aims.matching, show_default=True, help="Weight of matching.")
@click.option("--pull", default=Aims.pull, show_default=True, help="Towards the first weights.")
@click.option("--batch", default=Aims.batch, show_default=True, help="Episodes in a step.")
@click.option("--real", default=Aims.real, show_default=True, help="Share of real episodes.")
@click.option("--cut-out", default=Aims.cut_out, show_default=True, help="Of the made ones.")
@click.option("--measured-every", default=200, show_default=True, help="Steps between measures.")
@click.option("--judged", default=20, show_default=True, help="Held-out episodes of each kind.")
def train_features(
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
    telling: float,
    matching: float,
    pull: float,
    batch: int,
    real: float,
    cut_out: float,
    measured_every: int,
    judged: int,
) -> None:
    """Train all layers of the backbone further, from the ImageNet checkpoint."""
    torch.set_num_threads(1)
    first = used_weights(start)
    aims = Aims(telling, matching, pull, batch, real, cut_out)
    plan = Plan(
        steps=steps,
        minutes=minutes,
        rate=rate,
        weight_decay=0.0,
        seed=seed,
        device=device,
        measured_every=measured_every,
        saved_every=saved_every,
        workers=workers,
    )
    torch.manual_seed(seed)
    trainer = FeatureTrainer(twin_of(first))
    task = FeatureTask(
        ObjectPictures(data, "train"),
        first,
        aims,
        _judged_batches(ObjectPictures(data, "held-out"), judged),
    )
    train(task, trainer, plan, out)


@features.command("judge")
@DATA
@click.argument("weights", type=click.Path(path_type=Path))
@click.option("--made", default=40, show_default=True, help="Made clips beside the sequences.")
@click.option("--clips", default=12, show_default=True, help="Made clips to track.")
@click.option("--seed", default=0, show_default=True)
def judge_features(data: Path, weights: Path, made: int, clips: int, seed: int) -> None:
    """Ask the tracker about held-out pictures and clips, with some backbone's features.

    WEIGHTS is a run's folder, a .safetensors as shipped or a .pth with ShuffleNetV2's weights.
    """
    torch.set_num_threads(1)
    network = Backbone(_weights_of(weights))
    pictures = ObjectPictures(data, "held-out")
    for found in judged(network, pictures, made, seed):
        click.echo(
            f"{found.kind}: {found.questions} pictures, IoU {found.iou:.4f}, cross-entropy "
            f"{found.error:.4f} around the object; IoU {found.whole_iou:.4f} in the whole picture"
        )
    count, mean = tracked(network, pictures, clips, seed)
    if count:
        click.echo(f"tracked: {count} made clips, J {mean:.4f}")


@features.command("export")
@click.argument("weights", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), default=SHIPPED, show_default=True)
def export_features(weights: Path, out: Path) -> None:
    """Write a backbone as the package ships it: float16, only what is used.

    WEIGHTS is a run's folder, a .safetensors as shipped or a .pth with ShuffleNetV2's weights. The
    same weights give the same bytes.
    """
    click.echo(write_weights(_weights_of(weights), out))


def _weights_of(place: Path) -> dict[str, torch.Tensor]:
    """A backbone's weights, from a run's folder or a file."""
    if not place.is_dir():
        return used_weights(place)
    averaged = averaged_weights(place)
    return kept_weights(
        {
            name.removeprefix(PREFIX): tensor
            for name, tensor in averaged.items()
            if name.startswith(PREFIX)
        }
    )


def _judged_batches(pictures: ObjectPictures, count: int) -> list[Batch]:
    """Held-out episodes, so many made ones and so many of DAVIS sequences."""
    rng = np.random.default_rng(0)
    size = Aims.batch
    return [
        batch_of(
            [
                draw_episode(pictures, rng, real=real, cut_out=Aims.cut_out)
                for _ in range(min(size, count - begin))
            ],
            rng,
        )
        for real in (0.0, 1.0)
        for begin in range(0, count, size)
    ]

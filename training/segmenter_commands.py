"""The commands that train and export the built-in click segmenter."""

from __future__ import annotations

import hashlib
from pathlib import Path

import click
import safetensors.torch

from tam_edit.models.builtin.segmenter.network import WEIGHTS, ClickNetwork
from training.schedule import Plan, averaged_weights, plan_options, train
from training.segmenter import BATCH, SegmenterTask, new_network

TARGET = Path(__file__).resolve().parent.parent / "tam_edit/models/builtin/weights" / WEIGHTS


@click.group("segmenter")
def segmenter() -> None:
    """The built-in click segmenter."""


@segmenter.command("train")
@click.option("--data", type=click.Path(path_type=Path), required=True, help="train-objects.")
@click.option(
    "--backbone",
    type=click.Path(path_type=Path),
    required=True,
    help="ImageNet weights of ShuffleNetV2 x0.5 to start from.",
)
@click.option("--batch", default=BATCH, show_default=True, help="Examples per step.")
@click.option("--rate", default=1e-3, show_default=True, help="The highest learning rate.")
@plan_options
def train_segmenter(
    data: Path,
    backbone: Path,
    batch: int,
    rate: float,
    out: Path,
    steps: int | None,
    minutes: float | None,
    seed: int,
    device: str,
    workers: int,
) -> None:
    """Train it on pictures with true objects; a run in --out goes on."""
    plan = Plan(
        steps=steps,
        minutes=minutes,
        rate=rate,
        seed=seed,
        device=device,
        workers=workers,
        measured_every=MEASURED_EVERY,
    )
    train(SegmenterTask(data, batch), new_network(backbone), plan, out)


@segmenter.command("export")
@click.option("--run", type=click.Path(path_type=Path), required=True, help="Folder of a run.")
@click.option("--out", type=click.Path(path_type=Path), default=TARGET, show_default=True)
def export_segmenter(run: Path, out: Path) -> None:
    """Write the averaged weights of a run as float16."""
    network = ClickNetwork()
    network.load_state_dict(averaged_weights(run))
    kept = {
        name: tensor.half().contiguous()
        for name, tensor in sorted(network.state_dict().items())
        if not name.endswith("num_batches_tracked")
    }
    written = safetensors.torch.save(kept)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(written)
    print(f"{out}: {len(written)} bytes, SHA-256 {hashlib.sha256(written).hexdigest()}")


MEASURED_EVERY = 250  # steps

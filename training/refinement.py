"""Commands that record for the refinement network, train it, measure it and write its weights."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import safetensors.torch
import torch

from tam_edit.masks.measure import boundary_f, region_similarity
from tam_edit.models.builtin.tracker.refinement import (
    Refinement,
    laid_out,
    refinement,
    shapes,
)
from training.features_command import DATA
from training.objects import ObjectPictures
from training.refinement_clips import TrueClip, drawn_clip
from training.refinement_records import Recorder
from training.refinement_task import RefinementModule, RefinementTask
from training.schedule import Plan, averaged_weights, plan_options, train
from training.weights_file import write_weights

# What is alike within a clip teaches little: many short clips, and few records of the longer ones.
RECORDS_PER_OBJECT = 3.0

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
NETWORK = click.option(
    "--network",
    default="none",
    show_default=True,
    help="What refines: none, shipped, a folder of `train`, or a file of `export`.",
)
PART = click.option("--part", type=click.Choice(["train", "held-out"]), default="train")
LONGEST = click.option("--longest", default=14, show_default=True, help="Frames of a clip.")
CLIPS = click.option("--clips", default=100, show_default=True, help="How many.")


@click.group("refinement")
def commands() -> None:
    """The network that turns the tracker's clues into an outline."""


@commands.command()
@DATA
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of records.")
@CLIPS
@click.option("--seed", default=0, show_default=True)
@PART
@LONGEST
@NETWORK
def record(
    data: Path, out: Path, clips: int, seed: int, part: str, longest: int, network: str
) -> None:
    """Track clips and write what the network is asked; what is there already is not done again."""
    out.mkdir(parents=True, exist_ok=True)
    refines, began = chosen_network(network), time.monotonic()
    for number, rng, clip in _drawn(data, part, seed, clips, longest, out):
        recorder = Recorder(rng, min(1.0, RECORDS_PER_OBJECT / len(clip.frames)))
        recorder.track(clip, refines)
        for index, found in enumerate(recorder.records):
            found.save(out / f"{seed:03}-{number:05}-{index:03}.npz")
        _mark(out, seed, number).touch()
        minutes = (time.monotonic() - began) / 60
        click.echo(f"clip {number}: {len(recorder.records)} records, {minutes:.1f} minutes")


@commands.command("train")
@click.option("--records", type=FOLDER, multiple=True, required=True)
@click.option("--held-out", type=FOLDER, multiple=True, required=True)
@click.option("--start", default="none", show_default=True, help="As --network of `record`.")
@click.option("--rate", default=2e-3, show_default=True)
@plan_options
def train_command(
    records: tuple[Path, ...],
    held_out: tuple[Path, ...],
    start: str,
    rate: float,
    out: Path,
    steps: int | None,
    minutes: float | None,
    seed: int,
    device: str,
    saved_every: float,
    workers: int,
) -> None:
    """Train on recorded folders; the measure is on those of --held-out."""
    torch.set_num_threads(1)
    module = RefinementModule(seed)
    if start != "none":
        module.take(_weights(start))
    plan = Plan(
        steps,
        minutes,
        rate=rate,
        seed=seed,
        device=device,
        workers=workers,
        saved_every=saved_every,
        measured_every=250,
    )
    train(RefinementTask(records, held_out), module, plan, out)


@commands.command()
@DATA
@CLIPS
@click.option("--seed", default=1000, show_default=True)
@LONGEST
@NETWORK
def measure(data: Path, clips: int, seed: int, longest: int, network: str) -> None:
    """Track held-out clips with a network inside the tracker; mean J and F over objects."""
    refines = chosen_network(network)
    found: list[tuple[float, float]] = []
    for _, rng, clip in _drawn(data, "held-out", seed, clips, longest, None):
        steps = Recorder(rng, 0.0).track(clip, refines)
        for number in steps[0].mattes:
            pairs = [
                (step.mattes[number] > 0.5, clip.masks[index] == number)
                for index, step in enumerate(steps)
                if index
            ]
            j = float(np.mean([region_similarity(*pair) for pair in pairs]))
            found.append((j, float(np.mean([boundary_f(*pair, 0.003) for pair in pairs]))))
    j, f = np.mean(found, axis=0)
    click.echo(f"{len(found)} objects: J {j:.4f}, F within 0.3 % of the diagonal {f:.4f}")


@commands.command()
@click.option("--run", type=FOLDER, required=True, help="The folder of `train`.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The file to write.")
@click.option("--share", default=1.0, show_default=True, help="So much of the correction is used.")
def export(run: Path, out: Path, share: float) -> None:
    """Write the averaged weights of a run as the package reads them."""
    weights = _named(averaged_weights(run))
    for name in ("last.weight", "last.bias"):
        weights[name] = weights[name] * share
    click.echo(write_weights(weights, out))


def chosen_network(name: str) -> Refinement:
    """The network of a name: none, shipped, a folder of ``train`` or a file of ``export``."""
    if name == "shipped":
        return refinement()
    if name == "none":
        return Refinement({key: torch.zeros(shape) for key, shape in shapes().items()})
    return Refinement(laid_out(_weights(name)))


def _weights(name: str) -> dict[str, torch.Tensor]:
    path = Path(name)
    if path.is_dir():
        return _named(averaged_weights(path))
    return safetensors.torch.load_file(path)


def _named(stored: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {key.removeprefix("weights.").replace("/", "."): w for key, w in stored.items()}


def _drawn(
    data: Path, part: str, seed: int, clips: int, longest: int, out: Path | None
) -> Iterator[tuple[int, np.random.Generator, TrueClip]]:
    """Clips by their numbers, each with the random numbers that go on from it."""
    pictures = ObjectPictures(data, "train" if part == "train" else "held-out")
    for number in range(clips):
        if out is not None and _mark(out, seed, number).exists():
            continue
        rng = np.random.default_rng([seed, number])
        yield number, rng, drawn_clip(pictures, rng, longest)


def _mark(out: Path, seed: int, number: int) -> Path:
    """An empty file that says that all records of a clip are there."""
    return out / f"{seed:03}-{number:05}.done"

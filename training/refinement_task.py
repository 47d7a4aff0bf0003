"""What the refinement network is trained by: windows of records, its loss and its measure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from tam_edit.errors import InputError
from tam_edit.models.builtin.tracker.cut import snap_to_edges
from tam_edit.models.builtin.tracker.refinement import (
    GRID_PX,
    HINT_PX,
    Refinement,
    shapes,
    stacked,
)
from training.refinement_damage import damaged
from training.refinement_records import Record

Float = NDArray[np.float32]

CROP_PX = 128
BATCH = 12
# Pixels next to the true outline count so many times more, within this distance.
OUTLINE_WEIGHT = 4.0
OUTLINE_PX = 4.0
OVERLAP_WEIGHT = 0.5
# Log-odds beyond these are not learned from.
SETTLED = 12.0
# How often the deep features are withheld, lest the network knows the few objects by heart.
BLIND_CHANCE = 0.4
MEASURED_RECORDS = 240


class RefinementModule(nn.Module):
    """The network with weights that can be trained; it begins as no correction at all."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(seed)
        self.weights = nn.ParameterDict()
        for name, shape in shapes().items():
            self.weights[name.replace(".", "/")] = nn.Parameter(_first(name, shape, draw))

    def named_weights(self) -> dict[str, torch.Tensor]:
        """The weights by the names under which they are stored."""
        return {name.replace("/", "."): weight for name, weight in self.weights.items()}

    def take(self, stored: Mapping[str, torch.Tensor]) -> None:
        """Begin with stored weights."""
        for name, weight in self.named_weights().items():
            weight.data.copy_(stored[name])

    def forward(self, planes: torch.Tensor, deep: torch.Tensor) -> torch.Tensor:
        """Corrections (N, H, W) from planes (N, P, H, W) and features (N, H / 4, W / 4, C)."""
        network = Refinement(self.named_weights())
        hints = (deep @ network.deep_matrix).permute(0, 3, 1, 2)
        return network(planes.contiguous(memory_format=torch.channels_last), hints)


def _first(name: str, shape: tuple[int, ...], draw: torch.Generator) -> torch.Tensor:
    """A weight to begin with: blocks add nothing yet, and the last layer says nothing."""
    if len(shape) == 1 or name.endswith(".1.weight") or name.startswith("last."):
        return torch.zeros(shape)
    fan_in = shape[0] if name == "deep" else int(np.prod(shape[1:]))
    # Deep features are about half as large as the others.
    spread = float(np.sqrt(2 / fan_in))
    return torch.randn(shape, generator=draw) * spread


class RefinementTask:
    """Trains on records of some folders, and measures on those of others."""

    def __init__(self, folders: Sequence[Path], held_out: Sequence[Path]) -> None:
        self.clips = _by_clip(_paths(folders))
        rng = np.random.default_rng(0)
        chosen = rng.permutation(np.array(_paths(held_out), object))[:MEASURED_RECORDS]
        self.measured = [Record.load(path) for path in chosen]

    def batch(self, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """Windows of one size, damaged some more, flipped and turned."""
        names = ("planes", "total", "deep", "truth", "weight")
        parts = []
        for index in rng.integers(len(self.clips), size=BATCH):
            # Each clip counts the same: the records of one are much alike.
            paths = self.clips[index]
            record = damaged(Record.load(paths[int(rng.integers(len(paths)))]), rng)
            parts.append(dict(zip(names, _window(record, rng), strict=True)))
        return {key: torch.stack([part[key] for part in parts]) for key in parts[0]}

    def loss(self, module: nn.Module, batch: Any) -> tuple[torch.Tensor, dict[str, float]]:
        """Cross-entropy, more of it near outlines, and one minus a soft overlap."""
        log_odds = batch["total"] + module(batch["planes"], batch["deep"].float())
        truth, weight = batch["truth"], batch["weight"]
        entropy = functional.binary_cross_entropy_with_logits(log_odds, truth, reduction="none")
        entropy = (entropy * weight).sum() / weight.sum()
        chance = torch.sigmoid(log_odds) * (weight > 0)
        both = (chance * truth).sum((1, 2))
        either = (chance + truth - chance * truth).sum((1, 2))
        shows = truth.sum((1, 2)) > 0
        overlap = ((1 - both / (either + 1)) * shows).sum() / shows.sum().clamp(min=1)
        numbers = {"entropy": float(entropy.detach()), "overlap": float(overlap.detach())}
        return entropy + OVERLAP_WEIGHT * overlap, numbers

    def held_out(self, module: nn.Module) -> dict[str, float]:
        """Mean over records: overlap with the truth, of the corrected and of the plain sum."""
        numbers: dict[str, list[float]] = {"J": [], "J plain": [], "entropy": []}
        for record in self.measured:
            planes, total, deep, truth, weight = tensors(record)
            correction = module(planes[None], deep[None].float())[0]
            entropy = functional.binary_cross_entropy_with_logits(
                total + correction, truth, reduction="none"
            )
            numbers["entropy"].append(float((entropy * weight).sum() / weight.sum()))
            if truth.any():
                wanted = truth > 0.5
                for name, found in (("J", total + correction), ("J plain", total)):
                    inside = (found > 0) & (weight > 0)
                    overlap = (inside & wanted).sum() / (inside | wanted).sum()
                    numbers[name].append(float(overlap))
        return {name: float(np.mean(values)) for name, values in numbers.items() if values}


def _paths(folders: Sequence[Path]) -> list[Path]:
    found = sorted(path for folder in folders for path in folder.glob("*.npz"))
    if not found:
        raise InputError("the folders hold no records: run `refinement record` first")
    return found


def _by_clip(paths: Sequence[Path]) -> list[list[Path]]:
    """Records of one clip together; their names end with their place in it."""
    clips: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        clips[str(path).rpartition("-")[0]].append(path)
    return list(clips.values())


def _window(record: Record, rng: np.random.Generator) -> tuple[torch.Tensor, ...]:
    """A random window of CROP_PX, as tensors, flipped and turned at random."""
    height, width = record.truth.shape
    top, left = (
        int(rng.integers(0, max(0, n - CROP_PX) // HINT_PX + 1)) * HINT_PX for n in (height, width)
    )
    size = (min(CROP_PX, height - top), min(CROP_PX, width - left))
    planes, total, deep, truth, weight = tensors(record.window(top, left, *size), CROP_PX)
    if rng.random() < BLIND_CHANCE:
        deep = torch.zeros_like(deep)
    for axis in (0, 1):
        if rng.random() < 0.5:
            planes, deep = planes.flip(1 + axis), deep.flip(axis)
            total, truth, weight = (plane.flip(axis) for plane in (total, truth, weight))
    if rng.random() < 0.5:
        planes, deep = planes.transpose(1, 2), deep.transpose(0, 1)
        total, truth, weight = (plane.T for plane in (total, truth, weight))
    return planes, total, deep, truth, weight


def tensors(record: Record, least: int = 0) -> tuple[torch.Tensor, ...]:
    """Planes, smoothed sum, deep features, truth and weights, padded as the tracker pads them.

    Args:
        record: What was recorded.
        least: Rows and columns to have at least; what is beyond the record weighs nothing.
    """
    height, width = record.truth.shape
    rows, columns = (max(least, n + -n % GRID_PX) for n in (height, width))
    room = (0, columns - width, 0, rows - height)
    smooth = snap_to_edges(record.clues.picture, record.clues.total)
    planes = functional.pad(stacked(record.clues, smooth)[None], room, mode="replicate")[0]
    deep = np.pad(
        record.deep,
        (
            (0, rows // HINT_PX - record.deep.shape[0]),
            (0, columns // HINT_PX - record.deep.shape[1]),
            (0, 0),
        ),
        mode="edge",
    )
    smooth = np.clip(smooth, -SETTLED, SETTLED)
    total = functional.pad(torch.from_numpy(smooth), room)
    truth = functional.pad(torch.from_numpy(record.truth.astype(np.float32) / 255), room)
    weight = functional.pad(torch.from_numpy(_weights(record.truth > 127)), room)
    return planes, total, torch.from_numpy(deep), truth, weight


def _weights(inside: NDArray[np.bool_]) -> Float:
    """How much each pixel counts."""
    inner = inside.astype(np.uint8)
    distance = sum(
        np.asarray(cv2.distanceTransform(part, cv2.DIST_L2, 3), np.float32)
        for part in (inner, 1 - inner)
        if part.any() and not part.all()
    )
    if isinstance(distance, int):
        return np.ones(inside.shape, np.float32)
    near = np.exp(-((distance / OUTLINE_PX) ** 2))
    return np.asarray(1 + OUTLINE_WEIGHT * near, np.float32)

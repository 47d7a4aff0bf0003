"""A run's whole state as safetensors bytes, and back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import safetensors.numpy
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError

from tam_edit.models.base import TrackingInfo
from tam_edit.models.builtin.backbone import CHANNEL_COUNT
from tam_edit.models.builtin.tracker.features import FEATURE_COUNT
from tam_edit.models.builtin.tracker.online import Classifier, Samples
from tam_edit.models.builtin.tracker.target import Target
from tam_edit.models.runs import damaged_snapshot, snapshot_header, snapshot_state
from tam_edit.types import Box, ObjectId

Array = NDArray[Any]

MODEL = "builtin"
# Goes up with every change that would make an older run go on differently.
VERSION = 4
WEIGHT_COUNT = 6


@dataclass
class PassState:
    """All that influences the next picture.

    Attributes:
        previous: The latest picture, grey, uint8 (h, w) at working size; None before the first of
            a shot.
        targets: What is known of each object.
    """

    previous: NDArray[np.uint8] | None = None
    targets: dict[ObjectId, Target] = field(default_factory=dict)


def pack(info: TrackingInfo, state: PassState) -> bytes:
    """The state as bytes; ``unpack`` gives it back to the last bit."""
    arrays: dict[str, Array] = {}
    if state.previous is not None:
        arrays["previous"] = state.previous
    facts: dict[str, Any] = {}
    for number, target in state.targets.items():
        arrays |= {f"{number}.{name}": array for name, array in _arrays_of(target).items()}
        facts[str(number)] = _facts_of(target)
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    return safetensors.numpy.save(whole, snapshot_header(_identity(info), {"targets": facts}))


def unpack(info: TrackingInfo, snapshot: bytes) -> PassState:
    """The state that ``pack`` was given.

    Raises:
        ModelError: The bytes are no snapshot, or one of another model, version or size.
    """
    known = snapshot_state(snapshot, _identity(info))
    try:
        arrays = safetensors.numpy.load(snapshot)
        state = PassState(arrays.get("previous"))
        for number, facts in known["targets"].items():
            state.targets[int(number)] = _target(arrays, f"{number}.", facts)
    except (SafetensorError, LookupError, TypeError, ValueError) as error:
        raise damaged_snapshot() from error
    return state


def _identity(info: TrackingInfo) -> dict[str, Any]:
    return {
        "model": MODEL,
        "version": VERSION,
        "size": f"{info.width}x{info.height}",
        "shares_pixels": info.shares_pixels,
        "feature_count": FEATURE_COUNT + CHANNEL_COUNT,
    }


def _arrays_of(target: Target) -> dict[str, Array]:
    arrays: dict[str, Array] = {"matte": target.matte, "colors": target.colors}
    network = target.classifier
    if network is None:
        return arrays
    arrays |= {"mean": network.mean, "scale": network.scale}
    for i, tensor in enumerate((*network.weights, *network.moments, *network.first)):
        arrays[f"tensor{i}"] = tensor.numpy()
    for name, sets in (("kept", network.kept), ("recent", network.recent)):
        arrays[f"{name}.lengths"] = np.array([len(s) for s in sets], np.int64)
        for part in ("features", "labels") if sets else ():
            arrays[f"{name}.{part}"] = np.concatenate([getattr(s, part) for s in sets])
    return arrays


def _facts_of(target: Target) -> dict[str, Any]:
    network = target.classifier
    return {
        "usual_area": target.usual_area,
        "half_extent": target.half_extent,
        "area": target.area,
        "seen": target.seen,
        "missing": target.missing,
        "strange": target.strange,
        "steps_done": None if network is None else network.steps_done,
    }


def _target(arrays: dict[str, Array], prefix: str, facts: dict[str, Any]) -> Target:
    steps_done = facts.pop("steps_done")
    across, down = facts.pop("half_extent")
    return Target(
        matte=arrays[prefix + "matte"],
        colors=arrays[prefix + "colors"],
        classifier=None if steps_done is None else _classifier(arrays, prefix, steps_done),
        half_extent=(across, down),
        seen=Box(*facts.pop("seen")),
        **facts,
    )


def _classifier(arrays: dict[str, Array], prefix: str, steps_done: int) -> Classifier:
    # Copied: torch must own (and align) what it changes in place.
    tensors = [
        torch.from_numpy(arrays[f"{prefix}tensor{i}"].copy()).clone()
        for i in range(4 * WEIGHT_COUNT)
    ]
    return Classifier(
        mean=arrays[prefix + "mean"],
        scale=arrays[prefix + "scale"],
        weights=tensors[:WEIGHT_COUNT],
        moments=tensors[WEIGHT_COUNT : 3 * WEIGHT_COUNT],
        first=tensors[3 * WEIGHT_COUNT :],
        steps_done=steps_done,
        kept=_samples(arrays, prefix + "kept."),
        recent=_samples(arrays, prefix + "recent."),
    )


def _samples(arrays: dict[str, Array], prefix: str) -> list[Samples]:
    lengths = arrays[prefix + "lengths"]
    if lengths.size == 0:
        return []
    cuts = np.cumsum(lengths)[:-1]
    features = np.split(arrays[prefix + "features"], cuts)
    labels = np.split(arrays[prefix + "labels"], cuts)
    return [Samples(x, y) for x, y in zip(features, labels, strict=True)]

"""Training the backbone for what the tracker does with it.

Two objectives. *Telling*: features at pixels of one picture are given to a classifier that has a
solution in closed form (Bertinetto et al., ICLR 2019, arXiv 1805.08136), and the error it makes on
another picture is handed back through that solution to the backbone. *Matching*: a cell must be
more like the cell of the other picture that shows the same point than like all others there (van
den Oord et al. 2018, arXiv 1807.03748). A pull towards the first weights (Li et al., ICML 2018,
arXiv 1802.01483) keeps what ImageNet taught.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from tam_edit.models.builtin.backbone import CHANNEL_COUNT, as_levels
from tam_edit.models.builtin.tracker.deep import STRIDE_PX, doubled
from tam_edit.models.builtin.tracker.features import FEATURE_COUNT
from tam_edit.models.builtin.tracker.online import DEEP_SPREAD
from training.backbone_twin import BackboneTwin
from training.episodes import (
    CELLS,
    CROP_PX,
    DRAWN_PIXELS,
    FEWEST_PIXELS,
    MATCHES,
    ZOOM,
    Episode,
    draw_episode,
    drawn_rows,
    enlarged,
    near_features,
)
from training.objects import ObjectPictures

# The hidden layer of the classifier in closed form; drawn anew for every batch.
HIDDEN = 192
MATCHED_CHANNELS = 64
# Cells next to the right one are no wrong answers.
SPARED_CELLS = 1
EDGE_WEIGHT = 0.5

Batch = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Aims:
    """What counts how much.

    Attributes:
        telling: Weight of the cross-entropy of the second picture's pixels.
        matching: Weight of the dense correspondence.
        pull: Weight of half the squared distance to the first weights.
        batch: Episodes in a step.
        real: Of the episodes, the share of frames of DAVIS sequences.
        cut_out: Of the others, the share whose target is cut out of another picture.
    """

    telling: float = 1.0
    matching: float = 0.2
    pull: float = 0.01
    batch: int = 4
    real: float = 0.4
    cut_out: float = 0.6


class FeatureTrainer(nn.Module):
    """The backbone with what is needed to train it and thrown away afterwards."""

    def __init__(self, twin: BackboneTwin) -> None:
        super().__init__()
        self.twin = twin
        self.matching = nn.Linear(CHANNEL_COUNT, MATCHED_CHANNELS, bias=False)
        nn.init.orthogonal_(self.matching.weight)
        # Logarithms of the classifier's ridge and of the factors that make its answers logits.
        self.log_ridge = nn.Parameter(torch.tensor(-3.0))
        self.log_sharpness = nn.Parameter(torch.tensor(1.0))
        self.log_temperature = nn.Parameter(torch.tensor(2.3))

    def cells(self, levels: torch.Tensor) -> torch.Tensor:
        """Features (N, CELLS, CELLS, CHANNEL_COUNT) of crops (N, 3, ENLARGED_PX, ENLARGED_PX)."""
        fine, coarse = self.twin(levels)
        joined = [
            torch.cat([f, doubled(c, CELLS, CELLS)], dim=2)
            for f, c in zip(fine.permute(0, 2, 3, 1), coarse.permute(0, 2, 3, 1), strict=True)
        ]
        return torch.stack(joined)


def at_pixels(cells: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Features between cells, as ``DeepGrid.at`` has them.

    Args:
        cells: (N, CELLS, CELLS, C).
        rows: Pixels of the crops, numbered row by row, (N, K).

    Returns:
        (N, K, C).
    """
    flat = cells.flatten(1, 2)
    result = torch.zeros((), device=cells.device)
    sides = []
    for place in (rows // CROP_PX, rows % CROP_PX):
        exact = (((place + 0.5) * ZOOM - 0.5) / STRIDE_PX).clamp(min=0)
        before = exact.long().clamp(max=CELLS - 1)
        share = (exact - before).clamp(max=1)
        behind = (before + 1).clamp(max=CELLS - 1)
        sides.append(((before, 1 - share), (behind, share)))
    for y, down in sides[0]:
        for x, across in sides[1]:
            index = (y * CELLS + x)[..., None].expand(-1, -1, flat.shape[2])
            result = result + flat.gather(1, index) * (down * across)[..., None]
    return result


@dataclass(frozen=True, eq=False)
class FeatureTask:
    """Training on episodes.

    Attributes:
        pictures: Those that are trained on.
        first: The backbone's first weights by name.
        aims: What counts how much.
        judged: Batches of held-out episodes, with all that is needed to judge on them.
    """

    pictures: ObjectPictures
    first: dict[str, torch.Tensor]
    aims: Aims
    judged: list[Batch]

    def batch(self, rng: np.random.Generator) -> Batch:
        """Draw episodes."""
        aims = self.aims
        episodes = [
            draw_episode(self.pictures, rng, real=aims.real, cut_out=aims.cut_out)
            for _ in range(aims.batch)
        ]
        return batch_of(episodes, rng)

    def loss(self, module: nn.Module, batch: Batch) -> tuple[torch.Tensor, dict[str, float]]:
        """The weighted sum of both objectives and the pull."""
        if not isinstance(module, FeatureTrainer):
            raise TypeError("this task trains a FeatureTrainer")
        cells = module.cells(batch["levels"]).float()
        # The solution in closed form needs all digits.
        with torch.autocast(cells.device.type, enabled=False):
            return self._weighed(module, cells, batch)

    def held_out(self, module: nn.Module) -> dict[str, float]:
        """Cross-entropy and IoU of the closed form on held-out episodes."""
        if not isinstance(module, FeatureTrainer):
            raise TypeError("this task trains a FeatureTrainer")
        torch.manual_seed(0)
        device = module.log_ridge.device
        found: list[tuple[float, float]] = []
        matchings: list[float] = []
        for kept in self.judged:
            batch = {name: tensor.to(device) for name, tensor in kept.items()}
            cells = module.cells(batch["levels"])
            answer = told(module, cells, batch)
            found.append((float(answer.loss), float(answer.iou)))
            matchings.append(float(matched(module, cells, batch)))
        loss, iou = np.mean(found, axis=0)
        return {"telling": float(loss), "iou": float(iou), "matching": float(np.mean(matchings))}

    def _weighed(
        self, module: FeatureTrainer, cells: torch.Tensor, batch: Batch
    ) -> tuple[torch.Tensor, dict[str, float]]:
        numbers: dict[str, float] = {}
        total = self._pull(module)
        if self.aims.telling:
            telling = told(module, cells, batch).loss
            numbers["telling"] = float(telling.detach())
            total = total + self.aims.telling * telling
        if self.aims.matching:
            matching = matched(module, cells, batch)
            numbers["matching"] = float(matching.detach())
            total = total + self.aims.matching * matching
        return total, numbers

    def _pull(self, module: FeatureTrainer) -> torch.Tensor:
        pairs = [
            (weight, self.first[name].to(weight.device))
            for name, weight in module.twin.named_parameters()
        ]
        apart = torch.stack([(weight - first).square().sum() for weight, first in pairs]).sum()
        return 0.5 * self.aims.pull * apart


def batch_of(episodes: list[Episode], rng: np.random.Generator) -> Batch:
    """Episodes as tensors; pictures 2 k and 2 k + 1 belong together."""
    levels, near, rows, labels, learns = [], [], [], [], []
    ours = np.full((len(episodes), 2, MATCHES), -1, np.int64)
    for k, episode in enumerate(episodes):
        for picture, truth in zip(episode.pictures, episode.truth, strict=True):
            drawn = drawn_rows(truth, rng)
            inside = np.count_nonzero(truth)
            levels.append(as_levels(enlarged(picture))[0])
            near.append(near_features(picture)[drawn])
            rows.append(drawn)
            labels.append(truth.reshape(-1)[drawn])
            learns.append(FEWEST_PIXELS <= inside <= truth.size - FEWEST_PIXELS)
        count = len(episode.matches[0])
        ours[k, 0, :count], ours[k, 1, :count] = episode.matches
    return {
        "levels": torch.stack(levels).contiguous(memory_format=torch.channels_last),
        "near": torch.from_numpy(np.stack(near)),
        "rows": torch.from_numpy(np.stack(rows)),
        "labels": torch.from_numpy(np.stack(labels)).float(),
        "learns": torch.tensor(learns),
        "matches": torch.from_numpy(ours),
    }


@dataclass(frozen=True, eq=False)
class Told:
    """How well objects were told on the pictures that they were not learned on.

    Attributes:
        loss: Mean cross-entropy, (), pixels near the outline counted less.
        iou: Mean intersection over union of the pixels drawn, ().
    """

    loss: torch.Tensor
    iou: torch.Tensor


def told(module: FeatureTrainer, cells: torch.Tensor, batch: Batch) -> Told:
    """Learn each object on one of its pictures and tell it on the other, both ways."""
    deep = at_pixels(cells, batch["rows"])
    features = torch.cat([batch["near"], deep], dim=2)
    labels, learns = batch["labels"], batch["learns"]
    # The picture that goes with each one.
    other = torch.arange(len(labels), device=labels.device) ^ 1
    reference = features[:, :DRAWN_PIXELS]
    mean = reference.mean(1, keepdim=True)
    spread = reference.std(1, keepdim=True) + 1e-2
    factor = torch.ones(features.shape[2], device=features.device)
    factor[FEATURE_COUNT:] = float(DEEP_SPREAD)
    known = ((reference - mean) / spread * factor).clamp(-30, 30)
    asked = ((features[other] - mean) / spread * factor).clamp(-30, 30)
    width = features.shape[2]
    hidden = torch.randn(width, HIDDEN, device=features.device) * (2 / width) ** 0.5
    known, asked = _lifted(known, hidden), _lifted(asked, hidden)
    wanted = 2 * labels[:, :DRAWN_PIXELS, None] - 1
    ridge = module.log_ridge.exp() * torch.eye(known.shape[2], device=known.device)
    system = known.mT @ known / DRAWN_PIXELS + ridge
    weights = torch.linalg.solve(system, known.mT @ wanted / DRAWN_PIXELS)
    logits = (asked @ weights)[..., 0] * module.log_sharpness.exp()
    truth = labels[other]
    errors = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    counts = torch.ones_like(errors)
    counts[:, DRAWN_PIXELS:] = EDGE_WEIGHT
    counts = counts * learns[:, None]
    loss = (errors * counts).sum() / counts.sum().clamp(min=1)
    return Told(loss, _mean_iou(logits.detach() > 0, truth > 0.5, learns & learns[other]))


def _lifted(features: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
    """Features, a random hidden layer over them, and a one for the offset."""
    raised = (features @ hidden).relu()
    return torch.cat([features, raised, torch.ones_like(features[..., :1])], dim=2)


def _mean_iou(found: torch.Tensor, truth: torch.Tensor, counted: torch.Tensor) -> torch.Tensor:
    both = (found & truth).sum(1).float()
    either = (found | truth).sum(1).float().clamp(min=1)
    return (both / either)[counted].mean()


def matched(module: FeatureTrainer, cells: torch.Tensor, batch: Batch) -> torch.Tensor:
    """How hard it is to find a cell again among all of the other picture, () in nats."""
    losses = []
    temperature = module.log_temperature.exp()
    for k, pairs in enumerate(batch["matches"]):
        one, other = pairs[:, pairs[0] >= 0]
        if len(one) == 0:
            continue
        pair = cells[2 * k : 2 * k + 2].flatten(1, 2)
        # Scaled as the tracker does, by what both pictures have.
        scaled = (pair - pair.mean((0, 1))) / (pair.std((0, 1)) + 1e-2)
        vectors = functional.normalize(module.matching(scaled), dim=2)
        likeness = temperature * vectors[0, one] @ vectors[1].T
        apart = torch.maximum(
            (other[:, None] // CELLS - _numbers(cells) // CELLS).abs(),
            (other[:, None] % CELLS - _numbers(cells) % CELLS).abs(),
        )
        spared = (apart <= SPARED_CELLS) & (apart > 0)
        losses.append(functional.cross_entropy(likeness.masked_fill(spared, float("-inf")), other))
    return torch.stack(losses).mean() if losses else cells.new_zeros(())


def _numbers(cells: torch.Tensor) -> torch.Tensor:
    return torch.arange(CELLS * CELLS, device=cells.device)[None]

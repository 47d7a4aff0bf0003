"""Trains the built-in click segmenter: its loss, and how good it is on what is held out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from tam_edit.models.builtin.segmenter.encoder import encoder_state
from tam_edit.models.builtin.segmenter.network import (
    Answers,
    ClickNetwork,
    Features,
    channels_last,
    likeness,
)
from tam_edit.models.builtin.segmenter.prompt_maps import on_grid, prompt_maps
from training.objects import ObjectPictures
from training.segmenter_clicks import Dialogue, as_batch
from training.segmenter_examples import LARGE_SIZES, Example, ExampleSource, drawn_size

BATCH = 8
HELD_OUT_CLICKS = 3
# Focal loss normalised per example (Sofiiuk et al., arXiv 2102.06583) beside soft IoU.
FOCUS = 2.0
FOCAL_WEIGHT, EDGE_WEIGHT, QUALITY_WEIGHT = 1.0, 2.0, 0.5
DEAD_WEIGHT = 0.05  # of meanings that were not the best: none may die out


@dataclass(frozen=True, eq=False)
class ClickBatch:
    """A step's examples.

    Attributes:
        pictures: float32 (N, 3, h, w), blue, green, red, in [0, 1].
        targets: float32 (N, 1, h / 2, w / 2), the share of the object.
        dialogues: The first prompts.
        seed: Of the clicks that follow.
    """

    pictures: torch.Tensor
    targets: torch.Tensor
    dialogues: list[Dialogue]
    seed: int


class SegmenterTask:
    """What ``training.schedule.train`` needs to know of the click segmenter."""

    def __init__(
        self,
        pictures: ObjectPictures,
        held_out: ObjectPictures,
        batch_size: int,
        held_out_examples: int,
    ) -> None:
        self.batch_size = batch_size
        self._source = ExampleSource(pictures)
        kept = ExampleSource(held_out)
        rng = np.random.default_rng(0)
        self._held_out = [kept.draw(rng, LARGE_SIZES[0]) for _ in range(held_out_examples)]

    def batch(self, rng: np.random.Generator) -> ClickBatch:
        """Draw a step's examples."""
        size = drawn_size(rng)
        examples = [self._source.draw(rng, size) for _ in range(self.batch_size)]
        dialogues = [Dialogue.begun(e.target > 0, e.other > 0, rng) for e in examples]
        pictures, targets = tensors(examples)
        return ClickBatch(pictures, targets, dialogues, int(rng.integers(2**31)))

    def loss(self, module: nn.Module, batch: ClickBatch) -> tuple[torch.Tensor, dict[str, float]]:
        """The loss of the last answers of dialogues of different lengths."""
        network = _network(module)
        device = next(network.parameters()).device
        pictures = batch.pictures.to(device, memory_format=torch.channels_last)
        targets = batch.targets.to(device)
        features = network.encode(pictures)
        _talk(network, features, batch, device)
        open_ = torch.tensor([each.is_open for each in batch.dialogues], device=device)
        answers = answer(network, features, batch.dialogues, device)
        each = mask_loss(answers.logits.float(), targets)
        true = overlap(answers.logits, targets)
        best = each[:, 1:].min(1).values
        meanings = (1 - DEAD_WEIGHT) * best + DEAD_WEIGHT * each[:, 1:].mean(1)
        masks = each[:, 0] + torch.where(open_, meanings, 0.0)
        missed = (answers.quality.float().sigmoid() - true) ** 2
        quality = missed[:, 0] + torch.where(open_, missed[:, 1:].mean(1), 0.0)
        loss = masks.mean() + QUALITY_WEIGHT * quality.mean()
        numbers = {
            "iou": float(true[:, 0].mean()),
            "quality error": float(missed[:, 0].mean().detach().sqrt()),
        }
        return loss, numbers

    def held_out(self, module: nn.Module) -> dict[str, float]:
        """Mean IoU after each click in the middle of what is most wrong."""
        network = _network(module)
        device = next(network.parameters()).device
        rng = np.random.default_rng(0)
        found: dict[str, list[float]] = {}
        for example in self._held_out:
            pictures, targets = tensors([example])
            dialogue = Dialogue(example.target > 0, rounds=0, center_share=1.0)
            features = network.encode(pictures.to(device, memory_format=torch.channels_last))
            for count in range(1, HELD_OUT_CLICKS + 1):
                dialogue.click(rng)
                answers = answer(network, features, [dialogue], device)
                true = overlap(answers.logits, targets.to(device))[0]
                found.setdefault(f"iou {count}", []).append(float(true[0]))
                if count == 1:
                    judged = int(answers.quality[0].argmax())
                    found.setdefault("judged 1", []).append(float(true[judged]))
                    found.setdefault("oracle 1", []).append(float(true.max()))
                dialogue.previous = answers.logits[0, 0].float().sigmoid().cpu().numpy()
        return {name: float(np.mean(values)) for name, values in found.items()}


def new_network(checkpoint: Path) -> ClickNetwork:
    """A network with the ImageNet weights of the public checkpoint in its encoder."""
    network = ClickNetwork()
    stored = torch.load(checkpoint, map_location="cpu", weights_only=True)
    network.encoder.load_state_dict(encoder_state(stored))
    return channels_last(network)


def tensors(examples: list[Example]) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures and targets of examples of one size, as in ``ClickBatch``."""
    bgr = np.stack([each.rgb[..., ::-1] for each in examples])
    pictures = torch.from_numpy(bgr).permute(0, 3, 1, 2).float().div_(255)
    whole = torch.from_numpy(np.stack([each.target for each in examples]))
    return pictures, functional.avg_pool2d(whole[:, None].float(), 2)


def answer(
    network: ClickNetwork, features: Features, dialogues: list[Dialogue], device: torch.device
) -> Answers:
    """What a network answers to dialogues on pictures of one size."""
    rows, columns = dialogues[0].target.shape
    prompts = as_batch(dialogues).to(device)
    maps = prompt_maps(prompts, (rows, columns)).to(memory_format=torch.channels_last)
    spots = on_grid(prompts.points, (rows, columns))
    return network.decode(features, maps, likeness(features.match, spots, prompts.signs))


@torch.no_grad()
def _talk(
    network: ClickNetwork, features: Features, batch: ClickBatch, device: torch.device
) -> None:
    """Let each dialogue go on for its rounds, with the network as it is in use."""
    rng = np.random.default_rng(batch.seed)
    network.eval()
    for spoken in range(max(each.rounds for each in batch.dialogues)):
        going = [k for k, each in enumerate(batch.dialogues) if each.rounds > spoken]
        dialogues = [batch.dialogues[k] for k in going]
        seen = features.select(torch.tensor(going, device=device))
        with torch.autocast(device.type, torch.bfloat16):
            answers = answer(network, seen, dialogues, device)
        probability = answers.logits.float().sigmoid().cpu().numpy()
        judged = answers.quality.float().argmax(1).cpu().numpy()
        for k, dialogue in enumerate(dialogues):
            chosen = judged[k] if dialogue.is_open and rng.random() < 0.5 else 0
            dialogue.hear(probability[k, chosen], rng)
    network.train()


def mask_loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """(N, K): how wrong each of K masks is.

    Args:
        logits: (N, K, h, w).
        targets: (N, 1, h, w) in [0, 1].
    """
    wide = targets.expand_as(logits)
    log_loss = functional.binary_cross_entropy_with_logits(logits, wide, reduction="none")
    probability = logits.sigmoid()
    with torch.no_grad():
        near = functional.avg_pool2d(targets, 7, 1, 3, count_include_pad=False)
        edge = 1 + EDGE_WEIGHT * ((near > 0.02) & (near < 0.98))
        weight = (probability - wide).abs() ** FOCUS * edge
        weight = weight * (weight[0, 0].numel() / (weight.sum((2, 3), keepdim=True) + 1.0))
        # Where hardly anything is wrong, the little that is must not be blown up.
        weight = torch.minimum(weight, weight.new_tensor(20.0))
    focal = (weight * log_loss).mean((2, 3))
    shared = torch.minimum(probability, wide).sum((2, 3))
    either = torch.maximum(probability, wide).sum((2, 3))
    return FOCAL_WEIGHT * focal + 1 - (shared + 1) / (either + 1)


@torch.no_grad()
def overlap(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """(N, K): IoU of masks with what is meant."""
    found, meant = logits > 0, targets > 0.5
    shared = (found & meant).sum((2, 3)).float()
    return shared / (found | meant).sum((2, 3)).clamp_min(1)


def _network(module: nn.Module) -> ClickNetwork:
    if not isinstance(module, ClickNetwork):
        raise TypeError("a ClickNetwork is trained here")
    return module

"""The tracker's backbone as a network that can be trained, with the names of its weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import nn
from torch.nn import functional

from tam_edit.errors import InputError
from tam_edit.models.builtin.backbone import EPSILON, STAGES, STEM

STEM_CHANNELS = 24
# Per stage how many channels it gives.
CHANNELS = (48, 96)


class BackboneTwin(nn.Module):
    """The first convolution and stages 2 and 3 of ShuffleNetV2 x0.5.

    The means and variances of its batch norms stay what they were: there are too few pictures here
    to measure better ones. Their factors and offsets are trained.
    """

    def __init__(self) -> None:
        super().__init__()
        self.first_conv = nn.Sequential(*_filtered(3, STEM_CHANNELS, 3, stride=2), nn.ReLU())
        entering = STEM_CHANNELS
        for (name, count), channels in zip(STAGES, CHANNELS, strict=True):
            units = [_Unit(entering, channels, halves=True)]
            units += [_Unit(channels, channels, halves=False) for _ in range(count - 1)]
            self.add_module(name, nn.Sequential(*units))
            entering = channels

    def train(self, mode: bool = True) -> BackboneTwin:
        """Set the mode, except of the batch norms."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """As ``tam_edit.models.builtin.backbone.Backbone`` does."""
        x = functional.max_pool2d(self.first_conv(pictures), 3, 2, 1)
        levels = []
        for name, _ in STAGES:
            x = self.get_submodule(name)(x)
            levels.append(x)
        return levels[0], levels[1]


class _Unit(nn.Module):
    def __init__(self, entering: int, leaving: int, *, halves: bool) -> None:
        super().__init__()
        half, stride = leaving // 2, 2 if halves else 1
        worked = entering if halves else half
        self.branch_main = nn.Sequential(
            *_filtered(worked, half, 1),
            nn.ReLU(),
            *_filtered(half, half, 3, stride=stride, is_depthwise=True),
            *_filtered(half, half, 1),
            nn.ReLU(),
        )
        self.branch_proj = (
            nn.Sequential(
                *_filtered(entering, entering, 3, stride=stride, is_depthwise=True),
                *_filtered(entering, half, 1),
                nn.ReLU(),
            )
            if halves
            else None
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.branch_proj is None:
            passed, worked = x[:, 0::2], x[:, 1::2]
        else:
            passed, worked = self.branch_proj(x), x
        return torch.cat([passed, self.branch_main(worked)], dim=1)


def _filtered(
    entering: int, leaving: int, size: int, *, stride: int = 1, is_depthwise: bool = False
) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    groups = entering if is_depthwise else 1
    convolution = nn.Conv2d(entering, leaving, size, stride, size // 2, groups=groups, bias=False)
    return convolution, nn.BatchNorm2d(leaving, eps=EPSILON)


def used_weights(path: Path) -> dict[str, torch.Tensor]:
    """The weights that the tracker uses, from the public checkpoint or a shipped file.

    Args:
        path: A .pth with all of ShuffleNetV2's weights, or a .safetensors.

    Raises:
        InputError: The file cannot be read as either.
    """
    stored: Mapping[str, torch.Tensor]
    try:
        if path.suffix == ".safetensors":
            stored = safetensors.torch.load_file(path)
        else:
            stored = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, ValueError, RuntimeError) as problem:
        raise InputError(f"{path} cannot be read as weights: {problem}") from problem
    return kept_weights(stored)


def kept_weights(stored: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Of a checkpoint's or a twin's weights those that are shipped, as float32."""
    used = (STEM, *(name for name, _ in STAGES))
    return {
        name: tensor.float()
        for name, tensor in sorted(stored.items())
        if name.split(".")[0] in used and not name.endswith("num_batches_tracked")
    }


def twin_of(weights: Mapping[str, torch.Tensor]) -> BackboneTwin:
    """A trainable backbone with these weights."""
    twin = BackboneTwin()
    twin.load_state_dict(dict(weights), strict=False)
    missing = twin.state_dict().keys() - weights.keys()
    if any(not name.endswith("num_batches_tracked") for name in missing):
        raise InputError(f"these weights lack {min(missing)} and others: take ShuffleNetV2 x0.5")
    return twin

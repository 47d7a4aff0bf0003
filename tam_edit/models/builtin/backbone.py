"""ShuffleNetV2 x0.5 up to stride 16: deep features of a picture, shared by all its objects.

Written from the paper (Ma et al., "ShuffleNet V2: Practical Guidelines for Efficient CNN
Architecture Design", ECCV 2018, arXiv 1807.11164). docs/models/tracker.md is its model card.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import cv2
import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch.nn import functional

Tensors = Mapping[str, torch.Tensor]

STEM = "first_conv"
# Per stage its name and how many units it has; the first unit of each halves the size.
STAGES = (("stage2", 4), ("stage3", 8))
EPSILON = 1e-5  # of the batch norms
WEIGHTS = "backbone.safetensors"
# Of both levels together.
CHANNEL_COUNT = 48 + 96


@dataclass(frozen=True, eq=False)
class Convolution:
    """A convolution with the batch norm that follows it taken in.

    Attributes:
        weight: (out, in / groups, k, k).
        bias: (out,).
        stride: 1 or 2.
        is_depthwise: Whether each channel is filtered on its own.
    """

    weight: torch.Tensor
    bias: torch.Tensor
    stride: int = 1
    is_depthwise: bool = False

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Filter a batch (N, in, h, w)."""
        groups = self.weight.shape[0] if self.is_depthwise else 1
        padding = self.weight.shape[-1] // 2
        return functional.conv2d(x, self.weight, self.bias, self.stride, padding, groups=groups)


@dataclass(frozen=True, eq=False)
class Unit:
    """A unit of ShuffleNetV2: one half of the channels passes, the other is worked on.

    Attributes:
        main: Pointwise, depthwise, pointwise.
        side: Depthwise, pointwise, where the size is halved; else None.
    """

    main: tuple[Convolution, Convolution, Convolution]
    side: tuple[Convolution, Convolution] | None

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Turn (N, C, h, w) into the same, or into twice the channels at half the size."""
        if self.side is None:
            # The shuffle: even channels pass, odd ones are worked on.
            passed, worked = x[:, 0::2], x[:, 1::2]
        else:
            passed, worked = self.side[1](self.side[0](x)).relu_(), x
        squeezed = self.main[1](self.main[0](worked).relu_())
        return torch.cat([passed, self.main[2](squeezed).relu_()], dim=1)


class Backbone:
    """Features of a picture at strides 8 and 16, from weights as ``training/`` exports them."""

    def __init__(self, weights: Tensors) -> None:
        self._stem = _folded(weights, f"{STEM}.0", f"{STEM}.1", stride=2)
        self._stages = [
            [_unit(weights, f"{name}.{i}", halves=i == 0) for i in range(count)]
            for name, count in STAGES
        ]

    def __call__(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Describe pictures.

        Args:
            pictures: (N, 3, H, W), blue, green, red, in [0, 1].

        Returns:
            (N, 48, H / 8, W / 8) and (N, 96, H / 16, W / 16), sizes rounded up.
        """
        x = functional.max_pool2d(self._stem(pictures).relu_(), 3, 2, 1)
        levels = []
        for stage in self._stages:
            for unit in stage:
                x = unit(x)
            levels.append(x)
        return levels[0], levels[1]


@cache
def backbone() -> Backbone:
    """The one that is shipped, read once per process."""
    stored = resources.files("tam_edit.models.builtin").joinpath("weights", WEIGHTS).read_bytes()
    weights = safetensors.torch.load(stored)
    return Backbone({name: tensor.float() for name, tensor in weights.items()})


def as_levels(picture: NDArray[np.uint8]) -> torch.Tensor:
    """A picture uint8 (H, W, 3) RGB as the network takes it, float32 (1, 3, H, W)."""
    swapped = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), np.uint8)
    levels = torch.from_numpy(swapped).float().div_(255)
    # Channels lie last in memory, which makes the network three times as fast.
    return levels[None].permute(0, 3, 1, 2)


def _unit(weights: Tensors, name: str, *, halves: bool) -> Unit:
    stride = 2 if halves else 1
    main, side = f"{name}.branch_main", f"{name}.branch_proj"
    return Unit(
        main=(
            _folded(weights, f"{main}.0", f"{main}.1"),
            _folded(weights, f"{main}.3", f"{main}.4", stride=stride, is_depthwise=True),
            _folded(weights, f"{main}.5", f"{main}.6"),
        ),
        side=(
            _folded(weights, f"{side}.0", f"{side}.1", stride=stride, is_depthwise=True),
            _folded(weights, f"{side}.2", f"{side}.3"),
        )
        if halves
        else None,
    )


def _folded(
    weights: Tensors, convolution: str, norm: str, *, stride: int = 1, is_depthwise: bool = False
) -> Convolution:
    """A convolution without offset and the batch norm after it, as one convolution."""
    spread = (weights[f"{norm}.running_var"] + EPSILON).sqrt()
    gain = weights[f"{norm}.weight"] / spread
    return Convolution(
        weight=weights[f"{convolution}.weight"] * gain[:, None, None, None],
        bias=weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * gain,
        stride=stride,
        is_depthwise=is_depthwise,
    )

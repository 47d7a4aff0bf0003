"""ShuffleNetV2 x0.5 as a picture encoder that can be trained on.

Written from the paper (Ma et al., "ShuffleNet V2: Practical Guidelines for Efficient CNN
Architecture Design", ECCV 2018, arXiv 1807.11164). The batch norms of the ImageNet weights that it
starts from are taken into the convolutions, so their statistics stay what they were.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional

STEM = "first_conv"
STAGES = (("stage2", 4, 48), ("stage3", 8, 96), ("stage4", 4, 192))  # name, units, channels
ENCODER_CHANNELS = (24, 24, 48, 96, 192)  # at strides 2, 4, 8, 16 and 32
EPSILON = 1e-5  # of the batch norms


class Unit(nn.Module):
    """One half of the channels passes, the other is worked on; a wider unit halves the size."""

    def __init__(self, seen: int, width: int) -> None:
        super().__init__()
        halves = seen != width
        inner, stride = width // 2, 2 if halves else 1
        entry, made = (seen, width - seen) if halves else (inner, inner)
        self.main = nn.ModuleList(
            [
                nn.Conv2d(entry, inner, 1),
                nn.Conv2d(inner, inner, 3, stride, 1, groups=inner),
                nn.Conv2d(inner, made, 1),
            ]
        )
        self.side = (
            nn.ModuleList([nn.Conv2d(seen, seen, 3, 2, 1, groups=seen), nn.Conv2d(seen, seen, 1)])
            if halves
            else None
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Turn (N, C, h, w) into the same, or into more channels at half the size."""
        if self.side is None:
            # The shuffle: even channels pass, odd ones are worked on.
            passed, worked = x[:, 0::2], x[:, 1::2]
        else:
            passed, worked = functional.relu(self.side[1](self.side[0](x))), x
        worked = self.main[1](functional.relu(self.main[0](worked)))
        return torch.cat([passed, functional.relu(self.main[2](worked))], dim=1)


class Encoder(nn.Module):
    """Features of pictures at strides 2, 4, 8, 16 and 32."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, ENCODER_CHANNELS[0], 3, 2, 1)
        self.stages = nn.ModuleList()
        seen = ENCODER_CHANNELS[1]
        for _, count, width in STAGES:
            units = [Unit(seen if k == 0 else width, width) for k in range(count)]
            self.stages.append(nn.Sequential(*units))
            seen = width

    def forward(self, pictures: torch.Tensor) -> list[torch.Tensor]:
        """Describe pictures (N, 3, H, W), blue, green, red, in [0, 1]."""
        half = functional.relu(self.stem(pictures))
        levels = [half, functional.max_pool2d(half, 3, 2, 1)]
        for stage in self.stages:
            levels.append(stage(levels[-1]))
        return levels


def encoder_state(checkpoint: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The encoder's parameters from the public ImageNet checkpoint.

    Args:
        checkpoint: Parameters by the names that they have there.
    """
    state = _folded(checkpoint, f"{STEM}.0", f"{STEM}.1", "stem")
    for stage, (name, count, _) in enumerate(STAGES):
        for unit in range(count):
            main, side = f"{name}.{unit}.branch_main", f"{name}.{unit}.branch_proj"
            pairs = [
                (f"{main}.{a}", f"{main}.{a + 1}", f"main.{k}") for k, a in enumerate((0, 3, 5))
            ]
            if unit == 0:
                pairs += [
                    (f"{side}.{a}", f"{side}.{a + 1}", f"side.{k}") for k, a in enumerate((0, 2))
                ]
            for convolution, norm, to in pairs:
                state |= _folded(checkpoint, convolution, norm, f"stages.{stage}.{unit}.{to}")
    return state


def _folded(
    checkpoint: Mapping[str, torch.Tensor], convolution: str, norm: str, to: str
) -> dict[str, torch.Tensor]:
    """A convolution without offset and the batch norm after it, as one convolution."""
    spread = (checkpoint[f"{norm}.running_var"] + EPSILON).sqrt()
    gain = checkpoint[f"{norm}.weight"] / spread
    return {
        f"{to}.weight": checkpoint[f"{convolution}.weight"] * gain[:, None, None, None],
        f"{to}.bias": checkpoint[f"{norm}.bias"] - checkpoint[f"{norm}.running_mean"] * gain,
    }

"""The small parts of the network: residual blocks, attention, fusion, upsampling, sensory update.

Attribute names are those of the published checkpoints, so that these load strictly.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions, each after a ReLU, around a shortcut."""

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.downsample = (
            None if width_in == width_out else nn.Conv2d(width_in, width_out, 3, padding=1)
        )
        self.conv1 = nn.Conv2d(width_in, width_out, 3, padding=1)
        self.conv2 = nn.Conv2d(width_out, width_out, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Refine (B, width_in, h, w) to (B, width_out, h, w)."""
        change: Tensor = self.conv2(functional.relu(self.conv1(functional.relu(x))))
        return change + (x if self.downsample is None else self.downsample(x))


class ChannelGate(nn.Module):
    """Weights per channel, from the mean and the maximum over the picture."""

    def __init__(self, width: int, narrow: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Flatten(), nn.Linear(width, narrow), nn.ReLU(), nn.Linear(narrow, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Scale the channels of (B, C, h, w)."""
        logits = self.mlp(x.mean((2, 3))) + self.mlp(x.amax((2, 3)))
        return x * torch.sigmoid(logits)[:, :, None, None]


class SpatialConvolution(nn.Module):
    """The one convolution of the spatial gate, under the name that it has in the checkpoints."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 2, h, w) to (B, 1, h, w)."""
        result: Tensor = self.conv(x)
        return result


class SpatialGate(nn.Module):
    """A weight per pixel, from the maximum and the mean over the channels."""

    def __init__(self) -> None:
        super().__init__()
        self.spatial = SpatialConvolution()

    def forward(self, x: Tensor) -> Tensor:
        """Scale the pixels of (B, C, h, w)."""
        summary = torch.cat((x.amax(1, keepdim=True), x.mean(1, keepdim=True)), 1)
        return x * torch.sigmoid(self.spatial(summary))


class Attention(nn.Module):
    """CBAM (Woo et al., "CBAM: Convolutional Block Attention Module", ECCV 2018)."""

    def __init__(self, width: int, narrow: int) -> None:
        super().__init__()
        self.ChannelGate = ChannelGate(width, narrow)
        self.SpatialGate = SpatialGate()

    def forward(self, x: Tensor) -> Tensor:
        """Weigh (B, C, h, w) by channel, then by pixel."""
        result: Tensor = self.SpatialGate(self.ChannelGate(x))
        return result


class Fusion(nn.Module):
    """Merges features of the picture with those of each object."""

    def __init__(self, width_in: int, width_out: int, narrow: int) -> None:
        super().__init__()
        self.block1 = ResidualBlock(width_in, width_out)
        self.attention = Attention(width_out, narrow)
        self.block2 = ResidualBlock(width_out, width_out)

    def forward(self, picture: Tensor, objects: Tensor) -> Tensor:
        """Fuse (1, P, h, w) with (n, O, h, w), where P + O = width_in."""
        shared = picture.expand(len(objects), -1, -1, -1)
        x = self.block1(torch.cat((shared, objects), 1))
        result: Tensor = self.block2(x + self.attention(x))
        return result


class Upsampling(nn.Module):
    """Doubles the resolution of the objects' features with help of the picture's."""

    def __init__(self, skip: int, width_in: int, width_out: int) -> None:
        super().__init__()
        self.skip_conv = nn.Conv2d(skip, width_in, 3, padding=1)
        self.out_conv = ResidualBlock(width_in, width_out)

    def forward(self, picture: Tensor, objects: Tensor) -> Tensor:
        """(1, skip, 2h, 2w) and (n, width_in, h, w) to (n, width_out, 2h, 2w)."""
        larger = functional.interpolate(
            objects, scale_factor=2, mode="bilinear", align_corners=False
        )
        result: Tensor = self.out_conv(self.skip_conv(picture) + larger)
        return result


class SensoryUpdate(nn.Module):
    """Updates each object's sensory map on frames that are not memorised."""

    def __init__(self, widths: tuple[int, int, int], middle: int, hidden: int) -> None:
        super().__init__()
        self.g16_conv = nn.Conv2d(widths[0], middle, 1)
        self.g8_conv = nn.Conv2d(widths[1], middle, 1)
        self.g4_conv = nn.Conv2d(widths[2], middle, 1)
        self.transform = nn.Conv2d(middle + hidden, 3 * hidden, 3, padding=1)

    def forward(self, g16: Tensor, g8: Tensor, g4: Tensor, hidden: Tensor) -> Tensor:
        """Features at 1/16, 1/8 and 1/4 and the map (n, C^h, h, w) to the next map."""
        merged = (
            self.g16_conv(g16)
            + self.g8_conv(functional.interpolate(g8, scale_factor=1 / 2, mode="area"))
            + self.g4_conv(functional.interpolate(g4, scale_factor=1 / 4, mode="area"))
        )
        return gated(self.transform(torch.cat((merged, hidden), 1)), hidden)


class DeepSensoryUpdate(nn.Module):
    """Updates each object's sensory map from its value, on memorised frames."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.transform = nn.Conv2d(width + hidden, 3 * hidden, 3, padding=1)

    def forward(self, value: Tensor, hidden: Tensor) -> Tensor:
        """Values (n, C^v, h, w) and the map (n, C^h, h, w) to the next map."""
        return gated(self.transform(torch.cat((value, hidden), 1)), hidden)


def gated(gates: Tensor, hidden: Tensor) -> Tensor:
    """The published network's recurrent update, which is no standard GRU.

    Args:
        gates: (n, 3 C^h, h, w): forget, update and candidate, in this order.
        hidden: (n, C^h, h, w).
    """
    forget, update, candidate = gates.chunk(3, dim=1)
    update = torch.sigmoid(update)
    return torch.sigmoid(forget) * hidden * (1 - update) + update * torch.tanh(candidate)

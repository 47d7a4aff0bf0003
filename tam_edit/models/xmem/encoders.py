"""The two encoders: a ResNet-50 for pictures and a ResNet-18 for objects, three stages each.

He et al., "Deep Residual Learning for Image Recognition", CVPR 2016; the stride of a bottleneck
sits in its 3x3 convolution. Attribute names are those of the published checkpoints.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from tam_edit.models.xmem.blocks import DeepSensoryUpdate, Fusion

BOTTLENECK_EXPANSION = 4


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions around a shortcut (ResNet-50)."""

    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        width_out = BOTTLENECK_EXPANSION * width
        self.conv1 = nn.Conv2d(width_in, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, width_out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width_out)
        self.downsample = _shortcut(width_in, width_out, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width_in, h, w) to (B, 4 width, h / stride, w / stride)."""
        y = functional.relu(self.bn1(self.conv1(x)))
        y = functional.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return functional.relu(y + (x if self.downsample is None else self.downsample(x)))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut (ResNet-18)."""

    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width_in, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(width_in, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width_in, h, w) to (B, width, h / stride, w / stride)."""
        y = functional.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return functional.relu(y + (x if self.downsample is None else self.downsample(x)))


class KeyEncoder(nn.Module):
    """Features of a picture at 1/4, 1/8 and 1/16 of its size."""

    def __init__(self, stem: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, stem, 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        self.res2 = _stage(Bottleneck, stem, stem, 3, 1)
        self.layer2 = _stage(Bottleneck, 4 * stem, 2 * stem, 4, 2)
        self.layer3 = _stage(Bottleneck, 8 * stem, 4 * stem, 6, 2)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(1, 3, H, W) to features of 16, 8 and 4 stem widths at 1/16, 1/8 and 1/4."""
        x = functional.relu(self.bn1(self.conv1(picture)))
        f4 = self.res2(functional.max_pool2d(x, 3, 2, padding=1))
        f8 = self.layer2(f4)
        return self.layer3(f8), f8, f4


class ValueEncoder(nn.Module):
    """What is remembered of each object: features of its mask in the picture."""

    def __init__(self, *, stem: int, picture: int, value: int, hidden: int, narrow: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(5, stem, 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        self.layer1 = _stage(BasicBlock, stem, stem, 2, 1)
        self.layer2 = _stage(BasicBlock, stem, 2 * stem, 2, 2)
        self.layer3 = _stage(BasicBlock, 2 * stem, 4 * stem, 2, 2)
        self.fuser = Fusion(picture + 4 * stem, value, narrow)
        self.hidden_reinforce = DeepSensoryUpdate(value, hidden) if hidden else None

    def forward(
        self, picture: Tensor, f16: Tensor, masks: Tensor, others: Tensor, hidden: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """Encode n objects.

        Args:
            picture: (1, 3, H, W), normalised.
            f16: The picture's features at 1/16.
            masks: (n, H, W), probabilities.
            others: (n, H, W): for each object the sum of the other objects' masks.
            hidden: (n, C^h, H / 16, W / 16); None for the variant without sensory memory.

        Returns:
            Values (n, C^v, H / 16, W / 16) and the next sensory maps.
        """
        pictures = picture.expand(len(masks), -1, -1, -1)
        x = torch.cat((pictures, masks[:, None], others[:, None]), 1)
        x = functional.max_pool2d(functional.relu(self.bn1(self.conv1(x))), 3, 2, padding=1)
        x = self.layer3(self.layer2(self.layer1(x)))
        value = self.fuser(f16, x)
        if self.hidden_reinforce is None or hidden is None:
            return value, None
        return value, self.hidden_reinforce(value, hidden)


def _stage(
    block: type[Bottleneck | BasicBlock], width_in: int, width: int, count: int, stride: int
) -> nn.Sequential:
    width_out = width * (BOTTLENECK_EXPANSION if block is Bottleneck else 1)
    first = block(width_in, width, stride)
    return nn.Sequential(first, *(block(width_out, width, 1) for _ in range(count - 1)))


def _shortcut(width_in: int, width_out: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and width_in == width_out:
        return None
    return nn.Sequential(
        nn.Conv2d(width_in, width_out, 1, stride, bias=False), nn.BatchNorm2d(width_out)
    )

"""A small network that turns clicks, a box and the mask so far into masks.

A picture is encoded once; every further answer runs the decoder alone. The decoder takes the
prompts in at stride 4, before it looks at anything large, as Sofiiuk et al. ("Reviving Iterative
Training with Mask Guidance for Interactive Segmentation", arXiv 2102.06583) found best, and gives
several candidates with the IoU it expects of each, as Kirillov et al. ("Segment Anything", arXiv
2304.02643). docs/models/segmenter.md is its model card.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional

from tam_edit.models.builtin.segmenter.encoder import ENCODER_CHANNELS, Encoder
from tam_edit.models.builtin.segmenter.prompt_maps import PROMPT_CHANNELS

WEIGHTS = "segmenter.safetensors"
STRIDE = 32  # pictures have sides that are multiples of it
CANDIDATES = 4  # the first is the answer to clear prompts, the others are meanings of one click
WIDTHS = (32, 64, 128, 192)  # of the decoder at strides 4, 8, 16 and 32
BLOCKS = (2, 2, 3, 2)  # on the way down
MATCH_CHANNELS = 32
HEAD_CHANNELS = 16


@dataclass(frozen=True, eq=False)
class Features:
    """What the encoder sees in pictures, each (N, C, h, w).

    Attributes:
        fine: At stride 2, for the edges.
        levels: At strides 4, 8, 16 and 32, as wide as the decoder.
        match: At stride 8, of length 1: alike where the picture looks alike.
    """

    fine: torch.Tensor
    levels: tuple[torch.Tensor, ...]
    match: torch.Tensor

    def select(self, index: torch.Tensor) -> Features:
        """Those of some of the pictures."""
        return Features(
            self.fine[index], tuple(each[index] for each in self.levels), self.match[index]
        )

    def repeated(self, count: int) -> Features:
        """Those of one picture, several times, with channels last in memory as they were."""

        def each(values: torch.Tensor) -> torch.Tensor:
            return values.repeat(count, 1, 1, 1).contiguous(memory_format=torch.channels_last)

        return Features(each(self.fine), tuple(map(each, self.levels)), each(self.match))


@dataclass(frozen=True, eq=False)
class Answers:
    """What the decoder answers.

    Attributes:
        logits: (N, CANDIDATES, h, w) at stride 2; above 0 lies the object.
        quality: (N, CANDIDATES), expected IoU, before the sigmoid.
    """

    logits: torch.Tensor
    quality: torch.Tensor


class Block(nn.Module):
    """An inverted residual block (Sandler et al., "MobileNetV2", CVPR 2018)."""

    def __init__(self, width: int, to: int | None = None, *, stride: int = 1, kernel: int = 5):
        super().__init__()
        inner, to = 2 * width, width if to is None else to
        self.body = nn.Sequential(
            nn.Conv2d(width, inner, 1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(inplace=True),
            nn.Conv2d(inner, inner, kernel, stride, kernel // 2, groups=inner, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(inplace=True),
            nn.Conv2d(inner, to, 1, bias=False),
            nn.BatchNorm2d(to),
        )
        self.adds = stride == 1 and to == width

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Work on (N, C, h, w)."""
        y: torch.Tensor = self.body(x)
        return x + y if self.adds else y


class Context(nn.Module):
    """Each place takes from all others what resembles it, and from their mean."""

    def __init__(self, width: int, heads: int = 4):
        super().__init__()
        self.heads = heads
        self.mix = nn.Conv2d(width, 3 * width, 1)
        self.out = nn.Conv2d(width, width, 1)
        self.mean = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Work on (N, C, h, w)."""
        n, c, h, w = x.shape
        mixed = self.mix(x).reshape(n, 3, self.heads, c // self.heads, h * w)
        q, k, v = mixed.transpose(-1, -2).unbind(1)
        seen = functional.scaled_dot_product_attention(q, k, v)
        seen = seen.transpose(-1, -2).reshape(n, c, h, w)
        common: torch.Tensor = self.mean(x.mean((2, 3)))[:, :, None, None]
        gathered: torch.Tensor = self.out(seen)
        return x + gathered + common


class ClickNetwork(nn.Module):
    """The encoder of pictures and the decoder of prompts."""

    rate_shares: ClassVar[dict[str, float]] = {"encoder.": 0.2}  # of the rate in training

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.fine = nn.Conv2d(ENCODER_CHANNELS[0], HEAD_CHANNELS, 1)
        self.levels = nn.ModuleList(
            nn.Conv2d(seen, width, 1)
            for seen, width in zip(ENCODER_CHANNELS[1:], WIDTHS, strict=True)
        )
        self.match = nn.ModuleList(
            nn.Conv2d(seen, MATCH_CHANNELS, 1) for seen in ENCODER_CHANNELS[2:]
        )
        self.prompts = nn.Conv2d(PROMPT_CHANNELS, WIDTHS[0], 3, padding=1)
        self.alike = nn.Conv2d(2, WIDTHS[1], 3, padding=1)
        self.down = nn.ModuleList(Block(a, b, stride=2) for a, b in pairwise(WIDTHS))
        self.sink = nn.ModuleList(
            nn.Sequential(*(Block(width) for _ in range(count)))
            for width, count in zip(WIDTHS, BLOCKS, strict=True)
        )
        self.context = Context(WIDTHS[-1])
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(WIDTHS))
        self.rise = nn.ModuleList(
            nn.Sequential(Block(width), Block(width)) for width in WIDTHS[:-1]
        )
        self.to_fine = nn.Conv2d(WIDTHS[0], HEAD_CHANNELS, 1)
        self.edges = Block(HEAD_CHANNELS, kernel=3)
        self.masks = nn.Conv2d(HEAD_CHANNELS, CANDIDATES, 1)
        self.rough = nn.Conv2d(WIDTHS[0], CANDIDATES, 1)
        self.judge = nn.Sequential(
            nn.Linear(WIDTHS[0] * 2 + WIDTHS[-1] + 2, 64), nn.ReLU(inplace=True), nn.Linear(64, 1)
        )

    def encode(self, pictures: torch.Tensor) -> Features:
        """See pictures.

        Args:
            pictures: (N, 3, H, W), blue, green, red, in [0, 1]; sides multiples of ``STRIDE``.
        """
        half, *levels = self.encoder(pictures)
        size = levels[1].shape[-2:]
        match = torch.stack(
            [
                functional.interpolate(convolve(level), size=size, mode="bilinear")
                for convolve, level in zip(self.match, levels[1:], strict=True)
            ]
        ).sum(0)
        wide = tuple(c(level) for c, level in zip(self.levels, levels, strict=True))
        return Features(self.fine(half), wide, functional.normalize(match, dim=1))

    def decode(self, features: Features, maps: torch.Tensor, alike: torch.Tensor) -> Answers:
        """Answer prompts.

        Args:
            features: Of N pictures.
            maps: (N, PROMPT_CHANNELS, H / 4, W / 4), from ``prompt_maps``.
            alike: (N, 2, H / 8, W / 8), from :func:`likeness`.
        """
        x = self.sink[0](functional.relu(features.levels[0] + self.prompts(maps)))
        seen = [x]
        for k, down in enumerate(self.down, start=1):
            x = down(x) + features.levels[k]
            if k == 1:
                x = x + self.alike(alike)
            x = self.sink[k](functional.relu(x))
            seen.append(x)
        x = self.context(x)
        deep = x
        for k in (2, 1, 0):
            wider = functional.interpolate(self.up[k](x), seen[k].shape[-2:], mode="bilinear")
            x = self.rise[k](seen[k] + wider)
        half = functional.interpolate(self.to_fine(x), features.fine.shape[-2:], mode="bilinear")
        rough = self.rough(x)
        logits = self.masks(self.edges(functional.relu(half + features.fine)))
        logits = logits + functional.interpolate(rough, logits.shape[-2:], mode="bilinear")
        return Answers(logits, self._judged(x, deep, rough))

    def _judged(self, x: torch.Tensor, deep: torch.Tensor, rough: torch.Tensor) -> torch.Tensor:
        """(N, CANDIDATES): the IoU to expect of each mask, before the sigmoid."""
        inside = rough.detach().sigmoid()
        area = inside.sum((2, 3))
        sure = (2 * inside - 1).abs().mean((2, 3))
        x = x.detach()
        within = torch.einsum("nkhw,nchw->nkc", inside, x) / (area[..., None] + 1)
        every = x.mean((2, 3))[:, None].expand_as(within)
        share = area / float(inside[0, 0].numel())
        whole = deep.detach().mean((2, 3))[:, None].expand(-1, within.shape[1], -1)
        told = torch.cat([within, every, whole, share[..., None], sure[..., None]], -1)
        judged: torch.Tensor = self.judge(told)
        return judged[..., 0]


def likeness(match: torch.Tensor, clicks: torch.Tensor, signs: torch.Tensor) -> torch.Tensor:
    """How much each place looks like what was clicked on.

    Args:
        match: (N, C, h, w), of length 1 along C.
        clicks: (N, K, 2), x and y in [-1, 1] as ``grid_sample`` counts, pixel edges at the ends.
        signs: (N, K), 1 for a click on the object, -1 for one beside it, 0 for none.

    Returns:
        (N, 2, h, w) in [0, 1]: to the nearest click on the object, and beside it.
    """
    n, c, h, w = match.shape
    if clicks.shape[1] == 0:
        return match.new_zeros(n, 2, h, w)
    picked = functional.grid_sample(match, clicks[:, None], align_corners=False)[:, :, 0]
    alike = torch.bmm(picked.transpose(1, 2), match.reshape(n, c, h * w)).clamp_min(0)
    both = []
    for sign in (1, -1):
        counts = (signs == sign).to(match.dtype)[..., None]
        both.append((alike * counts).amax(1))
    return torch.stack(both, 1).reshape(n, 2, h, w)


def channels_last(network: ClickNetwork) -> ClickNetwork:
    """Let channels lie last in memory, which makes the network twice as fast."""
    for weight in network.parameters():
        if weight.ndim == 4:
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    return network

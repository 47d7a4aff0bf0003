"""Clicks, a box and the mask so far as maps that the network reads at stride 4."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional

PROMPT_CHANNELS = 8
MAP_STRIDE = 4
SPOT_PX, REACH_PX = 6.0, 24.0  # a click's disc, and how far it can be felt


@dataclass(frozen=True, eq=False)
class PromptBatch:
    """Prompts on N pictures of one size, in their pixels.

    Attributes:
        points: float32 (N, K, 2), x and y of clicks; pixel centres are whole numbers.
        signs: int8 (N, K), 1 for a click on the object, -1 for one beside it, 0 for none.
        boxes: float32 (N, 4), ``x0, y0, x1, y1``; a box without area is none.
        previous: float32 (N, h, w) in [0, 1], the mask so far at any size.
        has_previous: bool (N,), whether there is one.
    """

    points: torch.Tensor
    signs: torch.Tensor
    boxes: torch.Tensor
    previous: torch.Tensor
    has_previous: torch.Tensor

    @classmethod
    def joined(cls, batches: Sequence[PromptBatch]) -> PromptBatch:
        """Prompts with as many clicks each, on pictures of one size, as one batch."""
        return cls(
            torch.cat([each.points for each in batches]),
            torch.cat([each.signs for each in batches]),
            torch.cat([each.boxes for each in batches]),
            torch.cat([each.previous for each in batches]),
            torch.cat([each.has_previous for each in batches]),
        )

    def to(self, device: torch.device) -> PromptBatch:
        """The same on another device."""
        return PromptBatch(
            self.points.to(device),
            self.signs.to(device),
            self.boxes.to(device),
            self.previous.to(device),
            self.has_previous.to(device),
        )


def prompt_maps(prompts: PromptBatch, size: tuple[int, int]) -> torch.Tensor:
    """Draw prompts.

    Args:
        prompts: In pixels of the pictures.
        size: Height and width of the pictures, multiples of the stride.

    Returns:
        float32 (N, PROMPT_CHANNELS, height / 4, width / 4): spots and reach of the clicks on the
        object, the same of those beside it, the box and whether there is one, the mask so far
        and whether there is one.
    """
    rows, columns = size[0] // MAP_STRIDE, size[1] // MAP_STRIDE
    points = prompts.points
    y = (torch.arange(rows, device=points.device) + 0.5) * MAP_STRIDE - 0.5
    x = (torch.arange(columns, device=points.device) + 0.5) * MAP_STRIDE - 0.5
    return torch.stack(
        [*_click_maps(prompts, x, y), *_box_maps(prompts.boxes, x, y), *_mask_maps(prompts, size)],
        1,
    )


def _click_maps(prompts: PromptBatch, x: torch.Tensor, y: torch.Tensor) -> list[torch.Tensor]:
    count = len(prompts.points)
    apart_x = prompts.points[:, :, None, None, 0] - x
    apart_y = prompts.points[:, :, None, None, 1] - y[:, None]
    far = torch.sqrt(apart_x**2 + apart_y**2)
    maps = []
    for sign in (1, -1):
        chosen = (prompts.signs == sign)[:, :, None, None]
        if far.shape[1] == 0:
            nearest = far.new_full((count, len(y), len(x)), float("inf"))
        else:
            nearest = far.masked_fill(~chosen, float("inf")).amin(1)
        maps += [(1.5 - nearest / SPOT_PX).clamp(0, 1), torch.exp(-nearest / REACH_PX)]
    return maps


def _box_maps(boxes: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> list[torch.Tensor]:
    x0, y0, x1, y1 = (boxes[:, k, None] for k in range(4))
    across = _covered(x, x0, x1)
    down = _covered(y, y0, y1)
    there = ((x1 > x0) & (y1 > y0)).to(boxes.dtype)
    return [
        down[:, :, None] * across[:, None] * there[..., None],
        there[..., None].expand(-1, len(y), len(x)),
    ]


def _covered(centers: torch.Tensor, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
    """(N, cells): the share of each cell between two places; pixel k reaches from k to k + 1."""
    begin, half = centers + 0.5, MAP_STRIDE / 2
    over = torch.minimum(begin + half, high) - torch.maximum(begin - half, low)
    return (over / MAP_STRIDE).clamp(0, 1)


def _mask_maps(prompts: PromptBatch, size: tuple[int, int]) -> list[torch.Tensor]:
    there = prompts.has_previous.to(prompts.previous.dtype)[:, None, None]
    small = (size[0] // MAP_STRIDE, size[1] // MAP_STRIDE)
    previous = prompts.previous[:, None]
    if previous.shape[-2] >= small[0] and previous.shape[-1] >= small[1]:
        previous = functional.adaptive_avg_pool2d(previous, small)
    else:
        previous = functional.interpolate(previous, small, mode="bilinear")
    return [previous[:, 0] * there, there.expand(-1, *small)]


def on_grid(points: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Points in pixels as ``grid_sample`` counts, the picture's edges at -1 and 1."""
    scale = points.new_tensor([2.0 / size[1], 2.0 / size[0]])
    return (points + 0.5) * scale - 1

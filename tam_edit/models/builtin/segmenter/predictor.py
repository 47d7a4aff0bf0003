"""Runs the click network on parts of a frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources

import cv2
import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from tam_edit.frame import Frame
from tam_edit.models.builtin.backbone import as_levels
from tam_edit.models.builtin.segmenter.mask_so_far import doubted
from tam_edit.models.builtin.segmenter.network import (
    STRIDE,
    WEIGHTS,
    ClickNetwork,
    Features,
    channels_last,
    likeness,
)
from tam_edit.models.builtin.segmenter.prompt_maps import PromptBatch, on_grid, prompt_maps
from tam_edit.models.click_points import Clicks
from tam_edit.types import Box, Matte

VIEW_AREA_PX = 320 * 320
SHORTEST_PX, LONGEST_PX = 64, 640  # sides of a view
MOST_ENLARGED = 4.0
SURE = 4.0  # logit of what a mask that is not the network's own says
IN_DOUBT = 1.0  # logits as small as this are in doubt
NOTHING = np.float32(-12.0)  # logit of what lies outside a view

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Look:
    """A part of a frame as the network sees it.

    Attributes:
        region: The part, in source pixels.
        size: Height and width of the network's view of it.
        features: What the encoder says of that view.
    """

    region: Box
    size: tuple[int, int]
    features: Features

    @property
    def half(self) -> tuple[int, int]:
        """Height and width of the logits."""
        return self.size[0] // 2, self.size[1] // 2

    def to_view(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points (n, 2) in source pixels as pixels of the view."""
        begin = np.array([self.region.x0, self.region.y0]) - 0.5
        return np.asarray((points - begin) * self._scale() - 0.5)

    def box_in_view(self, box: tuple[float, float, float, float]) -> list[float]:
        """A box in source pixels, half-open, as one of the view."""
        corners = np.array(box).reshape(2, 2) - [self.region.x0, self.region.y0]
        return [float(v) for v in (corners * self._scale()).ravel()]

    def _scale(self) -> NDArray[np.float64]:
        rows, columns = self.size
        return np.array([columns / self.region.width, rows / self.region.height])


@dataclass(frozen=True, eq=False)
class Opinion:
    """One mask that the network gave.

    Attributes:
        region: Where on the frame, in source pixels; elsewhere there is no object.
        logits: float32 (h, w) over that region; above 0 lies the object.
        quality: The IoU that the network expects, in [0, 1].
    """

    region: Box
    logits: Floats
    quality: float

    @classmethod
    def of(cls, matte: Matte) -> Opinion:
        """A matte that somebody else gave, float32 (H, W) at display size."""
        rows, columns = matte.shape
        sure = np.float32(SURE) * (2 * matte - 1)
        return cls(Box(0, 0, columns, rows), sure, 0.0)

    @property
    def stability(self) -> float:
        """IoU of the masks at a higher and a lower threshold: 1 where no pixel is in doubt."""
        surely = int(np.count_nonzero(self.logits > IN_DOUBT))
        maybe = int(np.count_nonzero(self.logits > -IN_DOUBT))
        return surely / maybe if maybe else 1.0

    @property
    def score(self) -> float:
        """The IoU to be expected: the network's own word, but no more than the mask is stable."""
        return min(self.quality, self.stability)

    def seen_from(self, look: Look) -> Floats:
        """The logits on the grid of another look, float32 of its ``half`` size."""
        rows, columns = look.half
        scale, shift = [], []
        for length, cells, begin, own_length, own_cells, own_begin in (
            (look.region.width, columns, look.region.x0, *self._along(1)),
            (look.region.height, rows, look.region.y0, *self._along(0)),
        ):
            step = length / cells * own_cells / own_length
            scale.append(step)
            shift.append((begin - own_begin) * own_cells / own_length + 0.5 * step - 0.5)
        there = np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]]])
        return np.asarray(
            cv2.warpAffine(
                self.logits,
                there,
                (columns, rows),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderValue=float(NOTHING),
            ),
            np.float32,
        )

    def _along(self, axis: int) -> tuple[int, int, int]:
        if axis == 1:
            return self.region.width, self.logits.shape[1], self.region.x0
        return self.region.height, self.logits.shape[0], self.region.y0


class ClickPredictor:
    """The network with the weights that are shipped."""

    def __init__(self, network: ClickNetwork) -> None:
        self._network = network

    def look(self, frame: Frame, region: Box) -> Look:
        """See a part of a frame."""
        size = _view_size(region)
        rows, columns = size
        if region == Box(0, 0, frame.width, frame.height):
            rgb = frame.scaled(columns, rows)
        else:
            rgb = _resized(frame.region(region), columns, rows)
        with torch.inference_mode():
            return Look(region, size, self._network.encode(as_levels(rgb)))

    def ask(
        self,
        look: Look,
        clicks: Clicks,
        box: tuple[float, float, float, float] | None,
        previous: Floats | None,
    ) -> list[Opinion]:
        """What the network answers to prompts on a part of a frame.

        Args:
            look: The part.
            clicks: In source pixels, all of them in that part.
            box: In source pixels.
            previous: float32 (h, w) over the part, logits of the mask so far.

        Returns:
            The answer to clear prompts first, then what a single click may also mean.
        """
        with torch.inference_mode():
            prompts = _batch(look, clicks, box, previous)
            maps = prompt_maps(prompts, look.size).contiguous(memory_format=torch.channels_last)
            spots = on_grid(prompts.points, look.size)
            alike = likeness(look.features.match, spots, prompts.signs)
            answers = self._network.decode(look.features, maps, alike)
            logits = answers.logits[0].numpy()
            quality = answers.quality[0].sigmoid().tolist()
        return [
            Opinion(look.region, np.ascontiguousarray(each), float(expected))
            for each, expected in zip(logits, quality, strict=True)
        ]


@cache
def shipped_predictor() -> ClickPredictor:
    """The one whose weights are shipped, read once per process."""
    stored = resources.files("tam_edit.models.builtin").joinpath("weights", WEIGHTS).read_bytes()
    return ClickPredictor(ready_network(safetensors.torch.load(stored)))


def ready_network(weights: dict[str, torch.Tensor]) -> ClickNetwork:
    """A network for use, with the batch norms taken into the convolutions before them."""
    network = ClickNetwork()
    # Counts of batches are not stored: they matter to training alone.
    network.load_state_dict(
        {name: tensor.float() for name, tensor in weights.items()}, strict=False
    )
    network.eval()
    for module in network.modules():
        if isinstance(module, nn.Sequential):
            _fuse(module)
    for weight in network.parameters():
        weight.requires_grad = False
    return channels_last(network)


def _fuse(layers: nn.Sequential) -> None:
    for k in range(len(layers) - 1):
        first, second = layers[k], layers[k + 1]
        if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
            layers[k] = fuse_conv_bn_eval(first, second)
            layers[k + 1] = nn.Identity()


def _batch(
    look: Look,
    clicks: Clicks,
    box: tuple[float, float, float, float] | None,
    previous: Floats | None,
) -> PromptBatch:
    points = torch.from_numpy(look.to_view(clicks.points).astype(np.float32))[None]
    signs = torch.from_numpy(np.where(clicks.signs, 1, -1).astype(np.int8))[None]
    given = [0.0, 0.0, 0.0, 0.0] if box is None else look.box_in_view(box)
    if previous is None:
        before = torch.zeros(1, *look.half)
    else:
        mask = torch.from_numpy(previous).sigmoid().numpy()
        cells = (look.to_view(clicks.points) + 0.5) / 2 - 0.5
        before = torch.from_numpy(doubted(mask, cells, clicks.signs))[None]
    return PromptBatch(
        points, signs, torch.tensor([given]), before, torch.tensor([previous is not None])
    )


def _view_size(region: Box) -> tuple[int, int]:
    """Height and width of the view of a region, multiples of the network's stride."""
    factor = (VIEW_AREA_PX / (region.width * region.height)) ** 0.5
    factor = min(factor, MOST_ENLARGED, LONGEST_PX / max(region.width, region.height))

    def side(length: int) -> int:
        wanted = min(max(length * factor, SHORTEST_PX), LONGEST_PX)
        return STRIDE * int(wanted / STRIDE + 0.5)

    return side(region.height), side(region.width)


def _resized(rgb: NDArray[np.uint8 | np.uint16], columns: int, rows: int) -> NDArray[np.uint8]:
    shrinks = rgb.shape[0] * rgb.shape[1] > rows * columns
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    resized = cv2.resize(rgb, (columns, rows), interpolation=method)
    if resized.dtype == np.uint16:
        return np.asarray(cv2.convertScaleAbs(resized, alpha=1 / 257), np.uint8)
    return np.asarray(resized, np.uint8)

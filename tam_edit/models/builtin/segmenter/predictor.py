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
    Answers,
    ClickNetwork,
    Features,
    channels_last,
    likeness,
)
from tam_edit.models.builtin.segmenter.parting import Contest, colours_of, parted
from tam_edit.models.builtin.segmenter.prompt_maps import (
    MAP_STRIDE,
    PromptBatch,
    on_grid,
    prompt_maps,
)
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
        colours: float32 (h, w, 3), what it looks like at ``MAP_STRIDE``.
    """

    region: Box
    size: tuple[int, int]
    features: Features
    colours: Floats

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
        colours = colours_of(rgb, rows // MAP_STRIDE, columns // MAP_STRIDE)
        with torch.inference_mode():
            return Look(region, size, self._network.encode(as_levels(rgb)), colours)

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
        contest = None if previous is None else _contest(look, clicks, previous)
        if previous is not None and contest is not None and contest.is_about_a_thing:
            answers = self._parted(look, clicks, box, previous, contest)
        else:
            before = None if previous is None else _known(look, clicks, previous)
            answers = self._answer(look, [_prompted(look, clicks, box, before)])
        logits = answers.logits[0].numpy()
        quality = answers.quality[0].sigmoid().tolist()
        return [
            Opinion(look.region, np.ascontiguousarray(each), float(expected))
            for each, expected in zip(logits, quality, strict=True)
        ]

    def _answer(self, look: Look, asked: list[PromptBatch]) -> Answers:
        """What the network answers to several prompts on the same part."""
        with torch.inference_mode():
            prompts = PromptBatch.joined(asked)
            maps = prompt_maps(prompts, look.size).contiguous(memory_format=torch.channels_last)
            features = look.features if len(asked) == 1 else look.features.repeated(len(asked))
            spots = on_grid(prompts.points, look.size)
            alike = likeness(features.match, spots, prompts.signs)
            return self._network.decode(features, maps, alike)

    def _parted(
        self,
        look: Look,
        clicks: Clicks,
        box: tuple[float, float, float, float] | None,
        previous: Floats,
        contest: Contest,
    ) -> Answers:
        """The answer where a thing in the mask so far was clicked away."""
        # Inside the mask so far everything is open: the network is asked for the object, and, with
        # the kinds of the clicks swapped, for what was clicked away.
        taken = previous > 0
        open_ = np.where(taken, np.float32(0.5), np.float32(0))
        swapped = Clicks(clicks.points, ~clicks.signs)
        answers = self._answer(
            look,
            [_prompted(look, clicks, box, open_), _prompted(look, swapped, None, open_)],
        )
        rows, columns = contest.mask.shape
        own, rival = (_resized_to(each.numpy(), rows, columns) for each in answers.logits[:, 0])
        match = look.features.match[0].permute(1, 2, 0).numpy()
        match = cv2.resize(match, (columns, rows), interpolation=cv2.INTER_LINEAR)
        places = parted(contest, look.colours, np.asarray(match, np.float32), own, rival)
        inside = torch.from_numpy(_enlarged(places, contest.mask, look.half))
        logits = answers.logits[:1].clone()
        logits[0, 0] = torch.where(torch.from_numpy(taken), inside, logits[0, 0])
        return Answers(logits, answers.quality[:1])


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


def _prompted(
    look: Look,
    clicks: Clicks,
    box: tuple[float, float, float, float] | None,
    before: Floats | None,
) -> PromptBatch:
    """One example; ``before`` is the mask so far in [0, 1], of the look's ``half`` size."""
    points = torch.from_numpy(look.to_view(clicks.points).astype(np.float32))[None]
    signs = torch.from_numpy(np.where(clicks.signs, 1, -1).astype(np.int8))[None]
    given = [0.0, 0.0, 0.0, 0.0] if box is None else look.box_in_view(box)
    mask = torch.zeros(1, *look.half) if before is None else torch.from_numpy(before)[None]
    return PromptBatch(
        points, signs, torch.tensor([given]), mask, torch.tensor([before is not None])
    )


def _known(look: Look, clicks: Clicks, previous: Floats) -> Floats:
    """The mask so far as far as the clicks leave it standing."""
    cells = (look.to_view(clicks.points) + 0.5) / 2 - 0.5
    return doubted(_share(previous), cells, clicks.signs)


def _contest(look: Look, clicks: Clicks, previous: Floats) -> Contest:
    """What was taken so far and the clicks, at ``MAP_STRIDE``."""
    rows, columns = look.size[0] // MAP_STRIDE, look.size[1] // MAP_STRIDE
    cells = (look.to_view(clicks.points) + 0.5) / MAP_STRIDE - 0.5
    return Contest.of(_resized_to(_share(previous), rows, columns) > 0.5, cells, clicks.signs)


def _resized_to(values: Floats, rows: int, columns: int) -> Floats:
    resized = cv2.resize(values, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(resized, np.float32)


def _share(logits: Floats) -> Floats:
    return np.asarray(torch.from_numpy(logits).sigmoid().numpy(), np.float32)


def _enlarged(values: Floats, known: NDArray[np.bool_], size: tuple[int, int]) -> Floats:
    """Values of the places that are known at another size; nothing else mixes in."""
    weight = known.astype(np.float32)
    across = (size[1], size[0])
    total = cv2.resize(values * weight, across, interpolation=cv2.INTER_LINEAR)
    return np.asarray(total / np.maximum(cv2.resize(weight, across), 1e-6), np.float32)


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

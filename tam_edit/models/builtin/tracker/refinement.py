"""From the tracker's clues about a region to a mask whose outline follows the picture's edges.

A small network, trained offline on what the tracker itself knew and said while it followed objects
whose masks are known; the idea is that of FRTM (Robinson et al., "Learning Fast and Robust Target
Models for Video Object Segmentation", CVPR 2020, arXiv 2003.00908). It corrects the hand-made sum
of log-odds after that was smoothed; with a last layer of zeros it leaves it as it is. ``training/``
makes its weights, docs/models/tracker.md is its model card.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch.nn import functional

from tam_edit.models.builtin.backbone import CHANNEL_COUNT
from tam_edit.models.builtin.tracker.clues import Clues
from tam_edit.models.builtin.tracker.cut import snap_to_edges
from tam_edit.models.builtin.tracker.deep import DeepGrid
from tam_edit.types import Box

Float = NDArray[np.float32]
Tensors = Mapping[str, torch.Tensor]

WEIGHTS = "refinement.safetensors"
PLANE_COUNT = 11
# Channels at a half, a quarter and an eighth of the region's size.
WIDTHS = (16, 32, 48)
DILATIONS = (1, 2, 4)  # of the middle blocks
GRID_PX = 32  # the region is padded to multiples of this: a new size costs some milliseconds
HINT_PX = 4  # the deep features come in at a quarter of the size

# Where the sum is below this, the network is not asked; but it sees so much around the rest.
SURELY_NOT = -4.5
CONTEXT_PX = 16

# Beyond these the planes say no more; log-odds and pixels.
APPEARANCE_LIMIT = 5.0
TOTAL_LIMIT = 8.0
NEAR_LIMIT_PX = 7.5


class Refinement:
    """The network, from weights as ``training/`` exports them."""

    def __init__(self, weights: Tensors) -> None:
        self._weights = dict(weights)

    @property
    def deep_matrix(self) -> torch.Tensor:
        """What turns deep features into hints, float32 (CHANNEL_COUNT, WIDTHS[1])."""
        return self._weights["deep"]

    def __call__(self, planes: torch.Tensor, hints: torch.Tensor) -> torch.Tensor:
        """What to add to the smoothed log-odds.

        Args:
            planes: As ``stacked`` makes them, (N, PLANE_COUNT, H, W), H and W multiples of
                GRID_PX.
            hints: Deep features times ``deep_matrix``, (N, WIDTHS[1], H / 4, W / 4).

        Returns:
            (N, H, W).
        """
        half = self._halved(planes, "stem").relu_()
        quarter = self._halved(half, "down4").add_(hints).relu_()
        eighth = self._halved(quarter, "down8").relu_()
        for dilation in DILATIONS:
            eighth = self._block(eighth, f"middle{dilation}", dilation)
        quarter = self._doubled(eighth, "up4").add_(quarter).relu_()
        quarter = self._block(quarter, "out4")
        half = self._doubled(quarter, "up2").add_(half).relu_()
        half = self._block(half, "out2")
        fine: torch.Tensor = functional.pixel_shuffle(self._filtered(half, "last"), 2)[:, 0]
        return fine

    def _filtered(self, x: torch.Tensor, name: str, dilation: int = 1) -> torch.Tensor:
        weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        reach = dilation * (weight.shape[-1] // 2)
        return functional.conv2d(x, weight, bias, padding=reach, dilation=dilation)

    def _halved(self, x: torch.Tensor, name: str) -> torch.Tensor:
        weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        return functional.conv2d(x, weight, bias, stride=2, padding=1)

    def _doubled(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return functional.interpolate(self._filtered(x, name), scale_factor=2.0, mode="nearest")

    def _block(self, x: torch.Tensor, name: str, dilation: int = 1) -> torch.Tensor:
        """Two convolutions whose result is added."""
        inner = self._filtered(x, f"{name}.0", dilation).relu_()
        return self._filtered(inner, f"{name}.1").add_(x).relu_()


@cache
def refinement() -> Refinement:
    """The one that is shipped, read once per process."""
    stored = resources.files("tam_edit.models.builtin").joinpath("weights", WEIGHTS).read_bytes()
    return Refinement(laid_out(safetensors.torch.load(stored)))


def laid_out(weights: Tensors) -> dict[str, torch.Tensor]:
    """Stored weights as float32, with channels last in memory, which is the fastest.

    Only the first layer's stay as they are: its input is made plane by plane.
    """
    lasting = {name for name, tensor in weights.items() if tensor.ndim == 4} - {"stem.weight"}
    return {
        name: tensor.float().contiguous(
            memory_format=torch.channels_last if name in lasting else torch.contiguous_format
        )
        for name, tensor in weights.items()
    }


def refined(clues: Clues, deep: DeepGrid, box: Box, network: Refinement | None = None) -> Float:
    """Log-odds that follow the picture's edges, where the sum leaves anything open.

    Args:
        clues: What is known of the region.
        deep: The whole picture's deep features.
        box: Where the region is.
        network: Another one than the shipped.

    Returns:
        float32 (h, w).
    """
    result = clues.total.copy()
    open_box = _open_box(clues.total)
    if open_box.is_empty:
        return result
    inner = clues.at(open_box.slices)
    place = Box(*(a + b for a, b in zip(open_box, (box.x0, box.y0) * 2, strict=True)))
    smooth = snap_to_edges(inner.picture, inner.total)
    result[open_box.slices] = smooth
    if (smooth > 0).any():
        # It mends outlines; where no pixel is the object's, it would see what was there before.
        result[open_box.slices] += _correction(inner, smooth, deep, place, network)
    return result


def _open_box(total: Float) -> Box:
    """Where the sum leaves it open whether a pixel is the object's, with what is near it."""
    is_open = total > SURELY_NOT
    rows, columns = np.flatnonzero(is_open.any(1)), np.flatnonzero(is_open.any(0))
    if len(rows) == 0:
        return Box(0, 0, 0, 0)
    found = Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    return found.grown(CONTEXT_PX).clipped(total.shape[1], total.shape[0])


def _correction(
    clues: Clues, smooth: Float, deep: DeepGrid, box: Box, network: Refinement | None
) -> Float:
    """What the network adds to the smoothed sum, float32 (h, w)."""
    network = network or refinement()
    height, width = smooth.shape
    bottom, right = -height % GRID_PX, -width % GRID_PX
    with torch.inference_mode():
        planes = functional.pad(
            stacked(clues, smooth)[None], (0, right, 0, bottom), mode="replicate"
        )
        rows, columns = (hint_places(*span) for span in ((box.y0, box.y1), (box.x0, box.x1)))
        hints = deep.resampled(network.deep_matrix, rows, columns)
        found = network(planes, hints.permute(2, 0, 1)[None])
    return np.asarray(found[0, :height, :width].numpy(), np.float32)


def hint_places(first: int, end: int) -> Float:
    """Where along an axis of the picture the hints of a region lie, in pixels."""
    count = -(-(end - first) // GRID_PX) * (GRID_PX // HINT_PX)
    return np.asarray(first + HINT_PX * np.arange(count) + (HINT_PX - 1) / 2, np.float32)


def stacked(clues: Clues, smooth: Float) -> torch.Tensor:
    """The clues as the network takes them, float32 (PLANE_COUNT, h, w), of the order of one.

    Args:
        clues: What is known of the region.
        smooth: Its sum of log-odds, smoothed, float32 (h, w).
    """
    planes = np.empty((PLANE_COUNT, *clues.total.shape), np.float32)
    for i in range(3):
        np.multiply(clues.picture[..., i], np.float32(4 / 255), out=planes[i])
    planes[:3] -= 2
    near = clues.distance
    np.clip(clues.appearance, -APPEARANCE_LIMIT, APPEARANCE_LIMIT, out=planes[3])
    np.clip(near, -NEAR_LIMIT_PX, NEAR_LIMIT_PX, out=planes[4])
    np.clip(near * np.float32(4 / clues.reach_px), -3, 3, out=planes[5])
    np.multiply(clues.trust, 2, out=planes[6])
    planes[7] = clues.motion
    np.clip(clues.cost, 0, TOTAL_LIMIT, out=planes[8])
    np.clip(clues.total, -TOTAL_LIMIT, TOTAL_LIMIT, out=planes[9])
    np.clip(smooth, -TOTAL_LIMIT, TOTAL_LIMIT, out=planes[10])
    for i, scale in ((3, 0.5), (4, 0.3), (5, 0.6), (8, 0.25), (9, 0.25), (10, 0.25)):
        planes[i] *= np.float32(scale)
    return torch.from_numpy(planes)


def shapes() -> dict[str, tuple[int, ...]]:
    """The names of all weights and their shapes."""
    half, quarter, eighth = WIDTHS
    convolutions = {
        "stem": (half, PLANE_COUNT, 4),
        "down4": (quarter, half, 4),
        "down8": (eighth, quarter, 4),
        "up4": (quarter, eighth, 1),
        "up2": (half, quarter, 1),
        "last": (4, half, 1),
    }
    blocks = {"out4": quarter, "out2": half}
    blocks |= {f"middle{dilation}": eighth for dilation in DILATIONS}
    for name, width in blocks.items():
        convolutions |= {f"{name}.{i}": (width, width, 3) for i in range(2)}
    found: dict[str, tuple[int, ...]] = {"deep": (CHANNEL_COUNT, quarter)}
    for name, (fan_out, fan_in, side) in convolutions.items():
        found |= {f"{name}.weight": (fan_out, fan_in, side, side), f"{name}.bias": (fan_out,)}
    return found

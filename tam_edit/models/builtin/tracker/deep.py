"""Deep features of a picture on a coarse grid, and what they are at its pixels."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from tam_edit.models.builtin.backbone import Backbone, as_levels, backbone
from tam_edit.types import Box

Float = NDArray[np.float32]
Places = NDArray[np.intp]

# The picture is enlarged to this short side, since the network's finest level has a stride of 8;
# a small picture no more than so many times.
SHORT_SIDE_PX = 736
MOST_ZOOM = 3.7
STRIDE_PX = 8


@dataclass(frozen=True, eq=False)
class DeepGrid:
    """Deep features of a whole picture; between cells they are bilinear.

    Attributes:
        cells: float32 (rows, columns, C).
        zoom: By how much the picture was enlarged, across and down.
    """

    cells: Float
    zoom: tuple[float, float]

    def at(self, y: Places, x: Places) -> Float:
        """The features at pixels of the picture, float32 (N, C)."""
        top, below, down = self._around(y, 1)
        left, beside, right = self._around(x, 0)
        down, right = down[:, None], right[:, None]
        upper = self.cells[top, left] * (1 - right) + self.cells[top, beside] * right
        lower = self.cells[below, left] * (1 - right) + self.cells[below, beside] * right
        return np.asarray(upper * (1 - down) + lower * down, np.float32)

    def projected(self, matrix: torch.Tensor, box: Box) -> Projection:
        """Weighted sums of the features, at all pixels of a box.

        Args:
            matrix: The weights, float32 (C, K).
            box: The region, inside the picture.
        """
        top, below, down = self._around(np.arange(box.y0, box.y1), 1)
        left, beside, right = self._around(np.arange(box.x0, box.x1), 0)
        used = self.cells[top[0] : below[-1] + 1, left[0] : beside[-1] + 1]
        flat = torch.from_numpy(np.ascontiguousarray(used).reshape(-1, used.shape[2]))
        # Sums first, pixels then: both are linear, and there are far fewer cells than pixels.
        sums = (matrix.T @ flat.T).reshape(-1, *used.shape[:2])
        across = torch.lerp(
            sums[:, :, torch.from_numpy(left - left[0])],
            sums[:, :, torch.from_numpy(beside - left[0])],
            torch.from_numpy(right),
        )
        return Projection(
            across,
            torch.from_numpy(top - top[0]),
            torch.from_numpy(below - top[0]),
            torch.from_numpy(down),
        )

    def _around(self, places: Places, axis: int) -> tuple[Places, Places, Float]:
        """Of pixels along an axis: the cells before and behind, and the share of the latter."""
        count = self.cells.shape[1 - axis]
        # Pixels and cells are compared by their centres.
        place = np.maximum(((places + 0.5) * self.zoom[axis] - 0.5) / STRIDE_PX, 0.0)
        before = np.minimum(place.astype(np.intp), count - 1)
        share = np.minimum(place - before, 1).astype(np.float32)
        return before, np.minimum(before + 1, count - 1), share


@dataclass(frozen=True, eq=False)
class Projection:
    """Sums over features at the pixels of a box, made row by row.

    Attributes:
        across: float32 (K, rows of cells, w).
        above: Per row of the box the row of cells above it.
        below: The one below it.
        share: How much of the latter, float32 (h,).
    """

    across: torch.Tensor
    above: torch.Tensor
    below: torch.Tensor
    share: torch.Tensor

    def rows(self, wanted: slice) -> torch.Tensor:
        """Those of some rows of the box, float32 (K, n · w)."""
        above, below = self.across[:, self.above[wanted]], self.across[:, self.below[wanted]]
        return torch.lerp(above, below, self.share[wanted, None]).flatten(1)


def deep_grid(picture: NDArray[np.uint8], network: Backbone | None = None) -> DeepGrid:
    """Describe a picture by the backbone's two levels, the coarser on the grid of the finer one.

    Args:
        picture: uint8 (H, W, 3) RGB.
        network: The backbone; None for the one that is shipped.
    """
    network = network or backbone()
    height, width = picture.shape[:2]
    zoom = min(MOST_ZOOM, SHORT_SIDE_PX / min(height, width))
    size = (max(1, round(width * zoom)), max(1, round(height * zoom)))
    enlarged = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    with torch.inference_mode():
        fine, coarse = (level[0].permute(1, 2, 0) for level in network(as_levels(enlarged)))
        cells = torch.cat([fine, doubled(coarse, fine.shape[0], fine.shape[1])], dim=2)
    return DeepGrid(cells.numpy(), (size[0] / width, size[1] / height))


def doubled(coarse: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
    """A level (h, w, C) at half the stride: cells in between are means of their neighbours."""
    for axis, count in ((0, rows), (1, columns)):
        last = coarse.narrow(axis, coarse.shape[axis] - 1, 1)
        behind = torch.cat([coarse.narrow(axis, 1, coarse.shape[axis] - 1), last], dim=axis)
        pairs = torch.stack([coarse, (coarse + behind) / 2], dim=axis + 1)
        coarse = pairs.flatten(axis, axis + 1).narrow(axis, 0, count)
    return coarse

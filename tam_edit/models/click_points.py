"""Clicks as arrays, and the last word that they have on a mask."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tam_edit.types import Mask, Matte, Point


@dataclass(frozen=True, eq=False)
class Clicks:
    """Clicks in pixels of one picture.

    Attributes:
        points: (clicks, 2), x and y; the positive ones first.
        signs: (clicks,), True for a click on the object.
    """

    points: NDArray[np.float64]
    signs: NDArray[np.bool_]

    @classmethod
    def of(cls, positive: tuple[Point, ...], negative: tuple[Point, ...]) -> Clicks:
        """Clicks as prompts hold them."""
        points = np.array([*positive, *negative], np.float64).reshape(-1, 2)
        return cls(points, np.arange(len(points)) < len(positive))

    def pixels(self) -> NDArray[np.int64]:
        """(clicks, 2): column and row of the pixel that was hit."""
        return np.floor(self.points + 0.5).astype(np.int64)

    def nearest(self, x: NDArray[np.int64], y: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which click each pixel is nearest to."""
        apart = np.stack([np.hypot(x - px, y - py) for px, py in self.points])
        return np.asarray(apart.argmin(0))

    def holding(self, mask: Mask) -> NDArray[np.bool_]:
        """(clicks,): whether a mask of the picture satisfies each."""
        columns, rows = self.pixels().T
        return np.asarray(mask[rows, columns] == self.signs)


def stamp(picture: Matte | Mask, clicks: Clicks, radius_px: int, holds: Mask) -> None:
    """Paint a disc of 1 or 0 around each click that does not hold, in place.

    Args:
        picture: (h, w), the mask or matte to paint.
        clicks: In pixels of that picture.
        radius_px: Radius of the disc; pixels nearer to another click are left alone.
        holds: bool (h, w), what counts as the object now.
    """
    rows, columns = picture.shape
    for k in np.flatnonzero(~clicks.holding(holds)):
        column, row = clicks.pixels()[k]
        y, x = np.mgrid[
            max(0, row - radius_px) : min(rows, row + radius_px + 1),
            max(0, column - radius_px) : min(columns, column + radius_px + 1),
        ]
        mine = (np.hypot(x - column, y - row) <= radius_px) & (clicks.nearest(x, y) == k)
        mine |= (x == column) & (y == row)
        picture[y[mine], x[mine]] = clicks.signs[k]

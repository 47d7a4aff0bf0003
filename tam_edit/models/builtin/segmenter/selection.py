"""The object on a working picture while clicks are being answered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tam_edit.models.builtin.segmenter.box_model import fill_box
from tam_edit.models.builtin.segmenter.candidates import Members, Scene
from tam_edit.models.builtin.segmenter.click_model import answer_click, distinct
from tam_edit.types import Mask, Point

# Mean IoU on the Berkeley interactive set and the first frames of ten DAVIS clips.
FIRST_CLICK_SCORE, BOX_SCORE, GIVEN_SCORE = 0.55, 0.7, 0.95
FIRST_CLICK_TRUST = 0.62  # IoU reached, against the agreement of the candidates
DOUBT_LEFT = 0.8  # share of the doubt that each further click leaves


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

    def scaled(self, from_size: tuple[int, int], to_size: tuple[int, int]) -> Clicks:
        """The same clicks on the picture at another size (columns, rows)."""
        factor = np.divide(to_size, from_size)
        points = (self.points + 0.5) * factor - 0.5
        return Clicks(np.clip(points, 0, np.array(to_size) - 1.0), self.signs)

    def pixels(self) -> NDArray[np.int64]:
        """(clicks, 2): column and row of the pixel that was hit."""
        return np.floor(self.points + 0.5).astype(np.int64)

    def nearest(self, x: NDArray[np.int64], y: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which click each pixel is nearest to."""
        apart = np.stack([np.hypot(x - px, y - py) for px, py in self.points])
        return np.asarray(apart.argmin(0))


def trust(clicks: int) -> float:
    """The IoU to be expected after that many clicks."""
    return 1 - (1 - FIRST_CLICK_SCORE) * DOUBT_LEFT ** max(clicks - 1, 0)


class Selection:
    """An object on a working picture: superpixels for deciding, pixels for what was painted."""

    def __init__(self, scene: Scene, clicks: Clicks) -> None:
        self.scene = scene
        self.clicks = clicks
        self.mask: Mask = np.zeros(scene.graph.labels.shape, bool)
        self.changed: Mask = np.zeros_like(self.mask)
        self.score = 0.0
        self._rivals = np.zeros((2, scene.graph.count), bool)
        self._barred = np.zeros((2, scene.graph.count), bool)
        columns, rows = clicks.pixels().T
        self._superpixels = scene.graph.labels[rows, columns]
        for superpixel, sign in zip(self._superpixels, clicks.signs, strict=True):
            self._rivals[int(not sign), superpixel] = True

    def copy(self) -> Selection:
        """A selection that goes its own way from here."""
        other = Selection(self.scene, self.clicks)
        other.mask, other.changed = self.mask.copy(), self.changed.copy()
        other.score, other._barred = self.score, self._barred
        return other

    def take(self, mask: Mask, score: float) -> None:
        """Begin with a given object that is as good as ``score``."""
        self.mask = mask.copy()
        self.score = score

    def fill(self, box: tuple[float, float, float, float]) -> None:
        """Begin with what a box holds; further answers stay inside it."""
        members = fill_box(self.scene, box)
        rows, columns = np.indices(self.mask.shape)
        x0, y0, x1, y1 = box
        across = (columns >= x0 - 0.5) & (columns < x1 - 0.5)
        down = (rows >= y0 - 0.5) & (rows < y1 - 0.5)
        inside: Mask = np.asarray(across & down)
        self.mask = np.asarray(members[self.scene.graph.labels] & inside)
        if not self.mask.any():
            # A box smaller than a superpixel, or than a pixel, still holds something.
            self.mask = inside
            row, column = int((y0 + y1) / 2), int((x0 + x1) / 2)
            self.mask[min(row, len(inside) - 1), min(column, inside.shape[1] - 1)] = True
        x, y = self.scene.graph.center.T
        self._barred[1] |= (x < x0) | (x >= x1) | (y < y0) | (y >= y1)
        self.changed[:] = True
        self.score = BOX_SCORE

    def first_answers(self, limit: int) -> list[Selection]:
        """The best few selections after the first positive click alone, best first."""
        x, y = self.clicks.points[0]
        answer = answer_click(
            self.scene,
            x,
            y,
            is_positive=True,
            selected=None,
            rivals=self._rivals[1],
            barred=self._barred[1],
        )
        selections = []
        for k in distinct(self.scene, answer, limit):
            selection = self.copy()
            selection.mask = answer.regions[k][self.scene.graph.labels]
            selection.changed[:] = True
            selection.score = FIRST_CLICK_TRUST * float(answer.scores[k])
            selections.append(selection)
        return selections

    def correct(self) -> None:
        """Answer, one after the other, the clicks that do not hold yet."""
        for k, (column, row) in enumerate(self.clicks.pixels()):
            sign = bool(self.clicks.signs[k])
            if self.mask[row, column] == sign:
                continue
            superpixel = int(self._superpixels[k])
            selected = self._members()
            selected[superpixel] = not sign
            x, y = self.clicks.points[k]
            answer = answer_click(
                self.scene,
                x,
                y,
                is_positive=sign,
                selected=selected,
                rivals=self._rivals[int(sign)],
                barred=self._barred[int(sign)],
            )
            region = answer.regions[0][self.scene.graph.labels]
            self.changed |= region & (self.mask != sign)
            self.mask[region] = sign
            self.score = 1 - (1 - self.score) * DOUBT_LEFT
        self._share_out()

    def hold_clicks(self, radius_px: int) -> None:
        """Paint every click that does not hold, as a disc that leaves the others alone."""
        stamp(self.mask, self.clicks, radius_px, self.mask)

    def _members(self) -> Members:
        graph = self.scene.graph
        inside = np.bincount(graph.labels.ravel(), self.mask.ravel(), graph.count)
        return np.asarray(2 * inside > graph.area)

    def _share_out(self) -> None:
        """Part superpixels that were clicked both ways: each pixel follows its nearest click."""
        both = set(self._superpixels[self.clicks.signs]) & set(
            self._superpixels[~self.clicks.signs]
        )
        columns, rows = self.clicks.pixels().T
        broken = set(self._superpixels[self.mask[rows, columns] != self.clicks.signs])
        for superpixel in sorted(both & broken):
            rows, columns = np.nonzero(self.scene.graph.labels == superpixel)
            signs = self.clicks.signs[self.clicks.nearest(columns, rows)]
            self.changed[rows, columns] |= self.mask[rows, columns] != signs
            self.mask[rows, columns] = signs


def stamp(picture: NDArray[np.float32] | Mask, clicks: Clicks, radius_px: int, holds: Mask) -> None:
    """Paint a disc of 1 or 0 around each click that does not hold, in place.

    Args:
        picture: (h, w), the mask or matte to paint.
        clicks: In pixels of that picture.
        radius_px: Radius of the disc; pixels nearer to another click are left alone.
        holds: bool (h, w), what counts as the object now.
    """
    rows, columns = picture.shape
    wrong = [
        k
        for k, (column, row) in enumerate(clicks.pixels())
        if bool(holds[row, column]) != bool(clicks.signs[k])
    ]
    for k in wrong:
        column, row = clicks.pixels()[k]
        y, x = np.mgrid[
            max(0, row - radius_px) : min(rows, row + radius_px + 1),
            max(0, column - radius_px) : min(columns, column + radius_px + 1),
        ]
        mine = (np.hypot(x - column, y - row) <= radius_px) & (clicks.nearest(x, y) == k)
        mine |= (x == column) & (y == row)
        picture[y[mine], x[mine]] = clicks.signs[k]

"""Prompts as people give them, worked out from what is meant and what was answered."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from tam_edit.models.builtin.segmenter.mask_so_far import doubted
from tam_edit.models.builtin.segmenter.prompt_maps import PromptBatch
from tam_edit.types import box_of

# How many answers go before the one that is learned from, and how often.
ROUNDS, ROUND_SHARES = (0, 1, 2, 3, 4), (0.4, 0.25, 0.15, 0.12, 0.08)
BOX_SHARE = 0.35
BOX_JITTER = 0.08  # standard deviation of a box's sides, in its width or height
SECOND_LOOK_SHARE = 0.3  # of answers that go in again with no new click, coarser
GIVEN_SHARE = 0.25  # of examples that begin with a mask that is partly wrong
DOUBT_REACHES = (2.0, 6.0)
CENTER_SHARE = 0.6  # of clicks that go to the middle of what is wrong, not just anywhere in it

Mask = NDArray[np.bool_]


@dataclass(eq=False)
class Dialogue:
    """One example's prompts so far.

    Attributes:
        target: bool (h, w), what is meant.
        rounds: How many answers go before the one that is learned from.
        points: x, y and 1 or -1 of each click.
        box: ``x0, y0, x1, y1`` or None.
        previous: float32 (h', w') in [0, 1], the answer so far, or None.
        center_share: How many of the clicks go to the middle of what is wrong.
    """

    target: Mask
    rounds: int
    center_share: float = CENTER_SHARE
    points: list[tuple[float, float, int]] = field(default_factory=list)
    box: tuple[float, float, float, float] | None = None
    previous: NDArray[np.float32] | None = None

    @classmethod
    def begun(cls, target: Mask, other: Mask, rng: np.random.Generator) -> Dialogue:
        """The first prompt on an example."""
        dialogue = cls(target, int(rng.choice(ROUNDS, p=ROUND_SHARES)))
        kind = rng.random()
        if kind < BOX_SHARE:
            dialogue.box = _box(target, rng)
        elif kind < BOX_SHARE + GIVEN_SHARE:
            dialogue.previous = _partly_wrong(target, other, rng)
            dialogue.click(rng)
        else:
            dialogue.click(rng)
        return dialogue

    @property
    def is_open(self) -> bool:
        """Whether a single click is all there is, which may mean several things."""
        return len(self.points) == 1 and self.box is None and self.previous is None

    def hear(self, answer: NDArray[np.float32], rng: np.random.Generator) -> None:
        """Take an answer, float32 (h', w') in [0, 1], and mostly make the next click on it.

        Now and then it comes from afar, and is only looked at again more closely.
        """
        if rng.random() < SECOND_LOOK_SHARE:
            self.previous = _from_afar(answer, rng)
        else:
            self.previous = answer
            self.click(rng)

    def click(self, rng: np.random.Generator) -> None:
        """Click where it is most wrong, in the middle or anywhere in that region."""
        rows, columns = self.target.shape
        if self.previous is None:
            self._click_in(self.target, 1, rng)
            return
        large = cv2.resize(self.previous, (columns, rows), interpolation=cv2.INTER_LINEAR)
        found = large > 0.5
        missed, wrong = self.target & ~found, found & ~self.target
        if not missed.any() and not wrong.any():
            return
        deepest_missed, deepest_wrong = _depth(missed).max(), _depth(wrong).max()
        if deepest_missed >= deepest_wrong:
            self._click_in(missed, 1, rng)
        else:
            self._click_in(wrong, -1, rng)

    def _click_in(self, region: Mask, sign: int, rng: np.random.Generator) -> None:
        depth = _depth(region)
        if rng.random() < self.center_share:
            spots = np.flatnonzero(depth >= 0.95 * depth.max())
        else:
            count, places = cv2.connectedComponents(region.astype(np.uint8))
            if count > 2:  # one place, larger ones more often
                place = int(rng.choice(places[region]))
                depth = np.where(places == place, depth, 0)
            spots = np.flatnonzero(depth > min(3.0, 0.5 * float(depth.max())))
        y, x = divmod(int(rng.choice(spots)), region.shape[1])
        self.points.append((float(x), float(y), sign))
        if self.previous is not None:
            # The mask so far is forgotten around what contradicts it, as the program does.
            cells = np.array(
                [[(px + 0.5) / 2 - 0.5, (py + 0.5) / 2 - 0.5] for px, py, _ in self.points]
            )
            signs = np.array([kind > 0 for _, _, kind in self.points])
            reach = float(rng.uniform(*DOUBT_REACHES))
            self.previous = doubted(self.previous, cells, signs, reach)


def as_batch(dialogues: list[Dialogue]) -> PromptBatch:
    """Prompts on pictures of one size as the network takes them."""
    most = max(len(each.points) for each in dialogues)
    rows, columns = dialogues[0].target.shape
    points = torch.zeros(len(dialogues), most, 2)
    signs = torch.zeros(len(dialogues), most, dtype=torch.int8)
    boxes = torch.zeros(len(dialogues), 4)
    previous = torch.zeros(len(dialogues), rows // 2, columns // 2)
    for k, each in enumerate(dialogues):
        for i, (x, y, sign) in enumerate(each.points):
            points[k, i, 0], points[k, i, 1], signs[k, i] = x, y, sign
        if each.box is not None:
            boxes[k] = torch.tensor(each.box)
        if each.previous is not None:
            previous[k] = torch.from_numpy(each.previous)
    has_previous = torch.tensor([each.previous is not None for each in dialogues])
    return PromptBatch(points, signs, boxes, previous, has_previous)


def _depth(region: Mask) -> NDArray[np.float32]:
    bordered = np.pad(region, 1).astype(np.uint8)
    depth = cv2.distanceTransform(bordered, cv2.DIST_L2, cv2.DIST_MASK_5)
    return np.asarray(depth[1:-1, 1:-1], np.float32)


def _from_afar(answer: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """An answer as a smaller view would have given it."""
    rows, columns = answer.shape
    factor = float(rng.uniform(1, 4))
    size = (max(8, round(columns / factor)), max(8, round(rows / factor)))
    small = cv2.resize(answer, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (columns, rows)), np.float32)


def _box(target: Mask, rng: np.random.Generator) -> tuple[float, float, float, float]:
    """The box around the object as a person draws it, sometimes exact."""
    box = box_of(target)
    jitter = rng.normal(0, BOX_JITTER, 4) if rng.random() < 0.7 else np.zeros(4)
    wide, high = box.x1 - box.x0, box.y1 - box.y0
    sides = np.array([box.x0, box.y0, box.x1, box.y1]) + jitter * [wide, high, wide, high]
    rows, columns = target.shape
    x0, x1 = np.clip([sides[0], max(sides[2], sides[0] + 4)], 0, columns)
    y0, y1 = np.clip([sides[1], max(sides[3], sides[1] + 4)], 0, rows)
    return float(x0), float(y0), float(x1), float(y1)


def _partly_wrong(target: Mask, other: Mask, rng: np.random.Generator) -> NDArray[np.float32]:
    """A mask as it may be painted or tracked: grown, moved, cut, or with something else."""
    rows, columns = target.shape
    mask = target.astype(np.uint8)
    change = rng.random()
    if change < 0.7 and other.any():
        mask |= other.astype(np.uint8)
    elif change < 0.7:  # a side is missing
        y, x = np.nonzero(mask)
        k = int(rng.integers(len(x)))
        angle = rng.uniform(0, 2 * np.pi)
        grid_y, grid_x = np.mgrid[:rows, :columns]
        mask[(grid_x - x[k]) * np.cos(angle) + (grid_y - y[k]) * np.sin(angle) > 0] = 0
    else:  # something round is added
        radius = int(rng.uniform(0.05, 0.25) * max(rows, columns))
        center = (int(rng.integers(columns)), int(rng.integers(rows)))
        cv2.circle(mask, center, radius, 1, -1)
    size = 2 * int(rng.integers(0, 4)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    changed = cv2.dilate(mask, disc) if rng.random() < 0.5 else cv2.erode(mask, disc)
    small = cv2.resize(
        changed.astype(np.float32), (columns // 2, rows // 2), interpolation=cv2.INTER_AREA
    )
    return np.asarray(small, np.float32)

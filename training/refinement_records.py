"""What the tracker knows of a region while it follows an object, with the truth, as files.

The tracker itself runs, over made clips and over the few frames of real sequences that have masks;
each time it asks the refinement network, what it asks with is written down. So the network learns
from the wrong score maps and the stale masks that the tracker really makes, its own ones included
(Ross, Gordon and Bagnell, "A Reduction of Imitation Learning and Structured Prediction to
No-Regret Online Learning", AISTATS 2011).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray

from tam_edit.frame import Frame
from tam_edit.models.base import TrackingInfo, TrackStep
from tam_edit.models.builtin.tracker import target
from tam_edit.models.builtin.tracker.clues import Clues
from tam_edit.models.builtin.tracker.deep import DeepGrid
from tam_edit.models.builtin.tracker.propagator import BuiltinPropagator
from tam_edit.models.builtin.tracker.refinement import (
    GRID_PX,
    HINT_PX,
    Refinement,
    hint_places,
    refined,
)
from tam_edit.types import Box
from training.refinement_clips import TrueClip

Float = NDArray[np.float32]
Masks = NDArray[np.uint8]

# Of a large region, a window of this size is kept.
WINDOW_PX = 192
# How often a classifier is trained for fewer steps than the tracker's own.
WEAK_CHANCE = 0.6
FIELDS = ("total", "appearance", "distance", "trust", "motion", "cost")


@dataclass(frozen=True, eq=False)
class Record:
    """One question to the network, and what would have been right.

    Attributes:
        clues: What it was asked with; a window of it where the region was large.
        deep: Deep features at the places of the hints, float16 (h / 4, w / 4, C), sizes padded as
            the network's input is.
        truth: The share of the pixel that the object covers, uint8 (h, w), 255 for all.
    """

    clues: Clues
    deep: NDArray[np.float16]
    truth: Masks

    def save(self, path: Path) -> None:
        """Write it, floats as float16."""
        planes = np.stack([getattr(self.clues, name) for name in FIELDS]).astype(np.float16)
        np.savez(
            path,
            planes=np.clip(planes, -1000, 1000),
            picture=self.clues.picture,
            reach_px=np.float32(self.clues.reach_px),
            deep=self.deep,
            truth=self.truth,
        )

    @classmethod
    def load(cls, path: Path) -> Record:
        """Read what ``save`` wrote."""
        with np.load(path) as stored:
            planes = stored["planes"].astype(np.float32)
            clues = Clues(
                picture=stored["picture"],
                reach_px=float(stored["reach_px"]),
                **dict(zip(FIELDS, planes, strict=True)),
            )
            return cls(clues, stored["deep"], stored["truth"])

    def window(self, top: int, left: int, height: int, width: int) -> Record:
        """A part of it; the place is a multiple of GRID_PX."""
        place = (slice(top, top + height), slice(left, left + width))
        rows, columns = (
            slice(first // HINT_PX, (first + -(-size // GRID_PX) * GRID_PX) // HINT_PX)
            for first, size in ((top, height), (left, width))
        )
        return Record(self.clues.at(place), self.deep[rows, columns], self.truth[place])


class Recorder:
    """Tracks clips and keeps some of what the network is asked.

    Attributes:
        records: What was kept so far.
    """

    def __init__(self, rng: np.random.Generator, share: float) -> None:
        """Keep a share of the questions, drawn with ``rng``."""
        self.records: list[Record] = []
        self._rng, self._share = rng, share
        self._truth: Masks = np.zeros((0, 0), np.uint8)
        self._number = 0

    def track(self, clip: TrueClip, network: Refinement) -> list[TrackStep]:
        """Follow all objects of a clip's first frame, with a network inside the tracker.

        The clip's short side is no longer than the tracker's working size.
        """
        masks = clip.masks
        height, width = masks[0].shape
        run = BuiltinPropagator().start(TrackingInfo(width=width, height=height))
        numbers = [int(number) for number in np.unique(masks[0]) if number]

        def truth(index: int) -> dict[int, Float]:
            return {n: (masks[index] == n).astype(np.float32) for n in numbers}

        with self._weakened():
            steps = [run.keyframe(Frame.from_rgb(clip.frames[0], index=0), truth(0))]
        with self._listening(network, numbers):
            for index in range(1, len(masks)):
                self._truth = masks[index]
                frame = Frame.from_rgb(clip.frames[index], index=index)
                steps.append(run.step(frame))
                if index in clip.told:
                    run.revise(frame, truth(index))
        return steps

    @contextmanager
    def _listening(self, network: Refinement, numbers: Sequence[int]) -> Iterator[None]:
        """Hear what the network is asked, and about which object."""
        predict = target.Target.predict
        turn = 0

        def predicted(asked: target.Target, scene: target.Scene) -> target.Guess:
            # The tracker asks for all objects in the order in which they were given.
            nonlocal turn
            self._number = numbers[turn % len(numbers)]
            turn += 1
            return predict(asked, scene)

        def heard(clues: Clues, deep: DeepGrid, box: Box) -> Float:
            if self._rng.random() < self._share:
                self._note(clues, deep, box)
            return refined(clues, deep, box, network)

        with (
            mock.patch.object(target.Target, "predict", predicted),
            mock.patch.object(target, "refined", heard),
        ):
            yield

    @contextmanager
    def _weakened(self) -> Iterator[None]:
        """Sometimes let the classifier learn less than it should: made clips are easy for it."""
        steps = target.FIRST_STEPS
        if self._share and self._rng.random() < WEAK_CHANCE:
            steps = int(steps * self._rng.uniform(0.15, 0.6))
        with mock.patch.object(target, "FIRST_STEPS", steps):
            yield

    def _note(self, clues: Clues, deep: DeepGrid, box: Box) -> None:
        truth = np.where(self._truth[box.slices] == self._number, 255, 0).astype(np.uint8)
        rows, columns = (hint_places(*span) for span in ((box.y0, box.y1), (box.x0, box.x1)))
        features = deep.resampled(torch.eye(deep.cells.shape[2]), rows, columns).numpy()
        whole = Record(clues, features.astype(np.float16), truth)
        self.records.append(self._windowed(whole))

    def _windowed(self, whole: Record) -> Record:
        """A window of a large record, with an outline in its middle most of the time."""
        height, width = whole.truth.shape
        inside = whole.truth > 127
        if self._rng.random() < 0.4 or not inside.any():
            inside = whole.clues.total > 0
        edge = inside ^ np.roll(inside, 1, axis=int(self._rng.integers(2)))
        places = np.argwhere(edge)
        if len(places) and self._rng.random() < 0.9:
            middle = places[int(self._rng.integers(len(places)))]
        else:
            middle = self._rng.integers([height, width])
        first = [
            int(np.clip(m - WINDOW_PX // 2, 0, max(0, n - WINDOW_PX))) // GRID_PX * GRID_PX
            for m, n in zip(middle.tolist(), (height, width), strict=True)
        ]
        size = [min(WINDOW_PX, n - f) for f, n in zip(first, (height, width), strict=True)]
        return whole.window(first[0], first[1], size[0], size[1])

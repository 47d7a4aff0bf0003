"""What the loop over a video is given, with models whose every answer is known."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tam_edit.errors import ModelError, OutOfMemoryError
from tam_edit.frame import Frame
from tam_edit.media import Source
from tam_edit.models import Models
from tam_edit.models.base import Segmentation, TrackingInfo, TrackStep
from tam_edit.project import Project
from tam_edit.prompts import Prompts
from tam_edit.testing.clips import DrawnClip
from tam_edit.tracking import LoopSettings, follow, place_keyframe
from tam_edit.tracks import Origin, TrackedMatte
from tam_edit.types import Matte, ObjectId

FRAMES = 16
SHOT: dict[str, Any] = {
    "source": {},
    "width": 160,
    "height": 120,
    "frame_count": FRAMES,
    "in_frame": 0,
    "out_frame": FRAMES,
}
WRONG_SCORE = 0.4
PLAIN = LoopSettings(assesses=False, at_cuts="ignore")


class KnownRun:
    """Draws the true disc, shifted down where the propagator is told to be wrong."""

    def __init__(self, owner: KnownPropagator, info: TrackingInfo, members: list[int]) -> None:
        self.owner, self.info, self.members = owner, info, members

    def keyframe(self, frame: Frame, mattes: Mapping[ObjectId, Matte]) -> TrackStep:
        for number in mattes:
            if number not in self.members:
                self.members.append(number)
            self.owner.told.append(("keyframe", frame.index, number))
        return self._drawn(frame, mattes)

    def step(self, frame: Frame) -> TrackStep:
        return self._drawn(frame, {})

    def prefetch(self, frame: Frame) -> None:
        """Nothing to begin with."""

    def revise(self, frame: Frame, mattes: Mapping[ObjectId, Matte]) -> None:
        self.owner.told += [("revise", frame.index, number) for number in mattes]

    def cut(self) -> None:
        self.owner.told.append(("cut", self.owner.latest, 0))

    def forget(self, object_id: ObjectId) -> None:
        self.members.remove(object_id)
        self.owner.told.append(("forget", self.owner.latest, object_id))

    def snapshot(self) -> bytes:
        return json.dumps(self.members).encode()

    def _drawn(self, frame: Frame, given: Mapping[ObjectId, Matte]) -> TrackStep:
        if len(self.members) > self.owner.most_objects:
            raise OutOfMemoryError("the toy holds no more", hint="lower --size")
        self.owner.shown.append(frame.index)
        true = self.owner.clip.mask(1, frame.index).astype(np.float32)
        mattes = {}
        for number in self.members:
            wrong = frame.index in self.owner.wrong
            mattes[number] = np.roll(true, self.owner.shift, axis=0) if wrong else true.copy()
            # Not the same whichever way it runs, so that a matte tells which pass it is from.
            mattes[number] = np.where(mattes[number] > 0, self.owner.level, np.float32(0))
        mattes |= given
        score = WRONG_SCORE if frame.index in self.owner.wrong else self.owner.score
        return TrackStep(
            mattes=mattes,
            scores=dict.fromkeys(mattes, score),
            reasons=dict.fromkeys(mattes, ("the toy says so",)),
        )


class KnownPropagator:
    name = "known"

    def __init__(self, clip: DrawnClip) -> None:
        self.clip = clip
        self.wrong: Sequence[int] = ()
        self.most_objects = 99
        self.score = 0.9
        self.level = np.float32(1.0)
        self.shift = 20
        self.forgets = False
        self.shown: list[int] = []
        self.told: list[tuple[str, int, int]] = []

    @property
    def latest(self) -> int:
        return self.shown[-1] if self.shown else -1

    def start(self, info: TrackingInfo) -> KnownRun:
        return KnownRun(self, info, [])

    def resume(self, info: TrackingInfo, snapshot: bytes) -> KnownRun:
        if self.forgets:
            raise ModelError("the toy knows nothing of that")
        return KnownRun(self, info, json.loads(snapshot))


class NoSegmenter:
    name = "none"

    def segment(
        self, frame: Frame, prompts: Prompts, previous: Matte | None = None
    ) -> Segmentation:
        raise AssertionError("nothing was to be refined")


class KnownJob:
    """A project, a video and the known models."""

    def __init__(self, source: Source, project: Project, propagator: KnownPropagator) -> None:
        self.source, self.project, self.propagator = source, project, propagator
        self.models = Models(name="known", segmenter=NoSegmenter(), propagator=propagator)

    def say(
        self, number: int, index: int, *, gone: bool = False, cuts: Sequence[int] = ()
    ) -> range:
        while number not in self.project.objects():
            self.project.add_object(f"object {len(self.project.objects()) + 1}")
        mask = self.propagator.clip.mask(1, index)
        said = Prompts(gone=True) if gone else Prompts(mask=mask)
        matte = np.zeros_like(mask, np.float32) if gone else mask.astype(np.float32)
        known = self.project.entry(number, index)
        origin = Origin.KEYFRAME if known is None else Origin.CORRECTED
        entry = TrackedMatte(matte=matte, score=1.0, origin=Origin.ABSENT if gone else origin)
        return place_keyframe(self.project, number, index, said, entry, cuts=cuts)

    def track(self, settings: LoopSettings = PLAIN, **more: Any) -> int:
        self.propagator.shown, self.propagator.told = [], []
        height = self.source.info.height
        return follow(
            self.source, self.project, self.models, short_side=height, settings=settings, **more
        )

    def mattes(self, number: int = 1) -> list[Matte]:
        found = [self.project.entry(number, index) for index in range(FRAMES)]
        return [entry.matte for entry in found if entry is not None]

    def scores(self, number: int = 1) -> list[float]:
        return [scored.score for scored in self.project.scores(number)]


def differing(before: Sequence[Matte], after: Sequence[Matte]) -> list[int]:
    return [
        i for i, pair in enumerate(zip(before, after, strict=True)) if (pair[0] != pair[1]).any()
    ]

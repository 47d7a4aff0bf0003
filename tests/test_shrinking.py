"""A correction that gives only a part of the object does not lose the rest unseen."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from tam_edit.frame import Frame
from tam_edit.media import Source, open_source
from tam_edit.models import Models
from tam_edit.models.base import Segmentation, TrackingInfo, TrackStep
from tam_edit.project import Project
from tam_edit.prompts import ObjectPrompts, Prompts
from tam_edit.tracking import LoopSettings, follow, give_prompts, undoing
from tam_edit.tracking.verdict import SHRUNK
from tam_edit.tracks import DOUBTFUL_BELOW
from tam_edit.types import Mask, Matte, ObjectId

FRAMES = 16
PLAIN = LoopSettings(assesses=False, at_cuts="ignore")


def actor(*, legs: bool = True) -> Mask:
    mask = np.zeros((120, 160), bool)
    mask[20:50, 40:70] = True
    mask[50:100, 40:70] |= legs
    return mask


class Copying:
    """Repeats the latest keyframe's mask, and is sure of it."""

    name = "copying"

    def __init__(self, matte: Matte | None = None) -> None:
        self.matte = matte

    def start(self, info: TrackingInfo) -> Copying:
        return Copying()

    def resume(self, info: TrackingInfo, snapshot: bytes) -> Copying:
        return Copying(np.array(json.loads(snapshot), np.float32))

    def keyframe(self, frame: Frame, mattes: Mapping[ObjectId, Matte]) -> TrackStep:
        self.matte = mattes[1]
        return self.step(frame)

    def step(self, frame: Frame) -> TrackStep:
        assert self.matte is not None
        return TrackStep(mattes={1: self.matte.copy()}, scores={1: 0.9}, reasons={1: ()})

    def prefetch(self, frame: Frame) -> None:
        """Nothing to begin with."""

    def revise(self, frame: Frame, mattes: Mapping[ObjectId, Matte]) -> None:
        """Nothing is refined."""

    def cut(self) -> None:
        """It sees no cuts."""

    def forget(self, object_id: ObjectId) -> None:
        """There is one object."""

    def snapshot(self) -> bytes:
        assert self.matte is not None
        return json.dumps(self.matte.tolist()).encode()


class Work:
    def __init__(self, source: Source, project: Project) -> None:
        self.source, self.project = source, project

    def segment(
        self, frame: Frame, prompts: Prompts, previous: Matte | None = None
    ) -> Segmentation:
        raise AssertionError("masks are painted")

    def say(self, frame: int, mask: Mask) -> None:
        said = ObjectPrompts(object_name="a", frame_index=frame, prompts=Prompts(mask=mask))
        assert give_prompts(self.source, self.project, self.segment, said, carries_back=False)

    def track(self, stop_after: int = 0) -> None:
        def told(done: int, total: int) -> None:
            if done == stop_after:
                self.project.flush()
                raise KeyboardInterrupt

        models = Models(name="copying", segmenter=self, propagator=Copying())  # type: ignore[arg-type]
        follow(self.source, self.project, models, short_side=120, settings=PLAIN, progress=told)

    def flagged(self) -> list[int]:
        return [
            s.frame_index
            for s in self.project.scores(1)
            if SHRUNK in s.reasons and s.score < DOUBTFUL_BELOW
        ]

    def undo(self) -> None:
        history = self.project.history
        decision = list(history)[-1]
        said, left = history.prompts_of(decision), history.prompts_without(decision)
        change = undoing(left, decision.start or 0, said, in_frame=0, out_frame=FRAMES)
        history.take_back_prompts(decision, change.dropped, change.carried_back)


@pytest.fixture
def work(disc_video: Path, tmp_path: Path) -> Iterator[Work]:
    size = {"width": 160, "height": 120, "frame_count": FRAMES, "in_frame": 0, "out_frame": FRAMES}
    with (
        open_source(disc_video) as source,
        Project.create(tmp_path / "a.tam", source={}, **size) as project,
    ):
        made = Work(source, project)
        made.say(0, actor())
        made.track()
        yield made


def test_frames_that_lose_a_part_after_a_correction_are_doubtful(work: Work) -> None:
    work.say(6, actor(legs=False))
    work.track()
    assert work.flagged() == list(range(7, FRAMES))
    # A second correction by a part hides nothing of what the first one lost.
    work.say(10, actor(legs=False))
    work.track()
    assert work.flagged() == [7, 8, 9, *range(11, FRAMES)]
    work.say(10, actor())
    work.track()
    assert work.flagged() == [7, 8, 9]


def test_a_killed_run_flags_the_same(work: Work) -> None:
    work.say(6, actor(legs=False))
    with pytest.raises(KeyboardInterrupt):
        work.track(stop_after=5)
    work.track()
    assert work.flagged() == list(range(7, FRAMES))


def test_taking_the_correction_back_leaves_no_doubt(work: Work) -> None:
    before = list(work.project.scores(1))
    work.say(6, actor(legs=False))
    work.track()
    work.undo()
    work.track()
    assert list(work.project.scores(1)) == before
    assert work.project.areas_before(1) == {}


def test_what_was_approved_since_is_not_asked_again(work: Work) -> None:
    work.say(6, actor(legs=False))
    work.track()
    work.project.approve(1, range(7, FRAMES), "it is half hidden")
    work.say(10, actor(legs=False))
    assert work.project.approved(1) == {7, 8, 9}
    work.track()
    assert work.flagged() == [7, 8, 9]
    assert work.project.approved(1) == {7, 8, 9}


def test_masks_that_grow_are_not_flagged(disc_video: Path, work: Work) -> None:
    work.say(0, actor(legs=False))
    work.say(6, actor())
    work.track()
    assert [i for i in work.flagged() if i > 6] == []

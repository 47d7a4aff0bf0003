"""Clicks that correct a mask come one after the other; one that changes nothing proves nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tam_edit.frame import Frame
from tam_edit.media import open_source
from tam_edit.models.base import Segmentation
from tam_edit.project import Project
from tam_edit.prompts import Keyframe, ObjectPrompts, Prompts
from tam_edit.tracking import give_prompts
from tam_edit.tracking.init import one_by_one
from tam_edit.types import Matte, Point


class Painting:
    """Paints a square at every click on the object, wipes one at every other; notes the calls."""

    def __init__(self) -> None:
        self.asked: list[tuple[tuple[Point, ...], tuple[Point, ...], bool]] = []
        self.score = 0.5

    def __call__(self, frame: Frame, prompts: Prompts, previous: Matte | None) -> Segmentation:
        self.asked.append((prompts.positive, prompts.negative, previous is not None))
        matte = np.zeros((frame.height, frame.width), np.float32)
        if previous is not None:
            matte = previous.copy()
        points = [(p, 1) for p in prompts.positive] + [(p, 0) for p in prompts.negative]
        for (x, y), value in points:
            matte[int(y) : int(y) + 20, int(x) : int(x) + 20] = value
        return Segmentation(mattes=(matte,), scores=(self.score,))


class Work:
    def __init__(self, source: object, project: Project) -> None:
        self.source, self.project, self.segment = source, project, Painting()

    def say(self, **prompts: object) -> Keyframe:
        said = ObjectPrompts(object_name="a", frame_index=0, prompts=Prompts(**prompts))  # type: ignore[arg-type]
        keyframe = give_prompts(self.source, self.project, self.segment, said)  # type: ignore[arg-type]
        assert keyframe is not None
        return keyframe


@pytest.fixture
def work(disc_video: Path, tmp_path: Path) -> Iterator[Work]:
    size = {"width": 160, "height": 120, "frame_count": 16, "in_frame": 0, "out_frame": 16}
    with (
        open_source(disc_video) as source,
        Project.create(tmp_path / "a.tam", source={}, **size) as project,
    ):
        yield Work(source, project)


def test_clicks_that_begin_a_mask_are_answered_together(work: Work) -> None:
    work.say(positive=((5, 5), (30, 5)), negative=((90, 90),))
    assert work.segment.asked == [(((5, 5), (30, 5)), ((90, 90),), False)]


def test_clicks_on_a_mask_correct_it_one_after_the_other_the_objects_own_last(work: Work) -> None:
    work.segment.score = 0.9
    work.say(positive=((5, 5),))
    work.segment.asked.clear()
    work.say(positive=((30, 5), (55, 5)), negative=((90, 90),))
    assert work.segment.asked == [
        (((5, 5),), ((90, 90),), True),
        (((5, 5), (30, 5)), ((90, 90),), True),
        (((5, 5), (30, 5), (55, 5)), ((90, 90),), True),
    ]


def test_a_box_and_a_painted_mask_are_one_step() -> None:
    known = Prompts(positive=((5, 5),))
    newer = Prompts(box=(0, 0, 50, 50), positive=((30, 5), (55, 5)))
    (step,) = one_by_one(known, newer)
    assert (step.positive, step.box) == (((5, 5), (30, 5), (55, 5)), (0, 0, 50, 50))
    mask = np.ones((4, 4), bool)
    assert [step.mask is mask for step in one_by_one(known, Prompts(mask=mask))] == [True]


def test_a_click_that_changes_nothing_makes_a_mask_no_surer(work: Work) -> None:
    work.say(positive=((5, 5),))
    work.segment.score = 0.8
    same = work.say(positive=((5, 5.4),))
    assert (same.score, same.area_before_frac) == (0.5, same.area_frac)
    # One that changes it is judged anew, and so is a mask that says less than it did.
    assert work.say(positive=((40, 5),)).score == 0.8
    work.segment.score = 0.3
    assert work.say(negative=((100, 100),)).score == 0.3

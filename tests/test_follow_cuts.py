"""What the loop makes of cuts, of objects that are gone, and of frames that no prompt reaches."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tam_edit.media import open_source
from tam_edit.project import Project
from tam_edit.testing.clips import DrawnClip
from tam_edit.tracking import LoopSettings
from tam_edit.tracks import Origin
from tests.known_jobs import FRAMES, SHOT, KnownJob, KnownPropagator, differing


def test_frames_that_are_there_stay_when_later_ones_are_looked_for(job: KnownJob) -> None:
    job.say(1, 0)
    job.track(LoopSettings(assesses=False), cuts=[6])
    job.project.approve(1, range(1, 5), "looked at them")
    before = job.mattes()[:6]
    job.project.discard(1, 6, FRAMES)
    job.propagator.level = np.float32(0.8)
    job.track(LoopSettings(assesses=False, at_cuts="reacquire"), cuts=[6])
    assert differing(before, job.mattes()[:6]) == []
    assert job.project.approved(1) == set(range(1, 5))


def test_where_it_is_after_it_was_gone_says_nothing_of_later_shots(job: KnownJob) -> None:
    asks = LoopSettings(assesses=False)
    job.say(1, 0)
    job.say(1, 3, gone=True)
    job.track(asks, cuts=[6, 11])
    assert job.say(1, 8, cuts=[6, 11]) == range(8, FRAMES)
    job.track(asks, cuts=[6, 11])
    assert [s.origin for s in job.project.scores(1)][11:] == [Origin.UNREACHED] * 5


@settings(max_examples=12, deadline=None)
@given(
    said=st.lists(st.tuples(st.integers(0, 15), st.booleans()), min_size=1, max_size=5),
    tracks=st.sets(st.integers(0, 4)),
    cuts=st.sets(st.integers(1, 15), max_size=2),
)
def test_no_frame_counts_as_empty_that_the_same_prompts_leave_unreached(
    disc: DrawnClip,
    disc_video: Path,
    said: list[tuple[int, bool]],
    tracks: set[int],
    cuts: set[int],
) -> None:
    asks, barriers = LoopSettings(assesses=False), sorted(cuts)
    found = []
    with open_source(disc_video) as source, tempfile.TemporaryDirectory() as folder:
        for name, between in (("once", set[int]()), ("between", tracks)):
            with Project.create(Path(folder) / name, **SHOT) as project:
                job = KnownJob(source, project, KnownPropagator(disc))
                for step, (frame, is_gone) in enumerate(said):
                    job.say(1, frame, gone=is_gone, cuts=barriers)
                    if step in between:
                        job.track(asks, cuts=barriers)
                job.track(asks, cuts=barriers)
                found.append([s.origin for s in project.scores(1)])
    once, between_times = found
    assert len(once) == len(between_times) == FRAMES
    for fresh, stored in zip(once, between_times, strict=True):
        assert not (fresh is Origin.UNREACHED and stored is Origin.ABSENT)


def test_tracking_stops_at_a_cut_and_asks(job: KnownJob) -> None:
    job.say(1, 2)
    job.track(LoopSettings(assesses=False), cuts=[6])
    found = list(job.project.scores(1))
    assert [s.origin for s in found[6:]] == [Origin.UNREACHED] * (FRAMES - 6)
    assert {s.score for s in found[6:]} == {0.0}
    assert found[6].reasons == (
        "no prompt reaches it; say where the object is, or that it is gone",
    )
    assert max(job.propagator.shown) == 5
    assert job.say(1, 9, cuts=[6]) == range(6, FRAMES)
    job.track(LoopSettings(assesses=False), cuts=[6])
    assert sorted(set(job.propagator.shown)) == [2, *range(6, FRAMES)]
    assert all(matte.any() for matte in job.mattes())


@pytest.mark.parametrize("begin", [2, 9])
def test_where_it_may_look_again_the_run_is_told_of_the_cut(job: KnownJob, begin: int) -> None:
    job.say(1, begin)
    job.track(LoopSettings(assesses=False, at_cuts="reacquire"), cuts=[6])
    last_before = 5 if begin == 2 else 6
    assert [told for told in job.propagator.told if told[0] == "cut"] == [("cut", last_before, 0)]
    assert all(matte.any() for matte in job.mattes())


def test_an_object_that_is_gone_is_empty_until_it_is_prompted_again(job: KnownJob) -> None:
    job.say(1, 0)
    job.say(2, 0)
    job.say(2, 4, gone=True)
    job.say(2, 10)
    job.track()
    assert ("forget", 3, 2) in job.propagator.told
    found = list(job.project.scores(2))
    assert [s.origin for s in found[4:10]] == [Origin.ABSENT] * 6
    assert not any(matte.any() for matte in job.mattes(2)[4:10])
    assert {s.score for s in found[4:10]} == {1.0}
    assert job.say(2, 6) == range(6, 10)
    assert job.say(1, 12, gone=True) == range(12, FRAMES)

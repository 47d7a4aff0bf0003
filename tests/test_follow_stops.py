"""The loop goes on where it was stopped, with every frame shown once and to the same masks."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tam_edit.errors import ModelError
from tam_edit.project import Project
from tam_edit.tracking.checked_run import unpacked
from tests.known_jobs import FRAMES, SHOT, KnownJob, differing


def stop_after_frames(count: int) -> Callable[[int, int], None]:
    """Progress that interrupts when so many frames are done, however many masks these are."""
    frames = itertools.count(1)

    def stop(_done: int, _total: int) -> None:
        if next(frames) == count:
            raise KeyboardInterrupt

    return stop


def stopped(job: KnownJob, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Track so many frames, each of them committed."""
    monkeypatch.setattr("tam_edit.project.gathered.COMMIT_INTERVAL_S", 0.0)
    monkeypatch.setattr("tam_edit.project.gathered.LONGEST_WAIT_S", 0.0)

    with pytest.raises(KeyboardInterrupt):
        job.track(progress=stop_after_frames(after))


def corrected(job: KnownJob) -> KnownJob:
    """A job whose correction on frame 13 contradicts the masks of the frames 5 to 12."""
    job.propagator.wrong, job.propagator.level = range(5, 14), np.float32(1)
    job.say(1, 0)
    job.track()
    job.propagator.wrong, job.propagator.level = (), np.float32(0.8)
    job.say(1, 13)
    return job


# Forward 0, 13, 14, 15; back 0, 13, 12 … 5, and 4, 3, 2, which stay.
@pytest.mark.parametrize("stop_after", [8, 14, 15, 16])
def test_a_stop_on_the_way_back_goes_on_to_the_same_masks(
    job: KnownJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_after: int
) -> None:
    monkeypatch.setattr("tam_edit.project.gathered.COMMIT_INTERVAL_S", 0.0)

    with Project.create(tmp_path / "other.tam", **SHOT) as project:
        undisturbed = corrected(KnownJob(job.source, project, job.propagator))
        undisturbed.track()
        assert job.propagator.shown[-12:] == list(range(13, 1, -1))
        wanted = undisturbed.mattes()
    corrected(job)
    with pytest.raises(KeyboardInterrupt):
        job.track(progress=stop_after_frames(stop_after))
    job.project.flush()
    seen = len(job.propagator.shown)
    job.track()
    assert seen + len(job.propagator.shown) <= 17
    assert differing(wanted, job.mattes()) == []
    assert job.project.backtracks(1) == {}


@pytest.mark.parametrize("stop_after", range(1, FRAMES))
def test_a_pass_that_stops_anywhere_shows_no_frame_twice(
    job: KnownJob, monkeypatch: pytest.MonkeyPatch, stop_after: int
) -> None:
    monkeypatch.setattr("tam_edit.project.gathered.COMMIT_INTERVAL_S", 0.0)
    monkeypatch.setattr("tam_edit.project.gathered.LONGEST_WAIT_S", 0.0)
    job.say(1, 0)
    job.say(2, 0)
    job.say(2, 4, gone=True)
    job.say(1, 8)
    job.say(2, 11)

    with pytest.raises(KeyboardInterrupt):
        job.track(progress=stop_after_frames(stop_after))
    seen = list(job.propagator.shown)
    job.track()
    # Object 2 comes back in a pass of its own, before which its first keyframe is learned.
    assert seen + job.propagator.shown == [*range(FRAMES), 0, *range(11, FRAMES)]
    assert job.project.run_state() is None


def test_a_stopped_pass_backward_goes_on_before_a_new_object_is_tracked(
    job: KnownJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    job.say(1, 6)
    stopped(job, monkeypatch, (FRAMES - 6) + 3)
    job.say(2, 0)
    job.track()
    assert job.propagator.shown == [*range(3, -1, -1), *range(FRAMES)]
    assert len(job.mattes(1)) == len(job.mattes(2)) == FRAMES


def test_a_way_back_whose_state_is_lost_is_carried_to_its_end(
    job: KnownJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    job.propagator.wrong = range(2, 12)
    job.say(1, 0)
    job.track()
    job.propagator.wrong, job.propagator.level = (), np.float32(0.8)
    job.say(1, 11)
    # Forward 0, 11 … 15; back 0, 11, 10, 9, 8, 7.
    stopped(job, monkeypatch, 1 + 5 + 1 + 5)
    assert job.project.backtracks(1) == {11: 7}
    job.say(1, 14)
    job.track()
    truth = [job.propagator.clip.mask(1, index) for index in range(FRAMES)]
    assert all(np.array_equal(m > 0.5, t) for m, t in zip(job.mattes(), truth, strict=True))


def test_a_changed_keyframe_voids_the_run_that_has_learned_it_from_afar(
    job: KnownJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    job.say(1, 0)
    job.say(1, 12)
    job.track()
    job.say(1, 8)
    stopped(job, monkeypatch, 2 + 2)
    state = job.project.run_state()
    assert state is not None
    assert state.memory == (0, 12)
    job.say(1, 12)
    assert job.project.run_state() is None


def test_a_state_that_cannot_be_used_costs_time_but_no_masks(
    job: KnownJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    job.say(1, 0)
    stopped(job, monkeypatch, 6)
    before = [entry.matte for i in range(6) if (entry := job.project.entry(1, i)) is not None]
    job.propagator.forgets, job.propagator.level = True, np.float32(0.8)
    job.track()
    assert job.propagator.shown == list(range(FRAMES))
    assert differing(before, job.mattes()[:6]) == []
    assert "run begun anew" in [record.kind for record in job.project.log_records()]


def test_a_device_that_got_smaller_goes_on_with_fewer_objects(
    job: KnownJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 5):
        job.say(number, 0)
    stopped(job, monkeypatch, 6)
    job.propagator.most_objects = 2
    job.track()
    assert all(len(job.mattes(number)) == FRAMES for number in range(1, 5))


@pytest.mark.parametrize("stop_after", [None, 3, 7, 14, 22])
def test_progress_counts_masks_of_all_objects(
    job: KnownJob, monkeypatch: pytest.MonkeyPatch, stop_after: int | None
) -> None:
    job.say(1, 0)
    job.say(2, 4)
    job.say(2, 9, gone=True)
    job.say(3, 6)
    if stop_after is not None:
        stopped(job, monkeypatch, stop_after)
    told: list[tuple[int, int]] = []
    job.track(progress=lambda done, total: told.append((done, total)))
    done, totals = [each[0] for each in told], {each[1] for each in told}
    assert done == sorted(done)
    assert totals == {done[-1]}
    if stop_after is None:
        # Forward from 0, from 4 to where it is gone and from 6, then back from 6 and from 4.
        assert done[-1] == 16 + 5 + 10 + 7 + 5


def test_a_snapshot_of_something_else_is_refused() -> None:
    with pytest.raises(ModelError, match="damaged or of another version"):
        unpacked(b"not a snapshot")

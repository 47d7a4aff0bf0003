"""The loop over a whole video, with models whose every answer is known."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tam_edit.errors import ModelError, OutOfMemoryError
from tam_edit.frame import Frame
from tam_edit.media import Source, open_source
from tam_edit.models import Models
from tam_edit.models.base import Segmentation, TrackingInfo, TrackStep
from tam_edit.project import Project
from tam_edit.prompts import Prompts
from tam_edit.testing.clips import DrawnClip
from tam_edit.tracking import LoopSettings, follow, place_keyframe
from tam_edit.tracking.checked_run import unpacked
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


@pytest.fixture
def source(disc_video: Path) -> Iterator[Source]:
    with open_source(disc_video) as opened:
        yield opened


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "shot.tam", **SHOT) as made:
        yield made


@pytest.fixture
def propagator(disc: DrawnClip) -> KnownPropagator:
    return KnownPropagator(disc)


class Job:
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


@pytest.fixture
def job(source: Source, project: Project, propagator: KnownPropagator) -> Job:
    return Job(source, project, propagator)


def differing(before: Sequence[Matte], after: Sequence[Matte]) -> list[int]:
    return [
        i for i, pair in enumerate(zip(before, after, strict=True)) if (pair[0] != pair[1]).any()
    ]


def test_a_correction_changes_its_span_only_and_costs_no_more(job: Job) -> None:
    job.say(1, 0)
    job.say(1, 12)
    assert job.track() == FRAMES
    before = job.mattes()
    job.propagator.level = np.float32(0.8)
    assert job.say(1, 8) == range(8, 12)
    count = job.track()
    # The keyframes 0 and 12 are learned, 8 to 11 are tracked; then 8 again, and back over three
    # frames that stay, for which 0 and 12 are learned once more.
    assert job.propagator.shown == [0, 12, 8, 9, 10, 11, 0, 12, 8, 7, 6, 5]
    assert count == len(job.propagator.shown)
    assert differing(before, job.mattes()) == [9, 10, 11]


def test_a_correction_is_carried_back_as_far_as_it_is_surer_than_what_is_there(job: Job) -> None:
    job.propagator.wrong = range(7, 12)
    job.say(1, 0)
    job.track()
    before = job.mattes()
    job.propagator.wrong, job.propagator.level = (), np.float32(0.8)
    job.say(1, 10)
    job.track()
    back = job.propagator.shown[-7:]
    assert back == [10, 9, 8, 7, 6, 5, 4]
    assert differing(before, job.mattes()) == [7, 8, 9, *range(10, FRAMES)]
    assert job.project.backtracks(1) == {}


def test_a_way_back_that_is_lost_does_not_replace_what_is_sure(job: Job) -> None:
    job.say(1, 0)
    job.track()
    before = job.mattes()
    job.propagator.wrong = range(10)
    job.say(1, 10)
    job.track()
    assert job.propagator.shown[-4:] == [10, 9, 8, 7]
    assert differing(before, job.mattes()) == []


def test_only_the_corrected_object_is_propagated_and_the_others_keep_their_pixels(job: Job) -> None:
    for number in (1, 2):
        job.say(number, 0)
    job.track()
    others = job.mattes(2)
    job.say(1, 8)
    job.track()
    assert {number for _, _, number in job.propagator.told} <= {0, 1}
    assert differing(others, job.mattes(2)) == []
    # The toy draws both objects at one place: what object 2 holds is taken from object 1.
    assert (
        max(float((a + b).max()) for a, b in zip(job.mattes(1)[9:], others[9:], strict=True)) <= 1
    )


def corrected(job: Job) -> Job:
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
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_after: int
) -> None:
    monkeypatch.setattr("tam_edit.project.gathered.COMMIT_INTERVAL_S", 0.0)

    def stop(done: int, _total: int) -> None:
        if done == stop_after:
            raise KeyboardInterrupt

    with Project.create(tmp_path / "other.tam", **SHOT) as project:
        undisturbed = corrected(Job(job.source, project, job.propagator))
        undisturbed.track()
        assert job.propagator.shown[-12:] == list(range(13, 1, -1))
        wanted = undisturbed.mattes()
    corrected(job)
    with pytest.raises(KeyboardInterrupt):
        job.track(progress=stop)
    job.project.flush()
    seen = len(job.propagator.shown)
    job.track()
    assert seen + len(job.propagator.shown) <= 17
    assert differing(wanted, job.mattes()) == []
    assert job.project.backtracks(1) == {}


@pytest.mark.parametrize("stop_after", range(1, FRAMES))
def test_a_pass_that_stops_anywhere_shows_no_frame_twice(
    job: Job, monkeypatch: pytest.MonkeyPatch, stop_after: int
) -> None:
    monkeypatch.setattr("tam_edit.project.gathered.COMMIT_INTERVAL_S", 0.0)
    monkeypatch.setattr("tam_edit.project.gathered.LONGEST_WAIT_S", 0.0)
    job.say(1, 0)
    job.say(2, 0)
    job.say(2, 4, gone=True)
    job.say(1, 8)
    job.say(2, 11)

    def stop(done: int, _total: int) -> None:
        if done == stop_after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        job.track(progress=stop)
    seen = list(job.propagator.shown)
    job.track()
    # Object 2 comes back in a pass of its own, before which its first keyframe is learned.
    assert seen + job.propagator.shown == [*range(FRAMES), 0, *range(11, FRAMES)]
    assert job.project.run_state() is None


def stopped(job: Job, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Track so many frames, each of them committed."""
    monkeypatch.setattr("tam_edit.project.gathered.COMMIT_INTERVAL_S", 0.0)
    monkeypatch.setattr("tam_edit.project.gathered.LONGEST_WAIT_S", 0.0)

    def stop(done: int, _total: int) -> None:
        if done == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        job.track(progress=stop)


def test_a_stopped_pass_backward_goes_on_before_a_new_object_is_tracked(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    job.say(1, 6)
    stopped(job, monkeypatch, (FRAMES - 6) + 3)
    job.say(2, 0)
    job.track()
    assert job.propagator.shown == [*range(3, -1, -1), *range(FRAMES)]
    assert len(job.mattes(1)) == len(job.mattes(2)) == FRAMES


def test_a_way_back_whose_state_is_lost_is_carried_to_its_end(
    job: Job, monkeypatch: pytest.MonkeyPatch
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
    job: Job, monkeypatch: pytest.MonkeyPatch
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
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    job.say(1, 0)
    stopped(job, monkeypatch, 6)
    before = [entry.matte for i in range(6) if (entry := job.project.entry(1, i)) is not None]
    job.propagator.forgets, job.propagator.level = True, np.float32(0.8)
    job.track()
    assert job.propagator.shown == list(range(FRAMES))
    assert differing(before, job.mattes()[:6]) == []
    assert "run begun anew" in [record.kind for record in job.project.log_records()]


def test_what_a_person_has_approved_stays(job: Job) -> None:
    job.propagator.wrong = range(5, 12)
    job.say(1, 0)
    job.track()
    before = job.mattes()
    job.project.approve(1, 7, 9, "looked at them")
    job.propagator.wrong, job.propagator.level = (), np.float32(0.8)
    job.say(1, 11)
    job.track()
    assert differing(before, job.mattes())[:4] == [5, 6, 9, 10]
    assert job.project.approved(1) == {7, 8}


def test_frames_that_are_there_stay_when_later_ones_are_looked_for(job: Job) -> None:
    job.say(1, 0)
    job.track(LoopSettings(assesses=False), cuts=[6])
    job.project.approve(1, 1, 5, "looked at them")
    before = job.mattes()[:6]
    job.project.discard(1, 6, FRAMES)
    job.propagator.level = np.float32(0.8)
    job.track(LoopSettings(assesses=False, at_cuts="reacquire"), cuts=[6])
    assert differing(before, job.mattes()[:6]) == []
    assert job.project.approved(1) == set(range(1, 5))


def test_where_it_is_after_it_was_gone_says_nothing_of_later_shots(job: Job) -> None:
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
                job = Job(source, project, KnownPropagator(disc))
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


def test_more_objects_than_the_device_holds_are_tracked_in_several_passes(job: Job) -> None:
    for number in range(1, 6):
        job.say(number, 0)
    job.propagator.most_objects = 2
    job.track()
    assert all(len(job.mattes(number)) == FRAMES for number in range(1, 6))
    lines = [r.details for r in job.project.log_records() if r.kind == "out of memory"]
    assert [line["tries"] for line in lines] == [2]
    job.propagator.most_objects = 0
    job.say(1, 8)
    with pytest.raises(OutOfMemoryError, match="the toy holds no more"):
        job.track()


def test_a_device_that_got_smaller_goes_on_with_fewer_objects(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 5):
        job.say(number, 0)
    stopped(job, monkeypatch, 6)
    job.propagator.most_objects = 2
    job.track()
    assert all(len(job.mattes(number)) == FRAMES for number in range(1, 5))


def test_tracking_stops_at_a_cut_and_asks(job: Job) -> None:
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
def test_where_it_may_look_again_the_run_is_told_of_the_cut(job: Job, begin: int) -> None:
    job.say(1, begin)
    job.track(LoopSettings(assesses=False, at_cuts="reacquire"), cuts=[6])
    last_before = 5 if begin == 2 else 6
    assert [told for told in job.propagator.told if told[0] == "cut"] == [("cut", last_before, 0)]
    assert all(matte.any() for matte in job.mattes())


def test_an_object_that_is_gone_is_empty_until_it_is_prompted_again(job: Job) -> None:
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


class TrueSegmenter:
    """Knows the truth, and what it was asked."""

    name = "true"

    def __init__(self, clip: DrawnClip) -> None:
        self.clip = clip
        self.asked: list[tuple[int, Prompts, bool]] = []

    def segment(
        self, frame: Frame, prompts: Prompts, previous: Matte | None = None
    ) -> Segmentation:
        self.asked.append((frame.index, prompts, previous is not None))
        matte = self.clip.mask(1, frame.index).astype(np.float32)
        return Segmentation(mattes=(matte,), scores=(0.95,))


def refined(job: Job) -> tuple[TrueSegmenter, list[Mapping[str, object]]]:
    """The job with refinement, and what the log says of it."""
    segmenter = TrueSegmenter(job.propagator.clip)
    job.models = Models(name="known", segmenter=segmenter, propagator=job.propagator)
    job.say(1, 0)
    job.track(LoopSettings(refine_below=0.7, at_cuts="ignore"))
    return segmenter, [r.details for r in job.project.log_records() if r.kind == "refinement"]


def test_a_doubtful_mask_is_refined_and_the_run_remembers_it(job: Job) -> None:
    job.propagator.wrong, job.propagator.shift = (5, 6), 5
    segmenter, lines = refined(job)
    assert {index for index, _, _ in segmenter.asked} == {5, 6}
    assert all(prompts.positive for _, prompts, _ in segmenter.asked)
    assert segmenter.asked[0][2]
    assert [(line["frame"], line["accepted"]) for line in lines] == [(5, True), (6, True)]
    assert all(line["score_after"] > line["score_before"] for line in lines)
    assert [told for told in job.propagator.told if told[0] == "revise"] == [
        ("revise", 5, 1),
        ("revise", 6, 1),
    ]
    found = {s.frame_index: s.origin for s in job.project.scores(1)}
    assert [i for i, origin in found.items() if origin is Origin.REFINED] == [5, 6]
    truth = job.propagator.clip.mask(1, 5)
    assert np.array_equal(job.mattes()[5] > 0.5, truth)


def test_an_answer_that_means_something_else_is_rejected_and_logged(job: Job) -> None:
    job.propagator.wrong, job.propagator.shift = (5,), 20
    _, lines = refined(job)
    (line,) = lines
    assert line["accepted"] is False
    assert "something else" in str(line["why"])
    assert not any(told[0] == "revise" for told in job.propagator.told)
    assert Origin.REFINED not in {s.origin for s in job.project.scores(1)}


def test_without_assessment_the_models_own_word_stands(job: Job) -> None:
    job.say(1, 0)
    job.propagator.score = 0.31
    job.track(PLAIN)
    assert set(job.scores()[1:]) == {0.31}
    assert all(s.reasons == ("the toy says so",) for s in list(job.project.scores(1))[1:])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_an_error_that_names_the_frame(
    job: Job, value: float
) -> None:
    job.say(1, 0)
    job.propagator.level = np.float32(value)
    with pytest.raises(ModelError, match="object 1 is not finite on frame 1"):
        job.track()
    assert job.project.tracked_spans(1) == [(0, 1)]


def test_a_snapshot_of_something_else_is_refused() -> None:
    with pytest.raises(ModelError, match="damaged or of another version"):
        unpacked(b"not a snapshot")

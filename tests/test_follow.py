"""The loop over a whole video, with models whose every answer is known."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from tam_edit.errors import ModelError, OutOfMemoryError
from tam_edit.frame import Frame
from tam_edit.models import Models
from tam_edit.models.base import Segmentation
from tam_edit.prompts import Prompts
from tam_edit.testing.clips import DrawnClip
from tam_edit.tracking import LoopSettings
from tam_edit.tracks import Origin
from tam_edit.types import Matte
from tests.known_jobs import FRAMES, PLAIN, KnownJob, differing


def test_a_correction_changes_its_span_only_and_costs_no_more(job: KnownJob) -> None:
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


def test_a_correction_is_carried_back_as_far_as_it_is_surer_than_what_is_there(
    job: KnownJob,
) -> None:
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


def test_a_way_back_that_is_lost_does_not_replace_what_is_sure(job: KnownJob) -> None:
    job.say(1, 0)
    job.track()
    before = job.mattes()
    job.propagator.wrong = range(10)
    job.say(1, 10)
    job.track()
    assert job.propagator.shown[-4:] == [10, 9, 8, 7]
    assert differing(before, job.mattes()) == []


def test_only_the_corrected_object_is_propagated_and_the_others_keep_their_pixels(
    job: KnownJob,
) -> None:
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


def test_what_a_person_has_approved_stays(job: KnownJob) -> None:
    job.propagator.wrong = range(5, 12)
    job.say(1, 0)
    job.track()
    before = job.mattes()
    job.project.approve(1, range(7, 9), "looked at them")
    job.propagator.wrong, job.propagator.level = (), np.float32(0.8)
    job.say(1, 11)
    job.track()
    assert differing(before, job.mattes())[:4] == [5, 6, 9, 10]
    assert job.project.approved(1) == {7, 8}


def test_more_objects_than_the_device_holds_are_tracked_in_several_passes(job: KnownJob) -> None:
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


def refined(job: KnownJob) -> tuple[TrueSegmenter, list[Mapping[str, object]]]:
    """The job with refinement, and what the log says of it."""
    segmenter = TrueSegmenter(job.propagator.clip)
    job.models = Models(name="known", segmenter=segmenter, propagator=job.propagator)
    job.say(1, 0)
    job.track(LoopSettings(refine_below=0.7, at_cuts="ignore"))
    return segmenter, [r.details for r in job.project.log_records() if r.kind == "refinement"]


def test_a_doubtful_mask_is_refined_and_the_run_remembers_it(job: KnownJob) -> None:
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


def test_an_answer_that_means_something_else_is_rejected_and_logged(job: KnownJob) -> None:
    job.propagator.wrong, job.propagator.shift = (5,), 20
    _, lines = refined(job)
    (line,) = lines
    assert line["accepted"] is False
    assert "something else" in str(line["why"])
    assert not any(told[0] == "revise" for told in job.propagator.told)
    assert Origin.REFINED not in {s.origin for s in job.project.scores(1)}


def test_without_assessment_the_models_own_word_stands(job: KnownJob) -> None:
    job.say(1, 0)
    job.propagator.score = 0.31
    job.track(PLAIN)
    assert set(job.scores()[1:]) == {0.31}
    assert all(s.reasons == ("the toy says so",) for s in list(job.project.scores(1))[1:])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_an_error_that_names_the_frame(
    job: KnownJob, value: float
) -> None:
    job.say(1, 0)
    job.propagator.level = np.float32(value)
    with pytest.raises(ModelError, match="object 1 is not finite on frame 1"):
        job.track()
    assert job.project.tracked_spans(1) == [(0, 1)]

"""When a segmenter's answer takes the place of a doubtful mask, and what it is asked."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import pytest
from scipy import ndimage

from tam_edit.frame import Frame
from tam_edit.masks.measure import iou
from tam_edit.models.base import Affinity, Segmentation
from tam_edit.models.builtin.segmenter import BuiltinSegmenter
from tam_edit.prompts import Prompts
from tam_edit.testing.clips import DrawnClip, draw_clip
from tam_edit.tracking.assess import Assessor, Verdict
from tam_edit.tracking.refine import Refiner
from tam_edit.types import Matte
from tests.judged_masks import HEIGHT, WIDTH, as_matte, frame_of

DOUBTED = Verdict(score=0.4, reasons=("it was dark",))


@dataclass
class Scripted:
    """A segmenter that answers what it was told to, and notes what it was asked."""

    mattes: tuple[Matte, ...]
    scores: tuple[float, ...] = (0.95,)
    name: str = "scripted"
    asked: list[tuple[Prompts, Matte | None]] = field(default_factory=list)

    def segment(
        self, frame: Frame, prompts: Prompts, previous: Matte | None = None
    ) -> Segmentation:
        prompts.check(frame.width, frame.height)
        self.asked.append((prompts, previous))
        return Segmentation(mattes=self.mattes, scores=self.scores[: len(self.mattes)])


def own_score(matte: Matte, own: Verdict) -> Verdict:
    """A judge that believes whoever made the matte."""
    return own


def slipped(clip: DrawnClip, by: int = 8) -> Matte:
    return as_matte(np.roll(clip.mask(1, 6), (0, by), (0, 1)))


def test_an_answer_that_agrees_and_is_better_is_accepted(clip: DrawnClip) -> None:
    prediction, true = slipped(clip), as_matte(clip.mask(1, 6))
    refined = Refiner(Scripted((true,))).refine(
        frame_of(clip), prediction, DOUBTED, None, own_score, None
    )
    agreement = iou(true > 0.5, prediction > 0.5)
    assert refined.is_accepted
    assert np.array_equal(refined.matte, true)
    assert refined.agreement == pytest.approx(agreement)
    assert refined.verdict.score == pytest.approx(0.95 * agreement)
    assert refined.why == f"the score rises from 0.40 to {0.95 * agreement:.2f}"


def test_an_answer_that_is_better_but_disagrees_is_rejected(clip: DrawnClip) -> None:
    prediction, other = slipped(clip), as_matte(np.roll(clip.mask(1, 6), (0, -60), (0, 1)))
    refined = Refiner(Scripted((other,))).refine(
        frame_of(clip), prediction, Verdict(score=0.1), None, lambda *_: Verdict(score=1.0), None
    )
    assert not refined.is_accepted
    assert refined.matte is prediction
    assert refined.verdict == Verdict(score=0.1)
    assert "means something else" in refined.why
    lenient = Refiner(Scripted((other,)), min_agreement=0.0).refine(
        frame_of(clip), prediction, Verdict(score=0.1), None, lambda *_: Verdict(score=1.0), None
    )
    assert lenient.is_accepted


def test_an_answer_that_is_judged_no_better_is_rejected(clip: DrawnClip) -> None:
    prediction, true = slipped(clip), as_matte(clip.mask(1, 6))
    for score, is_accepted in ((0.4, False), (0.42, False), (0.44, True)):
        refined = Refiner(Scripted((true,))).refine(
            frame_of(clip),
            prediction,
            DOUBTED,
            None,
            lambda matte, own, score=score: Verdict(score=score),
            None,
        )
        assert refined.is_accepted is is_accepted
        assert refined.verdict.score == (score if is_accepted else 0.4)
    assert (
        not Refiner(Scripted((true,)))
        .refine(
            frame_of(clip),
            prediction,
            DOUBTED,
            None,
            lambda *_: Verdict(score=0.9, is_absent=True),
            None,
        )
        .is_accepted
    )


def test_a_confident_answer_does_not_win_by_meaning_something_larger(clip: DrawnClip) -> None:
    """The segmenter's score counts only as far as the answer is the predicted thing."""
    prediction = as_matte(clip.mask(1, 6))
    larger = as_matte(ndimage.binary_dilation(clip.mask(1, 6), iterations=8))
    verdict = Verdict(score=0.68)
    refined = Refiner(Scripted((larger,), (0.99,))).refine(
        frame_of(clip), prediction, verdict, None, own_score, None
    )
    assert refined.agreement > 0.6
    assert not refined.is_accepted


def test_of_several_candidates_the_one_that_is_meant_is_taken(clip: DrawnClip) -> None:
    prediction, true = slipped(clip), as_matte(clip.mask(1, 6))
    whole = np.ones((HEIGHT, WIDTH), np.float32)
    refined = Refiner(Scripted((whole, true), (0.99, 0.9))).refine(
        frame_of(clip), prediction, DOUBTED, None, own_score, None
    )
    assert refined.is_accepted
    assert np.array_equal(refined.matte, true)


def test_the_prediction_is_the_mask_prompt_and_the_points_lie_in_source_pixels(
    clip: DrawnClip,
) -> None:
    prediction = cv2.resize(slipped(clip), (120, 90), interpolation=cv2.INTER_AREA)
    affinity = Affinity(inside=prediction, anchored=prediction)
    segmenter = Scripted((as_matte(clip.mask(1, 6)),))
    refined = Refiner(segmenter).refine(
        frame_of(clip), prediction, DOUBTED, affinity, own_score, None
    )
    assert refined.matte.shape == (90, 120)
    [(prompts, previous)] = segmenter.asked
    assert previous is not None
    assert previous.shape == (HEIGHT, WIDTH)
    assert prompts.box is None
    assert len(prompts.positive) >= 1
    for x, y in prompts.positive:
        assert previous[round(y), round(x)] > 0.5
    for x, y in prompts.negative:
        assert previous[round(y), round(x)] < 0.5


def test_a_segmenter_without_an_opinion_is_asked_again_with_the_box(clip: DrawnClip) -> None:
    prediction = slipped(clip)
    segmenter = Scripted((prediction,))
    refined = Refiner(segmenter).refine(frame_of(clip), prediction, DOUBTED, None, own_score, None)
    assert not refined.is_accepted
    assert refined.why == "the segmenter gives the same mask"
    [(_, first), (prompts, second)] = segmenter.asked
    assert first is not None
    assert second is None
    assert prompts.box is not None
    rows, columns = np.nonzero(prediction > 0.5)
    x0, y0, x1, y1 = prompts.box
    assert 0 < columns.min() - x0 <= 8
    assert 0 < y1 - rows.max() <= 9
    assert x1 > columns.max()
    assert y0 < rows.min()


def test_a_mask_that_only_comes_back_from_another_size_is_no_answer(clip: DrawnClip) -> None:
    small = cv2.resize(slipped(clip), (61, 47), interpolation=cv2.INTER_AREA)
    small[3:6, 4:6] = 1  # details that do not survive there and back

    class Echo(Scripted):
        def segment(
            self, frame: Frame, prompts: Prompts, previous: Matte | None = None
        ) -> Segmentation:
            self.mattes = self.mattes if previous is None else (previous,)
            return super().segment(frame, prompts, previous)

    refined = Refiner(Echo(())).refine(frame_of(clip), small, DOUBTED, None, own_score, None)
    assert refined.why == "the segmenter gives the same mask"


def test_what_others_hold_is_left_to_them(clip: DrawnClip) -> None:
    prediction, true = slipped(clip), clip.mask(1, 6)
    rows, _ = np.nonzero(true)
    taken = np.zeros((HEIGHT, WIDTH), np.float32)
    taken[: int(rows.min()) + 12] = 1
    refined = Refiner(Scripted((as_matte(true),))).refine(
        frame_of(clip), np.minimum(prediction, 1 - taken), DOUBTED, None, own_score, taken
    )
    assert refined.is_accepted
    assert np.array_equal(refined.matte > 0.5, true & (taken == 0))


def test_an_empty_prediction_is_not_put_to_the_segmenter(clip: DrawnClip) -> None:
    segmenter = Scripted((as_matte(clip.mask(1, 6)),))
    nothing = np.zeros((HEIGHT, WIDTH), np.float32)
    refined = Refiner(segmenter).refine(frame_of(clip), nothing, DOUBTED, None, own_score, None)
    assert not refined.is_accepted
    assert segmenter.asked == []


def assessed(clip: DrawnClip, prediction: Matte, segmenter: object) -> tuple[Verdict, object]:
    """Judge a prediction on frame 6 after true masks, and refine it with the same judge."""
    assessor = Assessor(WIDTH, HEIGHT)
    for index in range(6):
        assessor.look(frame_of(clip, index))
        if index:
            assessor.judge(1, as_matte(clip.mask(1, index)), Verdict(score=0.9))
        assessor.settle({1: as_matte(clip.mask(1, index))})
    frame = frame_of(clip, 6)
    assessor.look(frame)
    verdict = assessor.judge(1, prediction, Verdict(score=0.5))

    def judge(matte: Matte, own: Verdict) -> Verdict:
        return assessor.judge(1, matte, own, instead_of=prediction)

    return verdict, Refiner(segmenter).refine(frame, prediction, verdict, None, judge, None)


def test_the_assessment_accepts_the_truth_and_rejects_what_is_worse(clip: DrawnClip) -> None:
    true = as_matte(clip.mask(1, 6))
    verdict, refined = assessed(clip, slipped(clip), Scripted((true,)))
    assert refined.is_accepted
    assert refined.verdict.score > verdict.score + 0.03
    grown = as_matte(ndimage.binary_dilation(clip.mask(1, 6), iterations=5))
    _, refused = assessed(clip, true, Scripted((grown,)))
    assert not refused.is_accepted
    assert "no better" in refused.why


def test_the_built_in_segmenter_mends_a_slipped_mask_of_a_clear_object() -> None:
    clip = draw_clip("disc", frames=16, width=WIDTH, height=HEIGHT)
    prediction = slipped(clip, 8)
    _, refined = assessed(clip, prediction, BuiltinSegmenter())
    true = clip.mask(1, 6)
    before, after = iou(prediction > 0.5, true), iou(refined.matte > 0.5, true)
    assert refined.is_accepted
    assert after > before + 0.05

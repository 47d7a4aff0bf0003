"""The points that a doubtful mask gives, and when a segmenter's answer takes its place."""

from __future__ import annotations

from collections.abc import Callable
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
from tam_edit.tracking.refine import (
    Points,
    Refiner,
    affinity_points,
    probes,
    prompt_points,
    to_prompts,
)
from tam_edit.types import Mask, Matte

WIDTH, HEIGHT = 240, 180
DOUBTED = Verdict(score=0.4, reasons=("it was dark",))


@pytest.fixture(scope="module")
def clip() -> DrawnClip:
    return draw_clip("disc", frames=16, width=WIDTH, height=HEIGHT)


def as_matte(mask: Mask) -> Matte:
    return mask.astype(np.float32)


def soft_blob(seed: int, width: int = 90, height: int = 70, grain_px: float = 7) -> Matte:
    """A soft prediction of a ragged shape, with a few separate parts."""
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(
        rng.standard_normal((height, width)).astype(np.float32), (0, 0), grain_px
    )
    noise *= grain_px / 7
    y, x = np.mgrid[0:height, 0:width]
    near = np.exp(-(((x - width / 2) / 25) ** 2 + ((y - height / 2) / 18) ** 2))
    return (1 / (1 + np.exp(-(4 * near - 2 + 12 * noise)))).astype(np.float32)


# Probes


def slow_probes(matte: Matte) -> Points:
    """The published definition, pixel by pixel."""
    mask = matte > 0.5
    reach = float(np.sqrt(mask.sum()))
    inside_px = ndimage.distance_transform_edt(mask)
    outside_px = ndimage.distance_transform_edt(~mask)
    level = np.rint(matte * 255)

    def greatness(y: int, x: int) -> tuple[float, float]:
        return float(level[y, x]), float(np.float32(inside_px[y, x]))

    core = [(y, x) for y, x in np.argwhere(mask) if inside_px[y, x] > 0.08 * reach]
    peaks = []
    for y, x in core:
        neighbours = [(v, u) for v, u in core if max(abs(v - y), abs(u - x)) == 1]
        if all(greatness(y, x) >= greatness(*other) for other in neighbours):
            peaks.append((y, x))
    middle = (0.1 + 0.35) / 2 * reach
    band = [
        (y, x)
        for y, x in np.argwhere(~mask)
        if max(1, 0.1 * reach) <= outside_px[y, x] <= max(2, 0.35 * reach)
    ]

    def chosen(
        pixels: list[tuple[int, int]], key: Callable, apart: float, limit: int
    ) -> tuple[tuple[int, int], ...]:
        taken: list[tuple[int, int]] = []
        for y, x in sorted(pixels, key=key):
            if len(taken) < limit and all(np.hypot(x - u, y - v) >= apart for u, v in taken):
                taken.append((int(x), int(y)))
        return tuple(taken)

    return Points(
        positive=chosen(
            peaks, lambda p: (-greatness(*p)[0], -greatness(*p)[1], p[0], p[1]), 0.5 * reach, 3
        ),
        negative=chosen(
            band,
            lambda p: (level[tuple(p)], round(abs(outside_px[tuple(p)] - middle), 4), p[0], p[1]),
            0.8 * reach,
            4,
        ),
    )


@pytest.mark.parametrize("grain_px", [2.5, 7])
@pytest.mark.parametrize("seed", range(4))
def test_probes_lie_where_the_definition_says(seed: int, grain_px: float) -> None:
    matte = soft_blob(seed, grain_px=grain_px)
    found, wanted = probes(matte), slow_probes(matte)
    assert len(wanted.positive) >= 1
    assert len(wanted.negative) >= 2
    assert found.positive == wanted.positive
    assert found.negative[0] == wanted.negative[0]
    assert len(found.negative) == len(wanted.negative)


@pytest.mark.parametrize("seed", range(6))
def test_probes_hold_on_the_mask_and_keep_apart(seed: int) -> None:
    matte = soft_blob(seed)
    found = probes(matte)
    reach = np.sqrt((matte > 0.5).sum())
    for x, y in found.positive:
        assert matte[y, x] > 0.5
    for x, y in found.negative:
        assert matte[y, x] <= 0.5
    for points, apart in ((found.positive, 0.5), (found.negative, 0.8)):
        for i, a in enumerate(points):
            for b in points[:i]:
                assert np.hypot(a[0] - b[0], a[1] - b[1]) >= apart * reach


def test_on_a_hard_disc_the_probe_is_its_middle() -> None:
    y, x = np.mgrid[0:81, 0:81]
    disc = (np.hypot(x - 40, y - 40) <= 25).astype(np.float32)
    assert probes(disc).positive[0] == (40, 40)


@pytest.mark.parametrize("shape", ["line", "dot", "border", "full", "empty"])
def test_probes_of_odd_masks(shape: str) -> None:
    mask = np.zeros((40, 60), bool)
    if shape == "line":
        mask[20, 5:50] = True
    elif shape == "dot":
        mask[3, 7] = True
    elif shape == "border":
        mask[:, :20] = True
    elif shape == "full":
        mask[:] = True
    found = probes(as_matte(mask))
    assert bool(found.positive) == (shape != "empty")
    assert bool(found.negative) == (shape not in ("empty", "full"))
    for x, y in found.positive:
        assert mask[y, x]
    for x, y in found.negative:
        assert not mask[y, x]


# Affinity


def disc_at(x0: int, y0: int, radius: int, width: int = 200, height: int = 160) -> Mask:
    y, x = np.mgrid[0:height, 0:width]
    return np.hypot(x - x0, y - y0) <= radius


def test_affinity_gives_points_only_where_there_is_evidence() -> None:
    body, dropped = disc_at(70, 80, 40), disc_at(160, 80, 22)
    alien = disc_at(60, 80, 12)
    matte = as_matte(body)
    agreeing = Affinity(inside=as_matte(body), anchored=as_matte(body))
    assert affinity_points(matte, agreeing) == Points()
    missed = Affinity(inside=as_matte(body | dropped), anchored=0.8 * as_matte(body | dropped))
    found = affinity_points(matte, missed)
    assert found.positive
    assert not found.negative
    assert all(dropped[y, x] for x, y in found.positive)
    # What only later frames have as object is no keyframe's word.
    later = Affinity(inside=as_matte(body | dropped), anchored=as_matte(body))
    assert affinity_points(matte, later) == Points()
    torn = Affinity(inside=as_matte(body & ~alien), anchored=as_matte(body & ~alien))
    found = affinity_points(matte, torn)
    assert found.negative
    assert not found.positive
    assert all(alien[y, x] for x, y in found.negative)


def test_what_the_affinity_contradicts_is_no_probe() -> None:
    body, core = disc_at(90, 80, 45), disc_at(90, 80, 20)
    matte = as_matte(body)
    hollow = Affinity(inside=as_matte(body & ~core), anchored=as_matte(body & ~core))
    assert core[probes(matte).positive[0][::-1]]
    assert probes(matte, hollow).positive
    assert not any(core[y, x] for x, y in probes(matte, hollow).positive)
    everywhere = Affinity(inside=np.ones_like(matte), anchored=np.ones_like(matte))
    away = ndimage.distance_transform_cdt(~body, metric="chessboard")
    assert max(away[y, x] for x, y in probes(matte).negative) > 8
    assert max(away[y, x] for x, y in probes(matte, everywhere).negative) <= 8


def test_the_strongest_affinity_comes_first() -> None:
    body, dropped = disc_at(70, 80, 40), disc_at(160, 80, 22)
    anchored = as_matte(body | dropped) * 0.6
    anchored[90, 165] = 0.9
    affinity = Affinity(inside=as_matte(body | dropped), anchored=anchored)
    assert affinity_points(as_matte(body), affinity).positive[0] == (165, 90)


def test_pixels_of_another_object_are_no_candidates() -> None:
    body, dropped = disc_at(70, 80, 40), disc_at(160, 80, 22)
    affinity = Affinity(inside=as_matte(body | dropped), anchored=as_matte(body | dropped))
    taken = as_matte(dropped)
    assert affinity_points(as_matte(body), affinity, taken).positive == ()


@pytest.mark.parametrize("seed", range(8))
def test_points_never_contradict_each_other(seed: int) -> None:
    rng = np.random.default_rng(seed)
    matte = soft_blob(seed, 200, 160)
    maps = [
        np.clip(0.5 + 12 * cv2.GaussianBlur(rng.standard_normal(matte.shape), (0, 0), 9), 0, 1)
        for _ in range(2)
    ]
    inside, anchored = (m.astype(np.float32) for m in maps)
    points = prompt_points(matte, Affinity(inside=inside, anchored=anchored), None)
    assert not set(points.positive) & set(points.negative)
    if points.positive:
        to_prompts(points, (200, 160), (1920, 1080)).check(1920, 1080)
        to_prompts(points, (200, 160), (200, 160)).check(200, 160)


def test_points_are_scaled_from_pixel_centre_to_pixel_centre() -> None:
    points = Points(positive=((0, 0), (99, 49)), negative=((10, 20),))
    prompts = to_prompts(points, (100, 50), (400, 200))
    assert prompts.positive == ((1.5, 1.5), (397.5, 197.5))
    assert prompts.negative == ((41.5, 81.5),)
    same = to_prompts(points, (100, 50), (100, 50))
    assert same.positive == ((0.0, 0.0), (99.0, 49.0))


# Accepting and rejecting


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


def frame_of(clip: DrawnClip, index: int = 6) -> Frame:
    return Frame.from_rgb(clip.image(index), index=index)


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


# With the real assessment


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

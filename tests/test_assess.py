"""What the assessment says of masks that are right, and of masks wrong in known ways."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from scipy import ndimage

from tam_edit.frame import Frame
from tam_edit.models.base import Affinity
from tam_edit.testing.clips import DrawnClip
from tam_edit.tracking.assess import Assessor, Verdict
from tam_edit.tracks import DOUBTFUL_BELOW
from tam_edit.types import Mask
from tests.judged_masks import DISC, HEIGHT, SURE, WIDTH, as_matte, frame_of, tracked, verdict_on


def leaked(mask: Mask) -> Mask:
    out = mask.copy()
    rows, columns = np.nonzero(mask)
    y, x = int(rows.mean()), int(columns.max())
    out[y - 18 : y + 18, x - 5 : x + 45] = True
    return out


def fallen_apart(mask: Mask) -> Mask:
    out = mask.copy()
    column = int(np.nonzero(mask)[1].mean())
    out[:, column - 8 : column + 8] = False
    return out


def with_stray(mask: Mask) -> Mask:
    out = mask.copy()
    out[HEIGHT - 30 : HEIGHT - 8, 8:40] = True
    return out


def shrunk(mask: Mask) -> Mask:
    return ndimage.binary_erosion(mask, iterations=8)


SPOILT: dict[str, tuple[Callable[[Mask], Mask], str]] = {
    "jumps": (lambda mask: np.roll(mask, (-20, 70), (0, 1)), "the mask has jumped"),
    "splits": (fallen_apart, "the mask has come apart"),
    "strays": (with_stray, "a separate part has appeared"),
    "leaks": (leaked, "the mask has grown suddenly"),
    "shrinks": (shrunk, "the mask has shrunk suddenly"),
    "slips": (
        lambda mask: np.roll(mask, (4, 4), (0, 1)),
        "the mask's edge is not on edges of the picture",
    ),
}


def test_true_masks_are_trusted_and_need_no_reasons(clip: DrawnClip) -> None:
    for index in (1, 6, 12):
        verdict = verdict_on(clip, as_matte(clip.mask(DISC, index)), index)
        assert verdict.score > 0.8
        assert verdict.reasons == ()
        assert not verdict.is_absent


@pytest.mark.parametrize("way", SPOILT)
def test_a_spoilt_mask_scores_lower_and_says_why(clip: DrawnClip, way: str) -> None:
    spoil, reason = SPOILT[way]
    true = clip.mask(DISC, 6)
    own = Verdict(score=0.5)  # doubtful in itself, so that reasons are given for the true one too
    right = verdict_on(clip, as_matte(true), own=own)
    wrong = verdict_on(clip, as_matte(spoil(true)), own=own)
    assert wrong.score < right.score - 0.01
    assert reason in wrong.reasons
    assert reason not in right.reasons


@pytest.mark.parametrize("way", ["jumps", "strays", "leaks"])
def test_a_sure_propagator_does_not_hide_a_gross_error(clip: DrawnClip, way: str) -> None:
    wrong = SPOILT[way][0](clip.mask(DISC, 6))
    sure, right = Verdict(score=0.99), clip.mask(DISC, 6)
    assert verdict_on(clip, as_matte(wrong), own=sure).score < DOUBTFUL_BELOW
    assert verdict_on(clip, as_matte(right), own=sure).score > DOUBTFUL_BELOW


def test_a_leap_to_a_twin_is_noticed_although_colours_and_edges_are_right() -> None:
    rng = np.random.default_rng(2)
    backdrop = cv2.GaussianBlur(rng.integers(60, 120, (150, 300, 3), np.uint8), (0, 0), 3)
    y, x = np.mgrid[0:150, 0:300]
    twins = [np.hypot(x - middle, y - 75) <= 35 for middle in (70, 220)]
    scores = {}
    for leaps in (False, True):
        assessor = Assessor(300, 150)
        for index in range(5):
            image = backdrop.copy()
            image[twins[0] | twins[1]] = (220, 40, 30)
            assessor.look(Frame.from_rgb(image, index=index))
            matte = as_matte(twins[1] if leaps and index == 4 else twins[0])
            if index:
                verdict = assessor.judge(DISC, matte, Verdict(score=0.97))
            assessor.settle({DISC: matte})
        scores[leaps] = verdict
    assert scores[False].score > 0.85
    assert scores[True].score < DOUBTFUL_BELOW
    assert "the mask has jumped" in scores[True].reasons


def test_the_propagators_own_doubt_counts(clip: DrawnClip) -> None:
    matte = as_matte(clip.mask(DISC, 6))
    scores = [verdict_on(clip, matte, own=Verdict(score=s)).score for s in (0.1, 0.4, 0.7, 0.95)]
    assert (np.diff(scores) > 0).all()
    doubted = verdict_on(clip, matte, own=Verdict(score=0.2, reasons=("it is dark",)))
    assert doubted.reasons[0] == "it is dark"
    assert verdict_on(clip, matte, own=Verdict(score=0.2)).reasons == (
        "the tracker itself is not sure",
    )


def test_every_low_score_has_a_reason(clip: DrawnClip) -> None:
    rng = np.random.default_rng(3)
    for _ in range(6):
        noise = cv2.GaussianBlur(rng.standard_normal((HEIGHT, WIDTH)).astype(np.float32), (0, 0), 8)
        verdict = verdict_on(clip, (noise > 0).astype(np.float32))
        assert verdict.score < DOUBTFUL_BELOW
        assert verdict.reasons


def test_other_colours_than_the_keyframes_are_noticed(clip: DrawnClip) -> None:
    assessor = tracked(clip, 6)
    image = clip.image(6)
    mask = clip.mask(DISC, 6)
    image[mask] = image[mask][:, ::-1] // 2
    assessor.look(Frame.from_rgb(image, index=6))
    verdict = assessor.judge(DISC, as_matte(mask), Verdict(score=0.6))
    assert "the colours are unlike what was selected" in verdict.reasons


def test_a_keyframe_that_shows_other_colours_settles_the_matter(clip: DrawnClip) -> None:
    def recoloured(index: int) -> Frame:
        image, mask = clip.image(index), clip.mask(DISC, index)
        image[mask] = image[mask][:, ::-1] // 2
        return Frame.from_rgb(image, index=index)

    scores = {}
    for is_given in (False, True):
        assessor = tracked(clip, 6)
        assessor.look(recoloured(6))
        if not is_given:
            assessor.judge(DISC, as_matte(clip.mask(DISC, 6)), SURE)
        assessor.settle({DISC: as_matte(clip.mask(DISC, 6))})
        assessor.look(recoloured(7))
        scores[is_given] = assessor.judge(DISC, as_matte(clip.mask(DISC, 7)), SURE).score
    assert scores[True] > DOUBTFUL_BELOW > scores[False]


def test_what_affinity_says_is_named_but_not_counted_again(clip: DrawnClip) -> None:
    mask = clip.mask(DISC, 6)
    matte, own = as_matte(mask), Verdict(score=0.3)
    half = mask.copy()
    half[:, : int(np.nonzero(mask)[1].mean())] = False
    elsewhere = np.zeros_like(mask)
    elsewhere[5:40, 180:230] = True
    agreeing = Affinity(inside=matte, anchored=matte)
    torn = Affinity(inside=as_matte(half), anchored=as_matte(half))
    missed = Affinity(inside=as_matte(mask | elsewhere), anchored=as_matte(mask | elsewhere))
    inner = "part of the mask looks like the background"
    outer = "the object is also seen outside the mask"
    found = {}
    for name, affinity in (("agreeing", agreeing), ("torn", torn), ("missed", missed)):
        found[name] = tracked(clip, 6).judge(DISC, matte, own, affinity)
    assert inner in found["torn"].reasons
    assert outer not in found["torn"].reasons
    assert outer in found["missed"].reasons
    assert inner not in found["missed"].reasons
    assert not {inner, outer} & set(found["agreeing"].reasons)
    assert len({verdict.score for verdict in found.values()}) == 1


def test_a_proposal_is_told_from_the_prediction_by_its_edges_alone(clip: DrawnClip) -> None:
    assessor = tracked(clip, 6)
    true = as_matte(clip.mask(DISC, 6))
    slipped = as_matte(np.roll(clip.mask(DISC, 6), (14, 25), (0, 1)))
    own = Verdict(score=0.5)
    predicted = assessor.judge(DISC, slipped, own)
    mended = assessor.judge(DISC, true, own, instead_of=slipped)
    assert mended.score > predicted.score + 0.05
    other = tracked(clip, 6)
    other.judge(DISC, true, own)
    worse = other.judge(DISC, slipped, own, instead_of=true)
    assert worse.score < other.judge(DISC, true, own).score - 0.05


def test_doubt_lasts_for_some_frames_and_fades(clip: DrawnClip) -> None:
    def scores(own_at_five: float) -> list[float]:
        assessor = tracked(clip, 5)
        found = []
        for index in range(5, 14):
            matte = as_matte(clip.mask(DISC, index))
            assessor.look(frame_of(clip, index))
            own = Verdict(score=own_at_five if index == 5 else 0.9)
            found.append(assessor.judge(DISC, matte, own).score)
            assessor.settle({DISC: matte})
        return found[1:]

    calm, shaken = np.array(scores(0.9)), np.array(scores(0.02))
    lack = calm - shaken
    assert lack[0] > 0.05
    assert (np.diff(lack) < 0).all()


def test_a_proposal_that_is_turned_down_leaves_no_trace(clip: DrawnClip) -> None:
    true = as_matte(clip.mask(DISC, 6))
    wrong = as_matte(np.roll(clip.mask(DISC, 6), (0, 90), (0, 1)))
    snapshots = set()
    for proposes in (False, True):
        assessor = tracked(clip, 6)
        assessor.judge(DISC, true, SURE)
        if proposes:
            assessor.judge(DISC, wrong, Verdict(score=0.05), instead_of=true)
        assessor.settle({DISC: true})
        snapshots.add(assessor.snapshot())
    assert len(snapshots) == 1

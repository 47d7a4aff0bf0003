"""What the assessment says of masks that are right, and of masks wrong in known ways."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from tam_edit.errors import InputError, ModelError
from tam_edit.frame import Frame
from tam_edit.models.base import Affinity
from tam_edit.testing.clips import DrawnClip, draw_clip
from tam_edit.tracking.absence import Sighting, went_out
from tam_edit.tracking.assess import Assessor, Verdict
from tam_edit.tracking.evidence import carried, color_shares, edge_contrast, origin_of
from tam_edit.tracks import DOUBTFUL_BELOW
from tam_edit.types import Box, Mask, Matte

SURE = Verdict(score=0.9)
WIDTH, HEIGHT = 240, 180
DISC = 1

LEFT = "the object has left through the picture's edge"
VANISHED = "the object has vanished inside the picture"
BACK = "the object has come back"
CUT = "there is a cut before this frame"


@pytest.fixture(scope="module")
def clip() -> DrawnClip:
    """A disc, 72 pixels across, that moves a few pixels a frame."""
    return draw_clip("disc", frames=16, width=WIDTH, height=HEIGHT)


def frame_of(clip: DrawnClip, index: int) -> Frame:
    return Frame.from_rgb(clip.image(index), index=index)


def as_matte(mask: Mask) -> Matte:
    return mask.astype(np.float32)


@cache
def snapshot_before(clip: DrawnClip, until: int) -> bytes:
    """The state of an assessor that has seen the true masks of all frames before one."""
    assessor = Assessor(clip.width, clip.height)
    if until > 1:
        assessor = Assessor.resume(clip.width, clip.height, snapshot_before(clip, until - 1))
    assessor.look(frame_of(clip, until - 1))
    matte = as_matte(clip.mask(DISC, until - 1))
    if until > 1:
        assessor.judge(DISC, matte, SURE)
    assessor.settle({DISC: matte})
    return assessor.snapshot()


def tracked(clip: DrawnClip, until: int) -> Assessor:
    """An assessor that has seen the true masks, and then looks at the frame ``until``."""
    assessor = Assessor.resume(clip.width, clip.height, snapshot_before(clip, until))
    assessor.look(frame_of(clip, until))
    return assessor


def verdict_on(clip: DrawnClip, matte: Matte, index: int = 6, own: Verdict = SURE) -> Verdict:
    return tracked(clip, index).judge(DISC, matte, own)


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


# Absence


def followed(clip: DrawnClip, mattes: list[Matte | None], own: float = 0.9) -> list[Verdict]:
    """Verdicts on all but the first frame; None stands for the true mask."""
    assessor, verdicts = Assessor(clip.width, clip.height), []
    for index, given in enumerate(mattes):
        assessor.look(frame_of(clip, index))
        matte = as_matte(clip.mask(DISC, index)) if given is None else given
        if index:
            verdicts.append(assessor.judge(DISC, matte, Verdict(score=own)))
        assessor.settle({DISC: matte})
    return verdicts


def test_an_object_that_goes_out_is_absent_until_it_comes_back() -> None:
    clip = draw_clip("leaves", frames=40, width=WIDTH, height=HEIGHT)
    verdicts = followed(clip, [None] * 40)
    is_empty = [not clip.mask(DISC, index).any() for index in range(1, 40)]
    gone = [v for v, empty in zip(verdicts, is_empty, strict=True) if empty]
    assert len(gone) >= 6
    for verdict in gone:
        assert verdict == Verdict(score=0.72, reasons=(LEFT,), is_absent=True)
    assert gone[0].score > DOUBTFUL_BELOW
    first = max(i for i, empty in enumerate(is_empty) if empty) + 1
    assert BACK in verdicts[first].reasons
    assert verdicts[first].score < DOUBTFUL_BELOW
    assert BACK in verdicts[first + 2].reasons
    assert BACK not in verdicts[first + 3].reasons
    assert not any(v.is_absent for v, empty in zip(verdicts, is_empty, strict=True) if not empty)


def test_an_object_that_goes_inside_the_picture_has_vanished(clip: DrawnClip) -> None:
    nothing = np.zeros((HEIGHT, WIDTH), np.float32)
    verdicts = followed(clip, [None] * 5 + [nothing] * 4 + [None] * 4)
    for verdict in verdicts[4:8]:
        assert verdict == Verdict(score=0.1, reasons=(VANISHED,), is_absent=True)
    assert BACK in verdicts[8].reasons
    assert verdicts[8].score < DOUBTFUL_BELOW


def test_a_mask_that_breaks_down_at_the_border_has_not_left() -> None:
    whole, remnant = Box(0, 40, 90, 140), Box(0, 80, 10, 90)
    sightings = [Sighting(whole, 0.9)] * 6
    assert not went_out([*sightings, Sighting(remnant, 0.5)], WIDTH, HEIGHT)
    leaving = [Sighting(Box(0, 40, 90 - 12 * i, 140), 0.9) for i in range(7)]
    assert went_out(leaving, WIDTH, HEIGHT)
    assert not went_out(leaving[::-1], WIDTH, HEIGHT)


@pytest.mark.parametrize("turns", range(4))
def test_leaving_is_seen_at_every_border(turns: int) -> None:
    size = 200
    path = [Box(x, 60, x + 40, 100) for x in range(100, 240, 11)]
    boxes = []
    for box in path:
        mask = np.zeros((size, size), bool)
        mask[box.clipped(size, size).slices] = True
        if mask.any():
            rows, columns = np.nonzero(np.rot90(mask, turns))
            boxes.append(Box(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
    assert went_out([Sighting(box, 0.9) for box in boxes], size, size)
    # Long before, with the border far away, it is no way out.
    assert not went_out([Sighting(box, 0.9) for box in boxes[:5]], size, size)


def test_a_fast_object_leaves_between_two_frames() -> None:
    across = [Sighting(Box(x, 60, x + 30, 100), 0.9) for x in (10, 70, 130, 190)]
    assert went_out(across, WIDTH, HEIGHT)
    slower = [Sighting(Box(x, 60, x + 30, 100), 0.9) for x in (172, 178, 184, 190)]
    assert not went_out(slower, WIDTH, HEIGHT)


def test_what_left_is_believed_no_more_than_it_was_while_seen() -> None:
    clip = draw_clip("leaves", frames=40, width=WIDTH, height=HEIGHT)
    doubted = followed(clip, [None] * 20, own=0.2)[-1]
    assert doubted.reasons == (LEFT,)
    assert doubted.score < DOUBTFUL_BELOW


def test_a_speck_that_nobody_believes_in_is_absent(clip: DrawnClip) -> None:
    mask = clip.mask(DISC, 6)
    rows, columns = np.nonzero(mask)
    speck = np.zeros_like(mask)
    speck[rows[0] + 20 : rows[0] + 26, columns[0] : columns[0] + 6] = True
    assert 0 < speck.sum() < 0.02 * mask.sum()
    doubted = verdict_on(clip, as_matte(speck), own=Verdict(score=0.2))
    assert doubted.is_absent
    assert doubted.reasons == (VANISHED,)
    assert doubted.score <= 0.1
    assert not verdict_on(clip, as_matte(speck), own=Verdict(score=0.9)).is_absent
    larger = ndimage.binary_dilation(speck, iterations=4)
    assert not verdict_on(clip, as_matte(larger), own=Verdict(score=0.2)).is_absent


def test_an_object_that_a_person_took_out_is_not_in_doubt(clip: DrawnClip) -> None:
    assessor = tracked(clip, 6)
    nothing = np.zeros((HEIGHT, WIDTH), np.float32)
    assessor.settle({DISC: nothing})
    assessor.look(frame_of(clip, 7))
    verdict = assessor.judge(DISC, nothing, Verdict(score=0.1))
    assert verdict.is_absent
    assert verdict.score > DOUBTFUL_BELOW
    assert verdict.reasons == ("the object is absent since a person said so",)


# Cuts, snapshots, size


def test_after_a_cut_the_first_frame_is_doubtful_and_nothing_is_compared(clip: DrawnClip) -> None:
    assessor = tracked(clip, 2)
    true = as_matte(clip.mask(DISC, 2))
    assessor.judge(DISC, true, SURE)
    assessor.settle({DISC: true})
    assessor.cut()
    mirrored = Frame.from_rgb(np.ascontiguousarray(clip.image(3)[:, ::-1]), index=3)
    matte = as_matte(clip.mask(DISC, 3)[:, ::-1].copy())
    assessor.look(mirrored)
    verdict = assessor.judge(DISC, matte, SURE)
    assert verdict.score == 0.5
    assert verdict.reasons == (CUT,)
    assessor.settle({DISC: matte})
    assessor.look(Frame.from_rgb(np.ascontiguousarray(clip.image(4)[:, ::-1]), index=4))
    later = assessor.judge(DISC, as_matte(clip.mask(DISC, 4)[:, ::-1].copy()), SURE)
    assert later.score > DOUBTFUL_BELOW
    assert later.reasons == ()


def test_an_object_that_a_cut_took_away_is_not_found(clip: DrawnClip) -> None:
    assessor = tracked(clip, 6)
    assessor.settle({DISC: as_matte(clip.mask(DISC, 6))})
    assessor.cut()
    nothing = np.zeros((HEIGHT, WIDTH), np.float32)
    for index, reasons in ((7, (CUT, "the object was not found after the cut")), (8, None)):
        assessor.look(frame_of(clip, index))
        verdict = assessor.judge(DISC, nothing, Verdict(score=0.1))
        assert verdict.is_absent
        assert verdict.score == 0.3
        assert verdict.reasons == (reasons or ("the object was not found after the cut",))
        assessor.settle({DISC: nothing})


def test_frames_that_are_no_neighbours_are_not_compared(clip: DrawnClip) -> None:
    assessor = tracked(clip, 3)
    assessor.settle({DISC: as_matte(clip.mask(DISC, 3))})
    assessor.look(frame_of(clip, 15))
    verdict = assessor.judge(DISC, as_matte(clip.mask(DISC, 15)), SURE)
    assert verdict.score > DOUBTFUL_BELOW


@pytest.mark.parametrize("kind", ["disc", "leaves"])
def test_a_resumed_pass_gives_identical_verdicts(kind: str) -> None:
    clip = draw_clip(kind, frames=20, width=400, height=300)
    rng = np.random.default_rng(0)

    def matte_of(index: int) -> Matte:
        soft = cv2.GaussianBlur(as_matte(clip.mask(DISC, index)), (0, 0), 1.5 + (index % 3))
        return np.roll(soft, index % 4, 1)

    owns = [Verdict(score=float(s)) for s in rng.uniform(0.05, 0.95, 20)]

    def go_on(assessor: Assessor, start: int) -> list[Verdict]:
        found = []
        for index in range(start, 20):
            assessor.look(frame_of(clip, index))
            matte = matte_of(index)
            if index:
                found.append(assessor.judge(DISC, matte, owns[index]))
            assessor.settle({DISC: matte})
            snapshots[index] = assessor.snapshot()
        return found

    snapshots: dict[int, bytes] = {}
    whole = go_on(Assessor(400, 300), 0)
    kept = dict(snapshots)
    for at in (0, 4, 9, 13):
        rest = go_on(Assessor.resume(400, 300, kept[at]), at + 1)
        assert rest == whole[at:]
        assert snapshots[19] == kept[19]
    assert max(map(len, kept.values())) < 5 * min(map(len, kept.values()))


def test_a_snapshot_after_a_cut_still_knows_of_it(clip: DrawnClip) -> None:
    assessor = tracked(clip, 6)
    assessor.settle({DISC: as_matte(clip.mask(DISC, 6))})
    assessor.cut()
    resumed = Assessor.resume(WIDTH, HEIGHT, assessor.snapshot())
    resumed.look(frame_of(clip, 7))
    assert resumed.judge(DISC, as_matte(clip.mask(DISC, 7)), SURE).reasons[0] == CUT


def test_snapshots_of_something_else_are_refused(clip: DrawnClip) -> None:
    snapshot = tracked(clip, 3).snapshot()
    with pytest.raises(ModelError, match=r"size 240x180, not 120x90"):
        Assessor.resume(120, 90, snapshot)
    for broken in (b"", snapshot[: len(snapshot) // 2], b"\x08" + b"\0" * 7 + b"{}      "):
        with pytest.raises(ModelError, match="damaged"):
            Assessor.resume(WIDTH, HEIGHT, broken)


def test_a_forgotten_object_begins_anew(clip: DrawnClip) -> None:
    assessor = tracked(clip, 6)
    assessor.settle({DISC: as_matte(clip.mask(DISC, 6))})
    assessor.forget(DISC)
    fresh = Assessor(WIDTH, HEIGHT)
    fresh.look(frame_of(clip, 6))
    jumped = as_matte(np.roll(clip.mask(DISC, 7), 60, 1))
    for each in (assessor, fresh):
        each.look(frame_of(clip, 7))
    assert assessor.judge(DISC, jumped, SURE) == fresh.judge(DISC, jumped, SURE)


def test_objects_do_not_influence_each_other(clip: DrawnClip) -> None:
    alone, together = tracked(clip, 6), tracked(clip, 6)
    true, other = as_matte(clip.mask(DISC, 6)), np.zeros((HEIGHT, WIDTH), np.float32)
    other[10:60, 150:220] = 1
    together.judge(2, other, Verdict(score=0.2))
    assert alone.judge(DISC, true, SURE) == together.judge(DISC, true, SURE)


def test_a_matte_of_another_size_or_before_any_frame_is_refused() -> None:
    assessor = Assessor(WIDTH, HEIGHT)
    with pytest.raises(InputError, match="before it was shown a frame"):
        assessor.judge(DISC, np.zeros((HEIGHT, WIDTH), np.float32), SURE)
    assessor.look(Frame.from_rgb(np.zeros((HEIGHT, WIDTH, 3), np.uint8)))
    with pytest.raises(InputError, match=r"shape \(5, 5\), not \(180, 240\)"):
        assessor.settle({DISC: np.zeros((5, 5), np.float32)})


@pytest.mark.parametrize("size", [(1, 1), (7, 3), (12, 200), (33, 20)])
def test_tiny_pictures_and_full_or_tiny_masks_are_judged(size: tuple[int, int]) -> None:
    width, height = size
    rng = np.random.default_rng(1)
    full = np.ones((height, width), np.float32)
    dot = np.zeros((height, width), np.float32)
    dot[height // 2, width // 2] = 1
    assessor = Assessor(width, height)
    for index, matte in enumerate((dot, dot, full, dot)):
        image = rng.integers(0, 256, (height, width, 3), np.uint8)
        assessor.look(Frame.from_rgb(image, index=index))
        if index:
            assert 0 <= assessor.judge(DISC, matte, SURE).score <= 1
        assessor.settle({DISC: matte})


# The measurements themselves


def test_the_edge_contrast_is_the_closed_form_on_a_step() -> None:
    """A step of 100 has a Sobel gradient of 400 on both sides of it and none elsewhere."""
    gray = np.full((120, 120), 50, np.uint8)
    gray[:, 60:] = 150
    mask = np.zeros((120, 120), bool)
    mask[:, 60:] = True
    # Of the two lines of pixels on either side (within 1.6 px) the inner ones have the gradient.
    expected = min(1.0, float(np.log((400 / 2 + 5) / 5)))
    assert edge_contrast(gray, mask) == pytest.approx(expected)
    # A mask whose edge lies 5 px inside has the step on its parallel.
    shifted = np.zeros_like(mask)
    shifted[:, 65:] = True
    found = edge_contrast(gray, shifted)
    assert found is not None
    assert found < -1
    assert edge_contrast(gray, np.ones_like(mask)) is None


def test_colours_are_the_blurred_histogram(clip: DrawnClip) -> None:
    lab = cv2.cvtColor(clip.image(0), cv2.COLOR_RGB2LAB)
    mask = clip.mask(DISC, 0)
    bins = (8, 16, 16)
    counts, _ = np.histogramdd(lab[mask].astype(float), bins=bins, range=[(0, 256)] * 3)
    expected: NDArray[np.float64] = counts
    for axis in range(3):
        expected = ndimage.convolve1d(expected, [0.25, 0.5, 0.25], axis=axis, mode="nearest")
    shares = color_shares(lab, mask)
    np.testing.assert_allclose(shares, (expected / expected.sum()).ravel(), atol=1e-6)


def test_the_flow_carries_a_mask_along_with_the_picture() -> None:
    rng = np.random.default_rng(0)
    texture = cv2.GaussianBlur(rng.integers(0, 256, (200, 260), np.uint8), (0, 0), 2)
    before, after = texture[20:180, 20:240], texture[16:176, 14:234]  # moved by (+6, +4)
    matte = np.zeros(before.shape, np.uint8)
    matte[60:100, 80:140] = 255
    moved = carried(matte, origin_of(before, after)) > 0.5
    wanted = np.roll(matte > 0, (4, 6), (0, 1))
    assert np.count_nonzero(moved & wanted) / np.count_nonzero(moved | wanted) > 0.93

"""What an assessor knows over cuts, stops and gaps, of several objects and at any size."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tam_edit.errors import InputError, ModelError
from tam_edit.frame import Frame
from tam_edit.testing.clips import DrawnClip, draw_clip
from tam_edit.tracking.assess import Assessor, Verdict
from tam_edit.tracks import DOUBTFUL_BELOW
from tam_edit.types import Matte
from tests.judged_masks import DISC, HEIGHT, SURE, WIDTH, as_matte, frame_of, tracked

CUT = "there is a cut before this frame"


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

"""When an object counts as gone, why, and what is said when it comes back."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from tam_edit.testing.clips import DrawnClip, draw_clip
from tam_edit.tracking.absence import Sighting, went_out
from tam_edit.tracking.assess import Assessor, Verdict
from tam_edit.tracks import DOUBTFUL_BELOW
from tam_edit.types import Box, Matte
from tests.judged_masks import DISC, HEIGHT, WIDTH, as_matte, frame_of, tracked, verdict_on

LEFT = "the object seems to be beyond the picture's edge"
VANISHED = "the object was lost sight of inside the picture"
BACK = "the object has come back"


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

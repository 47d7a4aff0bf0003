"""Masks that do not lead to what somebody said later: they, or what was said, are of another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tam_edit.errors import ReviewPending
from tam_edit.prompts import ObjectPrompts, Prompts
from tam_edit.session import Session
from tam_edit.testing.clips import DrawnClip
from tam_edit.tracks import Origin, TrackedMatte
from tam_edit.types import Mask
from tests.scored_sessions import CUT, FRAMES, recipe_with, tracked

GIVEN = 8
WHY = f"does not lead to the mask that was given on frame {GIVEN}"


@pytest.fixture
def session(disc_video: Path, tmp_path: Path) -> Iterator[Session]:
    with Session.create(disc_video, tmp_path / "shot.tam") as opened:
        yield opened


def say(session: Session, frame: int, mask: Mask | None) -> None:
    prompts = Prompts(gone=True) if mask is None else Prompts(mask=mask)
    said = ObjectPrompts(object_name="disc", frame_index=frame, prompts=prompts)
    assert session.prompt(said, carries_back=False) is not None


def track(session: Session, disc: DrawnClip, *frames: int) -> None:
    for index in frames:
        session.project.append(index, {1: tracked(disc, index, 0.95)})


def doubtful(session: Session, why: str = WHY) -> list[int]:
    found = session.open_doubts()
    assert all(doubt.reasons == (why,) for doubt in found)
    return [index for doubt in found for index in doubt.doubtful_frames]


def other(disc: DrawnClip) -> Mask:
    """As large as the disc, and beside it."""
    return np.roll(disc.mask(1, GIVEN), 60, axis=1)


def test_all_masks_up_to_one_that_lies_elsewhere_are_doubtful(
    session: Session, disc: DrawnClip, tmp_path: Path
) -> None:
    say(session, 0, disc.mask(1, 0))
    track(session, disc, *range(1, FRAMES))
    assert doubtful(session) == []
    say(session, GIVEN, other(disc))
    track(session, disc, *range(GIVEN + 1, FRAMES))
    assert doubtful(session) == list(range(1, GIVEN))
    # However sure each of them is, a checkpoint stops, and one that looks for no doubts does not.
    out = tmp_path / "out.mp4"
    with pytest.raises(ReviewPending, match=WHY):
        session.render(recipe_with("threshold = 0.5"), out)
    with pytest.raises(ReviewPending) as caught:
        session.render(recipe_with('when = "frames"\nframes = [3]'), out)
    (doubt,) = caught.value.doubts
    assert (doubt["frames"], doubt["doubtful_frames"]) == ([3], [])
    session.approve("the same one, it was thrown", frames=range(1, GIVEN))
    assert doubtful(session) == []


@pytest.mark.parametrize("shift", [0, 4, -6])
def test_masks_that_lead_to_it_are_not(session: Session, disc: DrawnClip, shift: int) -> None:
    say(session, 0, disc.mask(1, 0))
    track(session, disc, *range(1, FRAMES))
    say(session, GIVEN, np.roll(disc.mask(1, GIVEN), shift, axis=1))
    track(session, disc, *range(GIVEN + 1, FRAMES))
    assert doubtful(session) == []


def test_what_was_said_between_parts_them(session: Session, disc: DrawnClip) -> None:
    say(session, 0, disc.mask(1, 0))
    say(session, 4, disc.mask(1, 4))
    say(session, GIVEN, other(disc))
    track(session, disc, *(i for i in range(1, FRAMES) if i not in (4, GIVEN)))
    assert doubtful(session) == [5, 6, 7]
    # Of a correction on the last of these, only what follows the next word before it is in doubt.
    say(session, 6, other(disc))
    track(session, disc, 7)
    whys = [f"does not lead to the mask that was given on frame {given}" for given in (6, GIVEN)]
    (doubt,) = session.open_doubts()
    assert (doubt.frames, sorted(doubt.reasons)) == ((5, 7), whys)


def test_one_that_was_out_of_sight_before_it_is_not_led_to_it(
    session: Session, disc: DrawnClip
) -> None:
    empty = TrackedMatte(
        matte=np.zeros((120, 160), np.float32), score=0.9, origin=Origin.PROPAGATED
    )
    say(session, 0, disc.mask(1, 0))
    say(session, GIVEN, other(disc))
    track(session, disc, *(i for i in range(1, FRAMES) if i != GIVEN))
    session.project.append(4, {1: empty})
    assert doubtful(session) == [5, 6, 7]
    session.project.append(GIVEN - 1, {1: empty})
    assert doubtful(session) == []


def test_neither_a_cut_nor_that_it_is_gone_needs_to_be_led_to(
    session: Session, disc: DrawnClip
) -> None:
    say(session, 0, disc.mask(1, 0))
    say(session, GIVEN, None)
    say(session, CUT, other(disc))
    track(session, disc, *(i for i in range(1, FRAMES) if i not in (GIVEN, CUT)))
    session.project.settings["cuts"] = [CUT]
    # Only that it goes in the middle of the picture is asked about, once.
    why = f"it is said to be gone here, and is in the middle of the picture on frame {GIVEN - 1}"
    assert doubtful(session, why) == [GIVEN]
    session.project.approve(1, [GIVEN], "it goes behind the wall")
    assert doubtful(session) == []

"""Taking back what a person decided: what came of it goes, everything else stays bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tam_edit.errors import InputError, UnknownNameError
from tam_edit.project import approvals
from tam_edit.prompts import ObjectPrompts, Prompts
from tam_edit.session import Session
from tam_edit.testing.clips import DrawnClip
from tam_edit.tracks import Origin, TrackedMatte
from tests.marked_sessions import FRAMES, entries, outside, say


def test_a_correction_that_is_taken_back_never_was(session: Session, disc: DrawnClip) -> None:
    say(session, disc, 0)
    session.track()
    before = entries(session)
    correction = say(session, disc, 10, carries_back=True)
    session.track()
    after = entries(session)
    # Carried back over the doubtful masks, and forward to the end.
    assert [i for i in before if before[i] != after[i]] == [*range(5, 10), *range(10, FRAMES)]
    undone = session.undo(correction)
    assert undone.frames == range(5, FRAMES)
    assert undone.dropped_count == FRAMES - 5
    assert outside(entries(session), undone.frames) == outside(before, undone.frames)
    session.track()
    assert entries(session) == before
    assert session.track() == 0


def test_a_correction_that_is_given_again_is_carried_back_again(
    session: Session, disc: DrawnClip
) -> None:
    say(session, disc, 0)
    session.track()
    correction = say(session, disc, 10, carries_back=True)
    session.track()
    after = entries(session)
    session.undo(correction)
    # No mask is left on this frame, nor on those that it had mended.
    say(session, disc, 10, carries_back=True)
    session.track()
    masks = {i: entry[:2] for i, entry in after.items()}
    assert {i: entry[:2] for i, entry in entries(session).items()} == masks


def test_built_in_models_come_to_the_same_masks_again(
    disc_video: Path, disc: DrawnClip, tmp_path: Path
) -> None:
    with Session.create(disc_video, tmp_path / "disc.tam", out_frame=8) as session:
        say(session, disc, 0)
        session.track()
        before = entries(session)
        correction = say(session, disc, 5, carries_back=True)
        session.track()
        assert entries(session) != before
        undone = session.undo(correction)
        left = outside(before, undone.frames)
        assert outside(entries(session), undone.frames) == left
        session.track()
        assert entries(session) == before


def test_what_was_said_before_on_the_same_frame_holds_again(session: Session) -> None:
    def click(*xs: float) -> int:
        prompts = Prompts(positive=tuple((x, 9.0) for x in xs))
        said = ObjectPrompts(object_name="disc", frame_index=3, prompts=prompts)
        assert session.prompt(said) is not None
        return session.history()[-1].decision_id

    first = click(5)
    session.track()
    one = entries(session)
    second = click(20, 25)
    session.track()
    assert entries(session)[3] != one[3]
    with pytest.raises(InputError, match="adds to what") as caught:
        session.undo(first)
    assert caught.value.hint == f"take back {second} first"
    session.undo(second)
    assert session.project.prompts(1)[3].positive == ((5.0, 9.0),)
    assert entries(session)[3] == one[3]
    session.track()
    assert entries(session) == one


def test_that_an_object_is_gone_is_taken_back(session: Session, disc: DrawnClip) -> None:
    say(session, disc, 0)
    session.track()
    before = entries(session)
    gone = say(session, disc, 6, gone=True)
    session.track()
    assert {i for i, entry in entries(session).items() if entry[2] is Origin.ABSENT} == set(
        range(6, FRAMES)
    )
    assert session.undo(gone).frames == range(6, FRAMES)
    session.track()
    assert entries(session) == before


def test_other_objects_keep_their_masks_and_approvals(session: Session, disc: DrawnClip) -> None:
    say(session, disc, 0)
    say(session, disc, 0, "other")
    session.track()
    correction = say(session, disc, 8)
    session.track()
    session.project.approve(1, range(2, 12), "looked at")
    session.project.approve(2, range(2, 12), "looked at")
    others = entries(session, "other")
    session.undo(correction)
    session.track()
    assert entries(session, "other") == others
    assert session.project.approved(1) == set(range(2, 8))
    assert session.project.approved(2) == set(range(2, 12))


def test_an_object_goes_with_the_last_prompt_that_holds(session: Session, disc: DrawnClip) -> None:
    say(session, disc, 0)
    wrong, earlier = say(session, disc, 4, "other"), say(session, disc, 1, "other")
    session.track()
    others = entries(session)
    assert not session.undo(earlier).is_removed
    assert session.undo(wrong).is_removed
    assert list(session.project.objects().values()) == ["disc"]
    assert session.track() == 0
    say(session, disc, 2, "other")
    session.track()
    assert sorted(entries(session, "other")) == list(range(FRAMES))
    assert entries(session) == others


def test_a_repeated_command_does_not_bring_it_back(session: Session, disc: DrawnClip) -> None:
    say(session, disc, 0)
    correction = say(session, disc, 5)
    session.undo(correction)
    mask = np.roll(disc.mask(1, 5), 5, axis=1)
    said = ObjectPrompts(object_name="disc", frame_index=5, prompts=Prompts(mask=mask))
    assert session.prompt(said, is_repeatable=True) is None
    assert session.prompt(said) is not None


def test_what_cannot_be_taken_back_says_why(session: Session, disc: DrawnClip) -> None:
    number = say(session, disc, 0)
    with pytest.raises(UnknownNameError, match="no decision 7"):
        session.undo(7)
    session.undo(number)
    with pytest.raises(InputError, match="was taken back before"):
        session.undo(number)
    with pytest.raises(InputError, match="cannot be taken back"):
        session.undo(number + 1)


def test_taking_back_is_all_or_nothing(
    session: Session, disc: DrawnClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(session, disc, 0)
    session.track()
    say(session, disc, 7)
    correction = say(session, disc, 10, carries_back=True)
    session.track()
    before, decided = entries(session), session.history()

    def fail(*_: object) -> None:
        raise OSError("stopped in the middle")

    with monkeypatch.context() as patch:
        patch.setattr(approvals, "remove", fail)
        with pytest.raises(OSError, match="in the middle"):
            session.undo(correction)
    assert (entries(session), session.history()) == (before, decided)
    assert sorted(session.project.prompts(1)) == [0, 7, 10]


@pytest.mark.parametrize(("at", "is_kept"), [(12, False), (3, True)])
def test_the_state_of_a_stopped_pass_goes_where_it_has_seen_what_is_taken_back(
    session: Session, disc: DrawnClip, at: int, is_kept: bool
) -> None:
    say(session, disc, 0)
    session.track()
    correction = say(session, disc, 8)
    project = session.project
    project.begin_run("marked", "forward", [1])
    matte = disc.mask(1, at).astype(np.float32)
    entry = TrackedMatte(matte=matte, score=0.9, origin=Origin.PROPAGATED)
    project.append(at, {1: entry}, lambda: b"state")
    project.flush()
    session.undo(correction)
    assert (project.run_state() is not None) == is_kept

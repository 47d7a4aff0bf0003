"""Taking back prompts before anything is tracked from them: all that they dropped comes back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tam_edit._cli import run
from tam_edit.errors import ProjectError
from tam_edit.project import Project
from tam_edit.prompts import ObjectPrompts, Prompts
from tam_edit.session import Session
from tam_edit.testing.clips import DrawnClip
from tests.marked_sessions import FRAMES, entries, marked_session, marked_session_again, say


def state(session: Session) -> dict[str, object]:
    """All that prompts change of the object."""
    project = session.project
    return {
        "masks": entries(session),
        "approved": project.approved(1),
        "holding": [project.history.holding(each) for each in project.history][:2],
        "backtracks": (project.backtracks(1), project.backtrack_limits(1)),
        "areas": project.areas_before(1),
        "said": {k: said.gone for k, said in project.prompts(1).items()},
    }


@pytest.fixture
def tracked(session: Session, disc: DrawnClip) -> Session:
    """One disc, tracked, approved at its beginning and its end."""
    say(session, disc, 0)
    session.track()
    session.project.approve(1, range(4), "looked at the beginning")
    session.project.approve(1, range(9, FRAMES), "looked at the end")
    return session


def correct(session: Session, disc: DrawnClip) -> int:
    return say(session, disc, 10, carries_back=True)


def leave(session: Session, _disc: DrawnClip) -> int:
    session.prompt(
        ObjectPrompts(object_name="disc", frame_index=6, prompts=Prompts(gone=True, gone_last=12))
    )
    return session.history()[-1].decision_id


@pytest.mark.parametrize("wrong", [correct, leave])
def test_masks_and_approvals_come_back(
    tracked: Session, disc: DrawnClip, wrong: Callable[[Session, DrawnClip], int]
) -> None:
    before = state(tracked)
    number = wrong(tracked, disc)
    assert entries(tracked) != before["masks"]
    assert tracked.project.approved(1) != before["approved"]
    undone = tracked.undo(number)
    assert undone.is_restored
    assert (undone.dropped_count, undone.unapproved_count) == (0, 0)
    assert undone.approved_count > 0
    assert state(tracked) == before
    assert tracked.track() == 0


def test_several_come_back_one_by_one(tracked: Session, disc: DrawnClip) -> None:
    before = state(tracked)
    first = correct(tracked, disc)
    between = state(tracked)
    second = say(tracked, disc, 6, carries_back=True)
    third = say(tracked, disc, 4, carries_back=True)
    assert tracked.undo(third).is_restored
    assert tracked.undo(second).is_restored
    assert state(tracked) == between
    assert tracked.undo(first).is_restored
    assert state(tracked) == before


def test_it_comes_back_in_another_process(
    disc_video: Path, disc: DrawnClip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "shot.tam"
    with marked_session(disc_video, disc, path) as session:
        say(session, disc, 0)
        session.track()
        session.project.approve(1, range(9, FRAMES), "looked at the end")
        before = state(session)
        correct(session, disc)
    assert run(["history", str(path), "--undo", "3"]) == 0
    assert (
        "the masks of 'disc' are as they were before it, 6 frames of them approved again"
        in capsys.readouterr().out
    )
    with marked_session_again(path, disc) as session:
        assert state(session) == before
        assert session.track() == 0


def test_an_approval_that_was_taken_back_meanwhile_stays_so(
    tracked: Session, disc: DrawnClip
) -> None:
    number = correct(tracked, disc)
    tracked.undo(3)
    undone = tracked.undo(number)
    assert undone.is_restored
    assert undone.approved_count == 0
    assert tracked.project.approved(1) == frozenset(range(4))


def test_nothing_comes_back_once_something_is_tracked(tracked: Session, disc: DrawnClip) -> None:
    masks = entries(tracked)
    number = correct(tracked, disc)
    tracked.track()
    undone = tracked.undo(number)
    assert not undone.is_restored
    assert undone.dropped_count > 0
    tracked.track()
    assert entries(tracked) == masks
    assert tracked.project.approved(1) == frozenset(range(4))


def test_only_the_newest_comes_back(tracked: Session, disc: DrawnClip) -> None:
    first = correct(tracked, disc)
    second = say(tracked, disc, 4, carries_back=True)
    assert not tracked.undo(first).is_restored
    # What this one had dropped is no longer all that there is to put back.
    assert not tracked.undo(second).is_restored


def test_masks_that_are_dropped_for_another_reason_make_it_worthless(
    tracked: Session, disc: DrawnClip
) -> None:
    number = correct(tracked, disc)
    tracked.project.discard(1, 2, 4)
    assert not tracked.undo(number).is_restored


def test_what_another_object_does_is_nothing_to_it(tracked: Session, disc: DrawnClip) -> None:
    project = tracked.project
    before = state(tracked)
    number = correct(tracked, disc)
    other = project.add_object("other")
    entry = project.entry(1, 0)
    assert entry is not None
    project.append(5, {other: entry})
    assert tracked.undo(number).is_restored
    assert state(tracked) == before


def test_prompts_that_a_kill_kept_from_being_written_leave_nothing(
    tracked: Session, disc: DrawnClip
) -> None:
    number = correct(tracked, disc)
    # As far as a prompt on another frame comes before it is killed.
    tracked.project.discard(1, 5, 8, keyframe=5)
    assert not tracked.undo(number).is_restored
    assert tracked.project._store.rows("SELECT count(*) FROM aside") == [(0,)]


def test_tracking_leaves_nothing_aside(tracked: Session, disc: DrawnClip) -> None:
    correct(tracked, disc)
    store = tracked.project._store
    assert store.rows("SELECT count(*) FROM aside_matte") == [(FRAMES - 10,)]
    tracked.track()
    assert store.rows("SELECT count(*) FROM aside_matte") == [(0,)]


def test_a_damaged_one_is_told(tracked: Session, disc: DrawnClip) -> None:
    number = correct(tracked, disc)
    store = tracked.project._store
    with store.transaction():
        store.write("UPDATE aside SET state = '{' WHERE decision_id = ?", (number,))
    with pytest.raises(ProjectError, match="has set aside"):
        tracked.undo(number)
    # It was taken back as a whole or not at all.
    assert tracked.history()[-1].taken_back is None


def test_a_project_of_before_has_nothing_aside(
    disc_video: Path, disc: DrawnClip, tmp_path: Path
) -> None:
    path = tmp_path / "shot.tam"
    with marked_session(disc_video, disc, path) as session:
        say(session, disc, 0)
        session.track()
        number = correct(session, disc)
    with Project.open(path) as project, project._store.transaction():
        project._store.write("DROP TABLE aside_matte")
        project._store.write("DROP TABLE aside")
        project._store.write("PRAGMA user_version = 4")
    with marked_session_again(path, disc) as session:
        assert not session.undo(number).is_restored
        session.track()
        assert entries(session).keys() == set(range(FRAMES))

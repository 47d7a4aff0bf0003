"""Decisions that are kept: approvals, going on in spite of doubts, and those of older files."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from tam_edit._cli import run
from tam_edit.errors import InputError
from tam_edit.media import open_source
from tam_edit.presets import load_preset
from tam_edit.project import DecisionKind, Project, mattes, schema, video_record
from tam_edit.review import Commands
from tam_edit.session import Session
from tam_edit.testing.clips import DrawnClip
from tam_edit.tracks import Origin, TrackedMatte
from tests.marked_sessions import FRAMES, WRONG, say


def test_approvals_are_taken_back_one_by_one(session: Session, disc: DrawnClip) -> None:
    say(session, disc, 0)
    session.track()
    project = session.project
    assert [doubt.frames for doubt in session.doubts(0.7)] == [tuple(WRONG)]
    project.approve(1, range(5, 10), "they are right")
    project.approve(1, range(8, 12), "these, too")
    assert session.doubts(0.7) == []
    first, second = (d.decision_id for d in session.history() if d.kind is DecisionKind.APPROVAL)
    counts = [d.details["before"] for d in session.history() if d.kind is DecisionKind.APPROVAL]
    assert counts == [0, 2]
    undone = session.undo(first)
    assert (undone.unapproved_count, undone.frames) == (3, range(0))
    assert [doubt.frames for doubt in session.doubts(0.7)] == [(5, 6, 7)]
    session.undo(second)
    assert project.approved(1) == frozenset()
    assert session.track() == 0


def test_only_the_frames_that_are_named_are_approved(
    session: Session, disc: DrawnClip, capsys: pytest.CaptureFixture[str]
) -> None:
    say(session, disc, 0)
    session.track()
    path = session.project.path
    with pytest.raises(InputError, match="needs a frame"):
        session.project.approve(1, (), "seen")
    session.close()
    assert run(["approve", str(path), "--frames", "4,6-8,7", "--reason", "seen"]) == 0
    assert "approved 4 frames of 'disc', 3 of them doubtful" in capsys.readouterr().out
    with Session.open(path) as again:
        assert again.project.approved(1) == {4, 6, 7, 8}
        decision = again.history()[-1]
        assert (decision.start, decision.stop) == (4, 9)
        assert decision.details["spans"] == [[4, 4], [6, 8]]
        (doubt,) = again.doubts(0.7)
        commands = Commands.about(doubt, path)
        assert '--frames 5,9-11 --reason "WHY"' in commands.approve
        assert again.undo(decision.decision_id).unapproved_count == 4


def test_going_on_in_spite_of_doubts_is_kept_as_a_decision(
    session: Session, disc: DrawnClip, tmp_path: Path
) -> None:
    say(session, disc, 0)
    session.track()
    session.render(load_preset("redact-solid"), tmp_path / "out.mp4", on_doubt="cover-frame")
    decision = session.history()[-1]
    assert decision.kind is DecisionKind.ON_DOUBT
    assert decision.details["choice"] == "cover-frame"
    told = decision.details["doubts"]
    assert isinstance(told, list)
    assert [(d["object"], d["start"], d["last"]) for d in told] == [("disc", 0, 15)]


def older_project(path: Path, video: Path, clip: DrawnClip) -> None:
    """A project as version 2 left it, tracked from frame 0 with two clicks and one correction."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema, "STEPS", schema.STEPS[:2])
        with open_source(video) as source:
            record = video_record(source, None)
        Project.create(
            path,
            source=record,
            width=clip.mask(1, 0).shape[1],
            height=clip.mask(1, 0).shape[0],
            frame_count=FRAMES,
            in_frame=0,
            out_frame=FRAMES,
        ).close()
        store = sqlite3.connect(path)
        store.execute("INSERT INTO object (name) VALUES ('disc')")
        for frame, x, time in ((0, 5, "t1"), (0, 9, "t1"), (9, 5, "t2"), (9, 20, "t3")):
            store.execute(
                "INSERT INTO prompt (object_id, frame, kind, numbers, time)"
                " VALUES (1, ?, 'click', ?, ?)",
                (frame, f"[{x}.0, 9.0]", time),
            )
        for frame, reason in ((3, "fine"), (4, "fine"), (6, "also")):
            store.execute(
                "INSERT INTO approval VALUES (1, ?, ?, ?)", (frame, reason, f"t2{reason}")
            )
        store.execute("INSERT INTO setting VALUES ('model', '\"builtin\"')")
        store.execute("INSERT INTO setting VALUES ('short_side', '120')")
        store.commit()
        store.close()
        with Project.open(path) as project:
            for frame in range(FRAMES):
                origin = {0: Origin.KEYFRAME, 9: Origin.CORRECTED}.get(frame, Origin.PROPAGATED)
                matte = clip.mask(1, frame).astype(np.float32)
                entry = TrackedMatte(matte=matte, score=0.9, origin=origin)
                project._store.begin()
                mattes.put(project._store, frame, {1: entry})
                project._store.commit()


def test_an_older_project_has_a_history_that_can_be_taken_back(
    disc_video: Path, disc: DrawnClip, tmp_path: Path
) -> None:
    path = tmp_path / "older.tam"
    older_project(path, disc_video, disc)
    with Session.open(path) as session:
        history = session.project.history
        told = [(str(d.kind), d.start, d.stop, history.said(d)) for d in session.history()]
        assert told == [
            ("prompt", 0, 1, ["click 5,9", "click 9,9"]),
            ("prompt", 9, 10, ["click 5,9"]),
            ("approval", 6, 7, []),
            ("approval", 3, 5, []),
            ("prompt", 9, 10, ["click 20,9"]),
        ]
        decided = {d.decision_id: d for d in session.history()}
        assert [history.is_correction(decided[i]) for i in (1, 2, 5)] == [False, False, True]
        assert session.project.approved(1) == {3, 4, 6}
        assert session.undo(4).unapproved_count == 2
        assert session.project.approved(1) == {6}
        # What mask the earlier click on frame 9 led to was not kept then.
        with pytest.raises(InputError, match="was not kept"):
            session.undo(5)
        assert session.undo(1).frames == range(9)


def test_an_approval_says_how_many_were_doubtful_and_wants_words(
    session: Session, disc: DrawnClip
) -> None:
    say(session, disc, 0)
    decided = session.history()
    with pytest.raises(InputError, match="no mask of 'disc' on frames 4-7") as caught:
        session.approve("seen", object_name="disc", frames=range(4, 8))
    assert "tam-edit track" in caught.value.hint
    session.track()
    with pytest.raises(InputError, match="WHY stands for a reason") as caught:
        session.approve(" WHY ")
    assert "in your own words" in caught.value.hint
    assert session.history() == decided
    assert session.approve("seen", frames=range(4, 8)) == {"disc": 4}
    details = session.history()[-1].details
    assert (details["frames"], details["doubtful"], details["worst_score"]) == (4, 3, 0.4)
    path = str(session.project.path)
    session.close()
    assert run(["approve", path, "--reason", "WHY"]) == 1

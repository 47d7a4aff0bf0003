"""Approvals that masks made anew have voided: what is said of them then, and what is filed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tam_edit._cli import run
from tam_edit.presets import load_preset
from tam_edit.project import DecisionKind
from tam_edit.prompts import ObjectPrompts, Prompts
from tam_edit.session import Session
from tam_edit.testing.clips import DrawnClip
from tests.marked_sessions import FRAMES, marked_session_again, say


@pytest.fixture
def approved(session: Session, disc: DrawnClip) -> Session:
    """Tracked from a painted disc, and every mask approved."""
    say(session, disc, 0)
    session.track()
    session.approve("looked at all of it")
    return session


def history_of(session: Session, capsys: pytest.CaptureFixture[str]) -> list[str]:
    capsys.readouterr()
    session.close()
    assert run(["history", str(session.project.path)]) == 0
    return capsys.readouterr().out.splitlines()


def test_the_history_says_on_how_many_frames_an_approval_still_holds(
    approved: Session, disc: DrawnClip, capsys: pytest.CaptureFixture[str]
) -> None:
    history = approved.project.history
    decision = approved.history()[-1]
    assert history.holding(decision) == FRAMES
    say(approved, disc, 10)
    assert history.holding(decision) == 10
    line = history_of(approved, capsys)[1]
    assert f"({FRAMES} frames, holds on 10 of them now)" in line


def test_taking_a_void_approval_back_does_not_say_that_others_hold(
    approved: Session, disc: DrawnClip, capsys: pytest.CaptureFixture[str]
) -> None:
    other = Prompts(mask=np.roll(disc.mask(1, 0), 9, axis=1))
    approved.prompt(ObjectPrompts(object_name="disc", frame_index=0, prompts=other))
    approved.track()
    path, number = str(approved.project.path), approved.history()[1].decision_id
    approved.close()
    assert run(["history", path, "--undo", str(number)]) == 0
    told = capsys.readouterr().out
    assert f"took back {number}: it held on no frame of 'disc' any more" in told


def test_prompts_and_their_undoing_say_what_is_approved_no_more(
    approved: Session, disc: DrawnClip, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(approved.project.path)
    approved.close()
    capsys.readouterr()
    assert run(["prompt", path, "--gone", "12-15"]) == 0
    void = "4 approved frames of 'disc' are approved no more, because their masks are made again"
    undo = f"before that, tam-edit history {path} --undo 3 gives them back"
    assert f"note: {void}; {undo}" in capsys.readouterr().err
    with marked_session_again(Path(path), disc) as again:
        again.track()
        again.project.approve(1, [12], "nothing is there")
    assert run(["history", path, "--undo", "3"]) == 0
    void = "1 approved frame of 'disc' is approved no more, because its mask is made again"
    told = capsys.readouterr().out
    assert void in told
    assert "approvals of masks that were made anew since do not come back" in told


def test_the_report_has_what_holds_and_all_frames_of_a_decision(
    approved: Session, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(approved.project.path)
    approved.close()
    assert run(["prompt", path, "--gone", "12-15"]) == 0
    with Session.open(path) as again:
        again.track()
        again.approve("he has left", frames=[4, 12, 13, 14, 15])
        report = again.render(load_preset("redact-solid"), tmp_path / "out.mp4").proof
        assert report is not None
    told = json.loads(report.read_text(encoding="utf-8"))
    decisions = {each["id"]: each for each in told["decisions"]}
    assert (decisions[2]["frames"], decisions[2]["holding"]) == ([0, 15], 12)
    assert decisions[3]["frames"] == [12, 15]
    assert decisions[4]["spans"] == [[4, 4], [12, 15]]
    assert told["objects"]["disc"]["spans"] == {
        "covered": [[0, 11]],
        "shown": [],
        # The preset covers a place for two frames more.
        "held": [[12, 13]],
        "without_mask": [[14, 15]],
        "unsettled": [],
    }
    kinds = [each["kind"] for each in told["decisions"]]
    assert kinds.count(DecisionKind.APPROVAL) == 2
    capsys.readouterr()
    assert run(["history", path]) == 0
    listed = capsys.readouterr().out
    assert "'disc' frames 12-15 (00:00:00:12 - 00:00:00:15): gone up to frame 15" in listed
    assert "'disc' frames 4, 12-15 (00:00:00:04 - 00:00:00:15): 'he has left' (5 frames)" in listed


def test_the_record_of_what_went_on_without_a_look_is_of_what_was_written(
    approved: Session, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = approved.project
    recipe = load_preset("redact-solid")
    for index in (2, 7, 8, 13):
        entry = project.entry(1, index)
        assert entry is not None
        is_lost = index in (8, 13)
        matte = np.zeros_like(entry.matte) if is_lost else entry.matte
        project.append(index, {1: replace(entry, matte=matte, score=0.2)})
    covered = approved.render(
        recipe, tmp_path / "covered.mp4", part=range(5, 10), on_doubt="cover-frame"
    )
    assert covered.covered_frames == (7, 8)
    assert covered.coverage["disc"].covered == tuple(range(5, 10))
    assert covered.coverage["disc"].absent == ()
    went_on = approved.render(
        load_preset("redact-solid", ["cover.hold_before_frames=0", "cover.hold_after_frames=0"]),
        tmp_path / "on.mp4",
        part=range(5, 10),
        on_doubt="continue",
    )
    assert went_on.covered_frames == ()
    assert set(went_on.unseen_frames) >= {7, 8}
    assert went_on.coverage["disc"].unsettled == (8,)
    assert went_on.proof is not None
    told = json.loads(went_on.proof.read_text(encoding="utf-8"))
    assert told["objects"]["disc"]["spans"]["unsettled"] == [[8, 8]]
    assert told["frames_not_looked_at"] == list(went_on.unseen_frames)

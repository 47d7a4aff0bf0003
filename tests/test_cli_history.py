"""What the commands say of decisions: the list, what is taken back, and what is tracked anew."""

from __future__ import annotations

import getpass
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tam_edit._cli import run
from tam_edit._cli.console import Output
from tam_edit._cli.tracking import track
from tam_edit.presets import load_preset
from tam_edit.prompts import ObjectPrompts, Prompts
from tam_edit.session import Session
from tam_edit.testing.clips import DrawnClip
from tests.marked_sessions import entries, marked_session, marked_session_again, say


def test_the_command_lists_and_takes_back(
    disc_video: Path, disc: DrawnClip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, told = tmp_path / "shot.tam", tmp_path / "told.json"
    with marked_session(disc_video, disc, path) as session:
        say(session, disc, 0)
        session.track()
        say(session, disc, 10, carries_back=True)
        session.track()
        session.project.approve(1, range(3), "they are right")
    assert run(["history", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert "prompt      'disc' frame 0 (00:00:00:00): mask 160x120" in lines[0]
    assert "correction  'disc' frame 10 (00:00:00:10): mask 160x120" in lines[1]
    assert "approval    'disc' frames 0-2 (00:00:00:00 - 00:00:00:02): 'they are right'" in lines[2]
    assert run(["history", str(path), "--undo", "2", "--json", str(told)]) == 0
    assert "masks on frames 5-15 are made again by: tam-edit track" in capsys.readouterr().out
    result = json.loads(told.read_text(encoding="utf-8"))
    assert result["undone"] == {
        "id": 2,
        "object": "disc",
        "frames": [5, 15],
        "dropped": 11,
        "unapproved": 0,
        "removed": False,
        "restored": False,
        "approved": 0,
    }
    assert {row["user"] for row in result["history"]} == {getpass.getuser()}
    assert f" UTC  {getpass.getuser()}  prompt" in lines[0]
    kinds = [(row["id"], row["kind"], row["taken_back"] is None) for row in result["history"]]
    assert kinds == [
        (1, "prompt", True),
        (2, "correction", False),
        (3, "approval", True),
        (4, "undo", True),
    ]
    assert run(["history", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].endswith("(taken back)")
    assert lines[3].endswith("took back 2")
    assert run(["history", str(path), "--undo", "9"]) == 1
    said = capsys.readouterr().err
    assert "error: there is no decision 9" in said
    assert "hint: there are the decisions 1 to 4" in said


def test_what_was_delivered_before_is_named_when_a_decision_is_taken_back(
    disc_video: Path, disc: DrawnClip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, kept, changed = tmp_path / "shot.tam", tmp_path / "kept.mp4", tmp_path / "changed.mp4"
    before, others = tmp_path / "before.mp4", tmp_path / "others.mp4"
    blur = load_preset("blur-object")
    (tmp_path / "others.toml").write_text(
        'schema = "tam_edit.recipe/1"\ntitle = "t"\n[[steps]]\nkind = "track"\n'
        '[[steps]]\nkind = "effect"\neffect = "blur"\nobjects = ["second"]\n'
        '[[steps]]\nkind = "export"\n',
        encoding="utf-8",
    )
    with marked_session(disc_video, disc, path) as session:
        say(session, disc, 0)
        session.track()
        session.render(blur, before)
        say(session, disc, 10)
        say(session, disc, 0, "second")
        session.track()
        for out in (kept, changed):
            session.render(blur, out)
        session.render(load_preset(tmp_path / "others.toml"), others)
        session.approve("looked at all of it", object_name="second")
        session.render(blur, tmp_path / "unasked.mp4")
    changed.write_bytes(b"cut by somebody else")
    assert run(["history", str(path), "--undo", "2"]) == 0
    told = capsys.readouterr().err
    assert f"note: {kept} was written with what is taken back now and does not change" in told
    assert not [out for out in (changed, before, others) if str(out) in told]
    # Nothing that was written goes back to an approval, where no checkpoint asked for a look.
    assert run(["history", str(path), "--undo", "4"]) == 0
    assert "note" not in capsys.readouterr().err
    assert run(["history", str(path)]) == 0
    assert str(kept) not in capsys.readouterr().err


def test_masks_that_were_made_changed_and_kept_add_up(
    disc_video: Path, disc: DrawnClip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = Output(json_file=None, is_quiet=False, is_verbose=False)

    def told(session: Session) -> tuple[str, str, list[int]]:
        result = track(session, output)
        made = sum(map(len, result["made"].values()))
        changed = sum(len(way["changed"]) for way in result["ways_back"])
        filled = sum(map(len, result["filled"].values()))
        streams = capsys.readouterr()
        return streams.out, streams.err, [made, changed, filled, result["stayed"]]

    with marked_session(disc_video, disc, tmp_path / "shot.tam") as session:
        say(session, disc, 0)
        said, _, counts = told(session)
        assert "tracked 15 frames (1-15) in " in said
        assert "the other mask comes from the prompts" in said
        assert counts == [15, 0, 0, 1]

        say(session, disc, 10, carries_back=True)
        before = entries(session, "disc")
        said, noted, counts = told(session)
        assert "tracked 5 frames (11-15) in " in said
        assert (
            "8 frames before the correction on frame 10 were looked at again on the way back "
            "(2-9): 5 changed (5-9)"
        ) in said
        assert "frames 1-4 stay as earlier prompts have made them" in noted
        assert "the other 6 of 16 masks stayed as they were" in said
        assert counts == [5, 5, 0, 6]
        after = entries(session, "disc")
        assert [i for i in range(11) if before[i] != after[i]] == [5, 6, 7, 8, 9]

        session.undo(2)
        # All that the correction had changed, and nothing else.
        said, _, counts = told(session)
        assert "tracked 11 frames (5-15) in " in said
        assert counts == [11, 0, 0, 5]

        say(session, disc, 12, gone=True)
        say(session, disc, 3, "second")
        said, _, counts = told(session)
        assert "tracked 'second' on 15 frames (0-2, 4-15) in " in said
        assert "4 frames (12-15) of 'disc' have an empty mask" in said
        assert "the other 14 of 32 masks stayed as they were" in said
        assert counts == [15, 0, 3, 14]


def test_what_a_run_has_made_is_not_told_to_have_stayed(
    disc_video: Path, disc: DrawnClip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = Output(json_file=None, is_quiet=False, is_verbose=False)
    with marked_session(disc_video, disc, tmp_path / "shot.tam") as session:
        for frame in (0, 10, 2):
            say(session, disc, frame, carries_back=True)
            capsys.readouterr()
            track(session, output)
    said = capsys.readouterr()
    # The correction on 10 is carried back once more, over masks that came from the one on 2.
    assert "tracked 7 frames (3-9) in " in said.out
    assert "before the correction on frame 10 were looked at again" in said.out
    (stayed,) = re.findall(r"note: (frames? .*) stays? as", said.err)
    assert stayed == "frame 1"


@pytest.mark.parametrize(("meant", "typed"), [("man", "mann"), ("object", "dog")])
def test_a_slip_of_the_pen_is_taken_back_as_a_whole(
    disc_video: Path,
    disc: DrawnClip,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    meant: str,
    typed: str,
) -> None:
    path, painted = tmp_path / "shot.tam", tmp_path / "mask.png"
    Image.fromarray(disc.mask(1, 4).astype(np.uint8) * 255).save(painted)
    with marked_session(disc_video, disc, path) as session:
        say(session, disc, 0, meant)
        session.track()
        before = entries(session, meant)
    typo = ["--object", typed, "--mask", f"{painted}@4"]
    assert run(["prompt", str(path), *typo]) == 0
    note = capsys.readouterr().err
    assert f"{typed!r} is a new object; did you mean {meant!r}? take it back with: " in note
    assert note.rstrip().endswith("--undo 2")
    # What was tracked of the other one stays.
    assert "makes the masks" not in note
    with marked_session_again(path, disc) as session:
        session.track()
        session.approve("seen", object_name=typed)
    assert run(["history", str(path), "--undo", "2"]) == 0
    told = capsys.readouterr().out
    assert repr(typed) in told
    assert "removed" in told
    assert "tam-edit track" not in told
    assert run(["history", str(path)]) == 0
    assert f"{typed!r} frame 4" in capsys.readouterr().out
    with marked_session_again(path, disc) as session:
        project = session.project
        assert project.objects() == {1: meant}
        assert session.track() == 0
        assert entries(session, meant) == before
        assert project._store.rows("SELECT count(*) FROM matte WHERE object_id = 2") == [(0,)]
        assert project._store.rows("SELECT count(*) FROM approval") == [(0,)]
        said = ObjectPrompts(
            object_name=typed, frame_index=4, prompts=Prompts(mask=disc.mask(1, 4))
        )
        # A command that is given again does not bring it back; a person who says it anew does.
        assert session.prompt(said, is_repeatable=True) is None
        assert project.objects() == {1: meant}
        assert session.prompt(said) is not None
        assert project.objects() == {1: meant, 2: typed}
        assert session.undo(session.history()[-1].decision_id).is_removed
        assert project.objects() == {1: meant}


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("5,6", "one at a time, the newest first: --undo 6"),
        ("6 5", "one at a time, the newest first: --undo 6"),
        ("0", "'0' is no ID: it is the number at the start of a line"),
        ("last", "'last' is no ID"),
    ],
)
def test_what_is_no_number_of_a_decision_is_refused(
    typed: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["history", str(tmp_path / "shot.tam"), "--undo", typed]) == 2
    assert told in capsys.readouterr().err


def test_the_report_beside_an_output_tells_what_its_project_told(
    disc_video: Path, disc: DrawnClip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out, told = tmp_path / "shot.tam", tmp_path / "out.mp4", tmp_path / "told.json"
    report = tmp_path / "out.mp4.report.json"
    with marked_session(disc_video, disc, path) as session:
        say(session, disc, 0)
        session.track()
        say(session, disc, 10)
        session.track()
        session.project.approve(1, range(3), "they are right")
        session.undo(3)
        session.approve("looked at all of it")
        session.render(load_preset("redact-solid"), out)
    assert run(["history", str(path)]) == 0
    kept = capsys.readouterr().out.splitlines()
    assert run(["history", str(report), "--json", str(told)]) == 0
    lines = capsys.readouterr().out.splitlines()
    # The same but for the timecodes, for which the video is needed.
    decided = [re.sub(r" \(\d\d:.*?\)", "", line) for line in kept if line[:4].strip().isdecimal()]
    assert lines[: len(decided)] == decided
    assert len(decided) == 5
    covered, source, written = lines[len(decided) :]
    assert f"{disc_video.name}, frames 0-15, SHA-256 " in source
    assert covered == "'disc': covered on 0-15"
    assert "out.mp4, 16 frames, " in written
    assert written.endswith("; beside the report lies this very file")
    result = json.loads(told.read_text(encoding="utf-8"))
    nothing = {key: [] for key in ("shown", "held", "without_mask", "unsettled")}
    assert result["objects"] == {"disc": {"covered": [[0, 15]], **nothing}}
    assert [each["state"] for each in result["outputs"]] == ["same"]
    assert len(result["history"]) == 5
    # Without the project, it is the report that is proposed.
    (tmp_path / "out.mp4.tam").unlink(missing_ok=True)
    assert run(["history", str(tmp_path / "out.mp4.tam")]) == 1
    assert f"what was decided: tam-edit history {report}" in capsys.readouterr().err
    # Another file under the output's name is none that the report speaks of.
    out.write_bytes(out.read_bytes() + b"\0")
    assert run(["history", str(report)]) == 0
    assert "WHAT LIES BESIDE THE REPORT IS ANOTHER FILE" in capsys.readouterr().out
    out.unlink()
    assert run(["history", str(report)]) == 0
    assert capsys.readouterr().out.rstrip().endswith("it is not beside the report")
    assert run(["history", str(report), "--undo", "1"]) == 1
    assert "is finished: nothing in it can be taken back" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "no report: schema: Field required"),
        ("[", "no report: the document"),
        (None, "No such"),
    ],
)
def test_what_is_no_report_is_refused(
    text: str | None, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "out.mp4.report.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    assert run(["history", str(path)]) == 1
    assert said in capsys.readouterr().err

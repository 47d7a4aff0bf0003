"""Looking, deciding and going on, as a person does it in a terminal."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from tam_edit._cli import run
from tam_edit.session import Session


def test_the_command_lists_the_doubts_and_what_settles_them(
    doubtful: Session, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = doubtful.project.path
    doubtful.close()
    told = tmp_path / "told.json"
    assert run(["review", str(path), "--json", str(told), "--html", str(tmp_path / "page")]) == 0
    shown = capsys.readouterr().out
    assert "frames 5-8 (00:00:00:05 - 00:00:00:08)" in shown
    assert "--click X,Y@5" in shown
    assert f"wrote {tmp_path / 'page' / 'index.html'}" in shown
    result = json.loads(told.read_text(encoding="utf-8"))
    (span,) = result["spans"]
    assert (span["start"], span["last"], span["worst_score"]) == (5, 8, 0.2)
    assert span["timecodes"] == ["00:00:00:05", "00:00:00:08"]
    assert shlex.split(span["commands"]["approve"])[-2:] == ["--reason", "WHY"]
    assert (result["below"], result["untracked"]) == (0.7, {})
    # What it proposes is done, and then there is nothing left to look at.
    approve = shlex.split(span["commands"]["approve"])[1:]
    assert run(approve) == 1  # WHY stands for a reason, and is none
    assert run([*approve[:-1], "looked at every frame"]) == 0
    capsys.readouterr()
    assert run(["review", str(path)]) == 0
    assert "nothing needs a look" in capsys.readouterr().out
    assert run(["review", str(path), "--below", "0.95"]) == 0
    assert "frames 1-4, 9-15 (" in capsys.readouterr().out


def test_a_person_looks_decides_and_the_same_command_goes_on(
    disc_video: Path, disc_click: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, project = tmp_path / "out" / "done.mp4", tmp_path / "out" / "done.mp4.tam"
    out.parent.mkdir()
    # A mask that nobody has confirmed with a second click is doubtful.
    job = ["run", "redact-solid", str(disc_video), "-o", str(out), "--click", disc_click]
    job += ["--out", "6", "--size", "120"]
    assert run(job) == 3
    words = shlex.split(re.findall(r"to see them, .*: (tam-edit .*)", capsys.readouterr().err)[0])
    assert words[:3] == ["tam-edit", "review", str(project)]
    # What the hint proposes is allowed; a place beside the output is not, whatever it is called.
    assert run(words[1:]) == 0
    assert (Path(words[-1]) / "index.html").exists()
    assert run(["review", str(project), "--html", str(out.parent / "page")]) == 1
    assert "must not lie beside what is delivered" in capsys.readouterr().err
    assert sorted(path.name for path in out.parent.iterdir()) == ["done.mp4.tam"]
    assert run(["approve", str(project), "--reason", "looked at every mask"]) == 0
    capsys.readouterr()
    assert run(["history", str(project), "--undo", "2"]) == 0
    assert "6 frames of 'object' no longer approved" in capsys.readouterr().out
    assert run(job) == 3
    assert run(["approve", str(project), "--reason", "looked again"]) == 0
    assert run(job) == 0
    assert {path.name for path in out.parent.iterdir()} == {"done.mp4", "done.mp4.report.json"}

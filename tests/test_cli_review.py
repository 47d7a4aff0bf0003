"""Looking, deciding and going on, as a person does it in a terminal."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from tam_edit._cli import run
from tam_edit.session import Session
from tests.review_pages import Page


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


def commands_to_go_on(told: str) -> list[list[str]]:
    """The commands of a stop, one after the other, as a shell reads them."""
    return [shlex.split(each) for each in re.findall(r"then, .*: (tam-edit .*)", told)]


def test_a_stop_of_run_names_the_command_as_it_was_typed(
    disc_video: Path, disc_click: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, look = tmp_path / "out" / "it's done.mp4", tmp_path / "look"
    out.parent.mkdir()
    job = ["run", "redact-solid", str(disc_video), "-o", str(out), "--click", disc_click]
    job += ["--out", "6", "--size", "120"]
    assert run(job) == 3
    told = capsys.readouterr().err
    assert commands_to_go_on(told) == [["tam-edit", *job]]
    # The page says the same, also where it is made before anything is tracked.
    project = f"{out}.tam"
    assert run(["review", project, "--html", str(look)]) == 0
    codes = Page((look / "index.html").read_text(encoding="utf-8")).codes
    assert shlex.join(["tam-edit", *job]) in codes
    assert not any(code.startswith("tam-edit track") for code in codes)
    assert run(["approve", project, "--reason", "looked at every mask"]) == 0
    assert run(job) == 0
    assert out.exists()


def test_a_stop_of_render_names_what_tracks_and_what_writes(
    disc_video: Path, disc_click: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = str(tmp_path / "shot.tam")
    assert run(["new", str(disc_video), "-o", project, "--out", "6", "--size", "120"]) == 0
    assert run(["prompt", project, "--click", disc_click]) == 0
    assert run(["track", project]) == 0
    write = ["render", project, "--preset", "redact-solid", "-o", str(tmp_path / "out.mp4")]
    assert run(write) == 3
    steps = commands_to_go_on(capsys.readouterr().err)
    assert steps == [["tam-edit", "track", project], ["tam-edit", *write]]
    assert run([*write, "--on-doubt", "continue"]) == 0

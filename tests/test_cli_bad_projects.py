"""Projects that a command cannot use or must not change, and approvals that it cannot take."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tam_edit._cli import run
from tam_edit.project import DecisionKind
from tam_edit.project.schema import STEPS
from tam_edit.session import Session
from tam_edit.testing.clips import draw_clip, write_clip


@pytest.fixture
def project(disc_video: Path, tmp_path: Path) -> Path:
    path = tmp_path / "shot.tam"
    assert run(["new", str(disc_video), "-o", str(path), "-q"]) == 0
    return path


def test_a_project_of_another_video(
    refused: Callable[..., str], project: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.mp4"
    write_clip(draw_clip("disc", frames=5), other)
    told = refused(
        "run",
        "blur-object",
        other,
        "-o",
        tmp_path / "o.mp4",
        "--project",
        project,
        "--click",
        "6,5",
    )
    assert "another video" in told
    assert "frame count: 16 and 5" in told


def test_a_project_whose_video_is_gone(refused: Callable[..., str], tmp_path: Path) -> None:
    video, shot = tmp_path / "video.mp4", tmp_path / "shot.tam"
    write_clip(draw_clip("disc", frames=3), video)
    assert run(["new", str(video), "-o", str(shot), "-q"]) == 0
    video.unlink()
    assert "not at" in refused("track", shot)


def test_a_project_of_a_newer_version(refused: Callable[..., str], project: Path) -> None:
    connection = sqlite3.connect(project)
    connection.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    connection.close()
    told = refused("track", project)
    assert "upgrade tam-edit" in told


def test_a_damaged_project(refused: Callable[..., str], project: Path) -> None:
    data = bytearray(project.read_bytes())
    data[5000:9000] = b"\xff" * 4000
    project.write_bytes(data)
    told = refused("track", project)
    assert "shot.tam" in told


def test_something_that_is_no_project(refused: Callable[..., str], tmp_path: Path) -> None:
    text = tmp_path / "notes.tam"
    text.write_text("notes", encoding="utf-8")
    assert "not a tam-edit project" in refused("track", text)
    assert "no project" in refused("track", tmp_path / "missing.tam")


def test_a_project_that_is_there_is_not_replaced(
    refused: Callable[..., str], project: Path, disc_video: Path
) -> None:
    before = project.read_bytes()
    assert "--overwrite" in refused("new", disc_video, "-o", project)
    assert project.read_bytes() == before


def test_nothing_is_rendered_before_it_is_tracked(
    refused: Callable[..., str], project: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.mp4"
    told = refused("render", project, "--preset", "blur-object", "-o", out)
    assert "no object yet" in told
    assert f"hint: say where it is: tam-edit prompt {project} --click X,Y" in told
    assert run(["prompt", str(project), "--box", "40,30,70,60", "-q"]) == 0
    told = refused("render", project, "--preset", "blur-object", "-o", out)
    assert "has no mask yet on 15 frames (1-15)" in told
    assert f"hint: track it first: tam-edit track {project}" in told


def test_options_that_a_begun_project_contradicts(
    refused: Callable[..., str], project: Path, disc_video: Path, tmp_path: Path
) -> None:
    for option, value in (("--in", "3"), ("--out", "9"), ("--size", "64")):
        told = refused("track", project, option, value)
        assert f"was begun with {option}" in told
        is_part = option != "--size"
        assert (f"to write a part of it: tam-edit render {project} {option} T" in told) == is_part
    assert "nothing says where" in refused("track", project, "--in", "0", "--out", "16")
    out = tmp_path / "out.mp4"
    arguments = ["run", "blur-object", str(disc_video), "-o", str(out), "--project", str(project)]
    # A project that was there before is never thrown away, whatever goes wrong.
    assert "outside" in refused(*arguments, "--click", "900,900")
    assert project.exists()


def test_approvals_that_cannot_be_given(refused: Callable[..., str], project: Path) -> None:
    assert "Missing option '--reason'" in refused("approve", project, code=2)
    assert "comes before" in refused("approve", project, "--frames", "5-2", "--reason", "x")
    assert "no frame 99" in refused("approve", project, "--frames", "2-99", "--reason", "x")
    assert "no object called" in refused("approve", project, "--object", "x", "--reason", "x")


def test_frames_outside_of_the_work_are_not_approved(
    refused: Callable[..., str], disc_video: Path, disc_click: str, tmp_path: Path
) -> None:
    project = tmp_path / "p.tam"
    assert run(["new", str(disc_video), "-o", str(project), "--in", "3", "--out", "9"]) == 0
    assert run(["prompt", str(project), "--click", f"{disc_click}"]) == 0
    assert run(["track", str(project)]) == 0
    for frames in ("5-12", "0-4", "12"):
        told = refused("approve", project, "--frames", frames, "--reason", "x")
        assert "are not between the in and the out point" in told
        assert "hint: it has the frames 3 to 8" in told
    with Session.open(project) as session:
        assert [decision.kind for decision in session.history()] == [DecisionKind.PROMPT]

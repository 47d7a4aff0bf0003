"""A video that was moved or renamed is found again, and everything that was decided stays."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tam_edit._cli import run
from tam_edit.project import Project
from tam_edit.testing.clips import draw_clip, write_clip


@pytest.fixture
def shot(disc_video: Path, disc_click: str, tmp_path: Path) -> Path:
    """A project in a folder of its own, with its video beside it."""
    folder = tmp_path / "old"
    folder.mkdir()
    video, path = folder / "clip.mp4", folder / "shot.tam"
    shutil.copy(disc_video, video)
    assert run(["new", str(video), "-o", str(path), "-q"]) == 0
    assert run(["prompt", str(path), "--click", disc_click, "-q"]) == 0
    return path


def place_of(path: Path) -> str:
    with Project.open(path) as project:
        return str(project.source["path"])


def test_a_renamed_video_is_said_once(shot: Path, refused: Callable[..., str]) -> None:
    moved = shot.parent / "renamed.mp4"
    shot.with_name("clip.mp4").rename(moved)
    told = refused("review", shot)
    assert "is not at" in told
    assert f"hint: say where it is now: tam-edit relink {shot} VIDEO" in told
    assert run(["relink", str(shot), str(moved)]) == 0
    assert place_of(shot) == str(moved)
    assert run(["track", str(shot), "-q"]) == 0


def test_a_folder_that_moves_as_a_whole_needs_no_word(shot: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    shot.parent.rename(folder)
    assert run(["review", str(folder / shot.name)]) == 0
    assert place_of(folder / shot.name) == str(folder / "clip.mp4")


def test_another_video_is_not_taken_for_it(
    shot: Path, tmp_path: Path, refused: Callable[..., str]
) -> None:
    other = shot.with_name("clip.mp4")
    write_clip(draw_clip("disc", frames=5), other)
    told = refused("review", shot)
    assert "is a project of another video" in told
    assert f"tam-edit relink {shot} VIDEO" in told
    assert "another video" in refused("relink", shot, other)
    assert "there is no file" in refused("relink", shot, tmp_path / "none.mp4")
    assert place_of(shot) == str(other)


def test_a_run_that_names_its_video_elsewhere_keeps_where_it_is(shot: Path) -> None:
    moved = shot.parent / "renamed.mp4"
    shot.with_name("clip.mp4").rename(moved)
    out = shot.parent / "out.mp4"
    job = ["run", "blur-object", str(moved), "-o", str(out), "--project", str(shot)]
    assert run([*job, "-q"]) == 0
    assert run(["review", str(shot)]) == 0


def test_what_was_decided_is_listed_without_the_video(
    shot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["history", str(shot)]) == 0
    before = capsys.readouterr().out
    assert "frame 0 (00:00:00:00): click" in before
    shot.with_name("clip.mp4").unlink()
    told = tmp_path / "told.json"
    assert run(["history", str(shot), "--json", str(told)]) == 0
    shown = capsys.readouterr()
    assert shown.out == before.replace(" (00:00:00:00)", "")
    assert "frames are listed without their timecodes" in shown.err
    (row,) = json.loads(told.read_text(encoding="utf-8"))["history"]
    assert row["frames"] == [0, 0]
    assert "timecodes" not in row

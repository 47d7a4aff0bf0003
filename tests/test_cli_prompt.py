"""What `prompt` makes of prompts without a name, and what it says of the mask."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tam_edit._cli import run
from tam_edit.masks.clicks import first_click
from tam_edit.project import Project
from tam_edit.testing.clips import DrawnClip


def painted(mask: np.ndarray, path: Path) -> str:
    Image.fromarray(mask.astype(np.uint8) * 255).save(path)
    return str(path)


@pytest.fixture
def shot(disc_video: Path, disc: DrawnClip, tmp_path: Path) -> Path:
    """A project with a painted disc on its first frame, and nothing tracked."""
    path = tmp_path / "disc.tam"
    assert run(["new", str(disc_video), "-o", str(path), "-q"]) == 0
    mask = painted(disc.mask(1, 0), tmp_path / "disc.png")
    assert run(["prompt", str(path), "--object", "disc", "--mask", mask, "-q"]) == 0
    return path


def objects(path: Path) -> list[str]:
    with Project.open(path) as project:
        return list(project.objects().values())


def test_prompts_without_a_name_are_about_the_only_object(
    shot: Path, disc: DrawnClip, tmp_path: Path, refused: Callable[..., str]
) -> None:
    (y, x), *_ = np.argwhere(~disc.mask(1, 0))
    assert run(["prompt", str(shot), "--not", f"{x},{y}"]) == 0
    assert objects(shot) == ["disc"]
    beside = painted(np.roll(disc.mask(1, 3), 40, axis=0), tmp_path / "other.png")
    assert run(["prompt", str(shot), "--object", "other one", "--mask", f"{beside}@3"]) == 0
    told = refused("prompt", shot, "--not", f"{x},{y}")
    assert "error: there are 2 objects, and it is not said which one is meant" in told
    assert "put --object NAME before it: disc, 'other one', or a new name" in told


def test_the_first_name_stays_that_of_prompts_without_one(
    disc_video: Path, disc_click: str, tmp_path: Path
) -> None:
    path = tmp_path / "shot.tam"
    assert run(["new", str(disc_video), "-o", str(path)]) == 0
    assert (
        run(["prompt", str(path), "--click", disc_click, "--object", "two", "--box", "1,1,9,9"])
        == 0
    )
    assert run(["prompt", str(path), "--not", "1,30"]) == 0
    assert objects(path) == ["object", "two"]


@pytest.mark.parametrize(("factor", "told"), [(2, "times as large as"), (0.5, "% of what it was")])
def test_a_correction_that_changes_the_size_much_says_so(
    shot: Path,
    disc: DrawnClip,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    factor: float,
    told: str,
) -> None:
    assert run(["track", str(shot)]) == 0
    capsys.readouterr()
    y, x = np.mgrid[: disc.height, : disc.width]
    true = disc.mask(1, 5)
    (cy, cx), radius = np.argwhere(true).mean(axis=0), np.sqrt(true.sum() / np.pi)
    other = np.hypot(y - cy, x - cx) < radius * np.sqrt(factor)
    mask = painted(other, tmp_path / "other.png")
    assert run(["prompt", str(shot), "--mask", f"{mask}@5"]) == 0
    assert f"{told} " in capsys.readouterr().err
    assert run(["prompt", str(shot), "--mask", f"{painted(true, tmp_path / 't.png')}@9"]) == 0
    err = capsys.readouterr().err
    assert "the mask is now" not in err


def test_a_first_mask_that_shrinks_says_so_too(
    shot: Path, disc: DrawnClip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    half = disc.mask(1, 0)
    half[:, int(np.argwhere(half).mean(axis=0)[1]) - 4 :] = False
    capsys.readouterr()
    assert run(["prompt", str(shot), "--mask", painted(half, tmp_path / "half.png")]) == 0
    assert "% of what it was on this frame; if part of the object is missing" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(("top", "is_told"), [(0, True), (20, False)])
def test_a_small_part_at_the_edge_of_the_picture_is_told(
    shot: Path,
    disc: DrawnClip,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    top: int,
    is_told: bool,
) -> None:
    part = np.zeros((disc.height, disc.width), bool)
    part[top : top + 3, 40:52] = True
    mask = painted(part, tmp_path / "part.png")
    capsys.readouterr()
    assert run(["prompt", str(shot), "--mask", f"{mask}@9"]) == 0
    assert ("the picture's edge cuts this mask off" in capsys.readouterr().err) == is_told


def test_a_name_that_differs_in_case_is_asked_about(
    shot: Path, disc: DrawnClip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    beside = painted(np.roll(disc.mask(1, 3), 40, axis=0), tmp_path / "other.png")
    capsys.readouterr()
    assert run(["prompt", str(shot), "--object", "DISC", "--mask", f"{beside}@3"]) == 0
    assert "'DISC' is a new object; did you mean 'disc'?" in capsys.readouterr().err


def test_a_mask_on_that_of_another_object_says_how_much_of_it_is(
    shot: Path, disc: DrawnClip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    same = painted(disc.mask(1, 0), tmp_path / "same.png")
    capsys.readouterr()
    assert run(["prompt", str(shot), "--object", "ring", "--mask", same]) == 0
    assert "100% of this mask lies on 'disc', and a pixel belongs to one object only" in (
        capsys.readouterr().err
    )


def test_nothing_needs_a_look_before_anything_was_said(
    disc_video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "shot.tam"
    assert run(["new", str(disc_video), "-o", str(path)]) == 0
    capsys.readouterr()
    assert run(["review", str(path), "--html", str(tmp_path / "look")]) == 0
    said = f"nobody has said yet where an object is: tam-edit prompt {path} --click X,Y"
    assert said in capsys.readouterr().out
    page = (tmp_path / "look" / "index.html").read_text(encoding="utf-8")
    assert "Nobody has said yet where an object is" in page
    assert "Nothing needs a look" not in page


def test_corrections_of_one_command_go_on_from_the_masks_that_were_there(
    shot: Path, disc: DrawnClip, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["track", str(shot), "-q"]) == 0
    clicks = []
    for index in (4, 9):
        x, y = first_click(disc.mask(1, index))
        clicks += ["--click", f"{x},{y}@{index}"]
    capsys.readouterr()
    assert run(["prompt", str(shot), *clicks]) == 0
    told = capsys.readouterr().out.splitlines()
    # The later one first: the other one drops the masks after it.
    assert [line.partition(":")[0] for line in told] == [
        "corrected 'disc' on frame 9",
        "corrected 'disc' on frame 4",
    ]


def test_a_mask_that_a_correction_has_dropped_is_said_to_be_gone_already(
    shot: Path, disc: DrawnClip, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["track", str(shot), "-q"]) == 0
    for index in (4, 9):
        x, y = first_click(disc.mask(1, index))
        capsys.readouterr()
        assert run(["prompt", str(shot), "--click", f"{x},{y}@{index}"]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("selected 'disc' on frame 9")
    assert "an earlier correction has dropped the mask on frame 9" in told.err


def test_clicks_without_a_name_on_several_frames_are_asked_whether_they_are_of_one(
    disc_video: Path, disc: DrawnClip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "shot.tam"
    assert run(["new", str(disc_video), "-o", str(path)]) == 0
    clicks = []
    for index in (0, 9):
        x, y = first_click(disc.mask(1, index))
        clicks += ["--click", f"{x},{y}@{index}"]
    said = "frames 0, 9 are said to show one and the same object; another one begins with --object"
    capsys.readouterr()
    assert run(["prompt", str(path), *clicks]) == 0
    assert said in capsys.readouterr().err
    assert run(["prompt", str(path), "--object", "ring", *clicks]) == 0
    assert said not in capsys.readouterr().err

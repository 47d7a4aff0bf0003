"""A video of two shots on the command line: cuts, objects that are gone, steps switched off."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tam_edit._cli import run
from tam_edit.masks.clicks import first_click
from tam_edit.masks.measure import iou
from tam_edit.project import Project
from tam_edit.testing.clips import DrawnClip, draw_clip, write_clip

SHOT = 8
FRAMES = 2 * SHOT
PERSON_WANTED = 3


@pytest.fixture(scope="module")
def shots() -> tuple[DrawnClip, DrawnClip]:
    first, second = (
        draw_clip("disc", frames=SHOT, width=160, height=120, seed=seed) for seed in (0, 5)
    )
    return first, second


@pytest.fixture(scope="module")
def video(shots: tuple[DrawnClip, DrawnClip], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shots")
    images = (image for clip in shots for image in clip.frames)
    for index, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{index:04d}.png")
    return folder


def painted(clip: DrawnClip, index: int, path: Path) -> str:
    Image.fromarray(clip.mask(1, index).astype(np.uint8)).save(path)
    return str(path)


def project_of(video: Path, shots: tuple[DrawnClip, DrawnClip], tmp_path: Path) -> Path:
    path = tmp_path / "shots.tam"
    assert run(["new", str(video), "-o", str(path), "--fps", "25", "-q"]) == 0
    mask = painted(shots[0], 0, tmp_path / "mask.png")
    assert run(["prompt", str(path), "--object", "disc", "--mask", mask, "-q"]) == 0
    return path


def track(path: Path, *options: str) -> dict[str, Any]:
    told = path.with_suffix(".json")
    assert run(["track", str(path), "--json", str(told), "-q", *options]) == 0
    tracking: dict[str, Any] = json.loads(told.read_text(encoding="utf-8"))["tracking"]
    return tracking


def origins(path: Path) -> list[str]:
    with Project.open(path) as project:
        return [str(scored.origin) for scored in project.scores(1)]


def test_run_asks_where_the_object_is_after_a_cut(
    video: Path,
    shots: tuple[DrawnClip, DrawnClip],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out.mp4"
    mask = painted(shots[0], 0, tmp_path / "mask.png")
    arguments = ["run", "blur-object", str(video), "-o", str(out), "--fps", "25", "--mask", mask]
    assert run(arguments) == PERSON_WANTED
    told = capsys.readouterr().err
    assert f"the video is cut at frame {SHOT} (00:00:00:08)" in told
    assert f"frames {SHOT}-{FRAMES - 1}" in told
    assert "no prompt reaches it; say where the object is, or that it is gone" in told
    assert not out.exists()
    x, y = first_click(shots[1].mask(1, 3))
    assert run([*arguments, "--click", f"{x:g},{y:g}@{SHOT + 3}"]) == 0
    assert out.exists()
    said = capsys.readouterr()
    # The first shot stays. In the second, frame 11 is carried to its end and to its beginning.
    assert "tracked 7 frames (8-10, 12-15) in " in said.out
    assert "selected 'object' on frame 11" in said.out


def test_the_object_is_looked_for_after_a_cut_where_that_is_wanted(
    video: Path, shots: tuple[DrawnClip, DrawnClip], tmp_path: Path
) -> None:
    path = project_of(video, shots, tmp_path)
    track(path)
    assert origins(path)[SHOT:] == ["unreached"] * SHOT
    told = track(path, "--at-cuts", "reacquire")
    assert told["cuts"] == [SHOT]
    assert "unreached" not in origins(path)
    with Project.open(path) as project:
        scores = [scored.score for scored in project.scores(1)]
    assert scores[SHOT] <= 0.5


def test_cuts_can_be_ignored(
    video: Path, shots: tuple[DrawnClip, DrawnClip], tmp_path: Path
) -> None:
    path = project_of(video, shots, tmp_path)
    assert track(path, "--at-cuts", "ignore")["cuts"] == []
    assert "unreached" not in origins(path)


def test_masks_that_were_carried_across_a_cut_go_when_it_is_to_ask(
    video: Path, shots: tuple[DrawnClip, DrawnClip], tmp_path: Path
) -> None:
    path = project_of(video, shots, tmp_path)
    track(path, "--at-cuts", "ignore")
    assert "unreached" not in origins(path)
    track(path, "--at-cuts", "ask")
    assert origins(path) == ["keyframe", *["propagated"] * (SHOT - 1), *["unreached"] * SHOT]


@pytest.mark.parametrize("value", ["5@3", "", "@", "soon"])
def test_a_frame_that_cannot_be_read_is_refused(
    video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], value: str
) -> None:
    path = tmp_path / "shots.tam"
    assert run(["new", str(video), "-o", str(path), "--fps", "25", "-q"]) == 0
    assert run(["prompt", str(path), "--gone", value]) == 1
    assert "Traceback" not in capsys.readouterr().err


def test_an_object_is_said_to_be_gone(
    video: Path,
    shots: tuple[DrawnClip, DrawnClip],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = project_of(video, shots, tmp_path)
    assert run(["prompt", str(path), "--object", "disc", "--gone", "5"]) == 0
    assert "'disc' is not there from frame 5 to the end" in capsys.readouterr().out
    track(path)
    assert origins(path) == ["keyframe", *["propagated"] * 4, *["absent"] * (FRAMES - 5)]
    with Project.open(path) as project:
        entries = [project.entry(1, index) for index in range(FRAMES)]
        assert [bool(e.matte.any()) for e in entries if e] == [True] * 5 + [False] * (FRAMES - 5)
        before = entries[4]
    # It is there again: the second shot is tracked, the first stays as it is.
    mask = painted(shots[1], 2, tmp_path / "again.png")
    again = ["prompt", str(path), "--object", "disc", "--mask", f"{mask}@{SHOT + 2}", "-q"]
    assert run(again) == 0
    track(path)
    with Project.open(path) as project:
        for index in range(SHOT + 2, FRAMES):
            entry = project.entry(1, index)
            assert entry is not None
            assert iou(entry.matte > 0.5, shots[1].mask(1, index - SHOT)) > 0.8
        after = project.entry(1, 4)
        assert before is not None
        assert after is not None
        assert np.array_equal(before.matte, after.matte)
    both = ["--gone", "@3", "--click", "40,40@3"]
    assert run(["prompt", str(path), "--object", "disc", *both]) == 1
    assert "is said to be gone on frame 3 and to be somewhere" in capsys.readouterr().err


def test_without_assessment_the_scores_are_the_trackers_own(
    video: Path, shots: tuple[DrawnClip, DrawnClip], tmp_path: Path
) -> None:
    path = project_of(video, shots, tmp_path)
    track(path)
    with Project.open(path) as project:
        assessed = [scored.score for scored in project.scores(1)][1:SHOT]
    path.unlink()
    path = project_of(video, shots, tmp_path)
    track(path, "--no-assess")
    with Project.open(path) as project:
        own = [scored.score for scored in project.scores(1)][1:SHOT]
    assert own != assessed


def test_steps_that_contradict_each_other_are_refused(
    video: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--no-refine", "--refine-below", "0.5"]
    assert run(["track", str(video), "--masks-out", "x", *options]) == 2
    assert "contradict each other" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("points", "told"),
    [
        (("--in", "3", "--out", "4"), "1 frame (frame 3): plain numbers are frames, seconds"),
        (("--out", "2"), "2 frames (frames 0-1): plain numbers are frames, seconds are written 2s"),
        (("--in", "3s", "--out", "4s"), ""),
        (("--in", "70", "--out", "75"), ""),  # the video does not last so many seconds
        (("--out", "80"), ""),
    ],
)
def test_frames_that_could_be_meant_as_seconds_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], points: tuple[str, ...], told: str
) -> None:
    video, path = tmp_path / "long.mp4", tmp_path / "shot.tam"
    write_clip(draw_clip("disc", frames=110, width=64, height=48), video, with_audio=False)
    assert run(["new", str(video), "-o", str(path), *points]) == 0
    notes = capsys.readouterr().err
    assert told in notes
    assert ("plain numbers" in notes) == bool(told)
    assert run(["new", str(video), "-o", str(path), "--overwrite"]) == 0
    capsys.readouterr()
    write = ["render", str(path), "--preset", "blur-object", "-o", str(tmp_path / "out.mp4")]
    assert run([*write, *points]) == 1  # nobody has said yet where an object is
    notes = capsys.readouterr().err
    assert ("plain numbers" in notes) == bool(told)

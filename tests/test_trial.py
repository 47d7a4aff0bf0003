"""A job that is tried on a few frames."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tam_edit import ObjectPrompts, Prompts, load_preset
from tam_edit._cli import run
from tam_edit.masks.clicks import first_click
from tam_edit.session import Tracking, Trial, trial, try_out
from tam_edit.testing.clips import draw_clip, write_clip
from tam_edit.tracking import LoopSettings

FRAMES = range(30)
TRACKING = Tracking(model="builtin", device="cpu", short_side=240, loop=LoopSettings())


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("long") / "disc.mp4"
    write_clip(draw_clip("disc", frames=len(FRAMES)), path)
    return path


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "TRIED_FRAMES", 4)
    monkeypatch.setattr(trial, "SEEN_FRAMES", 10)


def tried(video: Path, preset: str, told: list[tuple[int, int]]) -> Trial:
    clip = draw_clip("disc", frames=1)
    prompts = Prompts(positive=(first_click(clip.mask(1, 0)),))
    found = try_out(
        video,
        [ObjectPrompts(object_name="disc", frame_index=0, prompts=prompts)],
        load_preset(preset),
        ".mp4",
        frames=FRAMES,
        tracking=TRACKING,
        progress=lambda done, total: told.append((done, total)),
    )
    assert found is not None
    return found


def test_an_effect_that_looks_at_its_own_frame_alone(video: Path) -> None:
    told: list[tuple[int, int]] = []
    found = tried(video, "blur-object", told)
    assert found.frame_count == 4
    assert found.look_s == 0
    assert found.track_s > 0
    assert found.write_s > 0
    assert told[-1] == (8, 8)
    assert told == sorted(told)


def test_an_object_may_be_gone_for_longer_than_is_tried(video: Path) -> None:
    where = ObjectPrompts(object_name="disc", frame_index=1, prompts=Prompts(positive=((50, 50),)))
    gone = Prompts(gone=True, gone_last=20)
    found = try_out(
        video,
        [ObjectPrompts(object_name="other", frame_index=0, prompts=gone), where],
        load_preset("blur-object"),
        ".mp4",
        frames=FRAMES,
        tracking=TRACKING,
    )
    assert found is not None


def test_one_that_looks_through_the_video_first_is_tried_on_more_frames(video: Path) -> None:
    told: list[tuple[int, int]] = []
    found = tried(video, "remove-object", told)
    assert found.frame_count == 10
    assert found.look_s > 0
    assert found.write_s > 0
    assert told[-1] == (14, 14)


def test_what_it_looks_through_counts_for_a_part_of_the_video_too(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    took = Trial(frame_count=10, track_s=0.5, look_s=2.0, write_s=3.0)
    monkeypatch.setattr("tam_edit._cli.plan.try_out", lambda *_args, **_how: took)
    shot, result = tmp_path / "shot.tam", tmp_path / "plan.json"
    assert run(["new", str(video), "-o", str(shot)]) == 0
    plan = ["render", str(shot), "--preset", "remove-object", "-o", f"{tmp_path}/out.mp4"]
    assert run([*plan, "--in", "6", "--out", "11", "--plan", "--json", str(result)]) == 0
    assert json.loads(result.read_text())["estimate"]["write_s"] == 2.0 * 30 + 3.0 * 5


@pytest.mark.parametrize(
    ("gone", "left"), [(["9"], 9), (["9-19"], 19), (["0-4", "20-29"], 15), (["9", "2-3"], 7)]
)
def test_where_an_object_is_said_to_be_gone_it_is_not_tracked(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gone: list[str], left: int
) -> None:
    took = Trial(frame_count=4, track_s=0.5, look_s=0.0, write_s=3.0)
    monkeypatch.setattr("tam_edit._cli.plan.try_out", lambda *_args, **_how: took)
    result = tmp_path / "plan.json"
    plan = ["run", "blur-object", str(video), "-o", f"{tmp_path}/out.mp4", "--json", str(result)]
    said = [f"--gone={span}" for span in gone]
    objects = ["--click", "50,50@5", *said, "--object", "b", "--click", "9,9"]
    assert run([*plan, *objects, "--plan"]) == 0
    told = json.loads(result.read_text())
    assert told["untracked"] == {"b": 30, "object": left}
    assert told["estimate"]["track_s"] == 0.5 * (30 + left)

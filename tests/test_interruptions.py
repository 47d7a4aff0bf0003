"""Ctrl-C and kill -9 in the middle of the work: nothing half-done stands, and it goes on."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tam_edit._cli import run
from tam_edit.project import Project
from tam_edit.testing.clips import DrawnClip, draw_clip, write_clip
from tests import noting

INTERRUPTED = 130
TERMINATED = 143
PATIENCE_S = 120
FRAMES = 60


@pytest.fixture(scope="module")
def clip() -> DrawnClip:
    return draw_clip("disc", frames=FRAMES, width=320, height=240)


@pytest.fixture(scope="module")
def video(clip: DrawnClip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    write_clip(clip, path)
    return path


@pytest.fixture
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notes") / "notes"


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """A shell's background job ignores Ctrl-C and so would every process it starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def prompted(video: Path, project: Path) -> Path:
    assert run(["new", str(video), "-o", str(project), "-q"]) == 0
    assert run(["prompt", str(project), "--click", "96,86@0", "-q"]) == 0
    return project


def masks_of(project: Path) -> list[bytes]:
    with Project.open(project) as opened:
        entries = [opened.entry(1, index) for index in range(FRAMES)]
    assert all(entries)
    return [entry.matte.tobytes() for entry in entries if entry is not None]


def wait_until_committed(beyond: int, process: subprocess.Popen[str], notes: Path) -> None:
    """Wait until the masks of some frame beyond one outlive the process, or it ended."""
    deadline = time.monotonic() + PATIENCE_S
    while process.poll() is None and time.monotonic() < deadline:
        done = noting.read(notes)
        if any(note.what == "committed" and note.index > beyond for note in done):
            break
        time.sleep(0.005)


@pytest.mark.slow
def test_tracking_that_is_killed_goes_on_to_the_same_masks(
    video: Path, notes: Path, tmp_path: Path
) -> None:
    undisturbed = prompted(video, tmp_path / "undisturbed.tam")
    assert run(["track", str(undisturbed), "-q"]) == 0
    wanted = masks_of(undisturbed)
    chance = random.Random(7)
    project = prompted(video, tmp_path / "killed.tam")
    tracked_before = 0
    for _ in range(3):
        process = noting.begin(notes, "track", project)
        wait_until_committed(max(tracked_before - 1, 0), process, notes)
        time.sleep(chance.uniform(0, 1.5))
        process.kill()
        process.communicate()
        with Project.open(project) as opened:
            (_, stop), *_ = opened.tracked_spans(1)
            state = opened.run_state()
        # What was committed is kept, and the snapshot is of exactly the last frame.
        assert stop > tracked_before or stop == FRAMES
        assert stop == FRAMES or (state is not None and state.frame_index == stop - 1)
        tracked_before = stop
    assert tracked_before > 1
    assert run(["track", str(project), "-q"]) == 0
    assert masks_of(project) == wanted


@pytest.mark.slow
def test_control_c_while_tracking_leaves_a_state_that_goes_on(
    video: Path, notes: Path, tmp_path: Path
) -> None:
    out, state = tmp_path / "out.mp4", tmp_path / "out.mp4.tam"
    arguments = ("run", "blur-object", video, "-o", out, "--click", "96,86")
    process = noting.begin(notes, *arguments)
    wait_until_committed(0, process, notes)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == INTERRUPTED
    assert "Traceback" not in told
    assert [p.name for p in tmp_path.iterdir()] == ["out.mp4.tam"]
    with Project.open(state) as opened:
        ((_, stop),) = opened.tracked_spans(1)
    assert 1 < stop < FRAMES
    done = noting.begin(notes, *arguments)
    said, _ = done.communicate(timeout=PATIENCE_S)
    assert done.returncode == 0
    assert f"tracked {FRAMES - stop} frames" in said
    assert [p.name for p in tmp_path.iterdir()] == ["out.mp4"]


@pytest.mark.slow
@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_rendering_that_is_stopped_leaves_no_file_under_the_outputs_name(
    video: Path, clip: DrawnClip, notes: Path, tmp_path: Path, stop: signal.Signals
) -> None:
    from PIL import Image

    painted, out = tmp_path / "mask.png", tmp_path / "out.mp4"
    Image.fromarray(clip.mask(1, 0).astype(np.uint8)).save(painted)
    arguments = ("run", "blur-object", video, "-o", out, "--mask", painted)
    process = noting.begin(notes, *arguments)
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and not list(tmp_path.glob(".out*")):
        time.sleep(0.01)
    process.send_signal(stop)
    _, told = process.communicate()
    codes = {signal.SIGINT: INTERRUPTED, signal.SIGTERM: TERMINATED, signal.SIGKILL: -stop}
    assert process.returncode == codes[stop]
    assert ("repeat the same command to go on" in told) == (stop != signal.SIGKILL)
    assert ("an output that was being written begins anew" in told) == (stop != signal.SIGKILL)
    assert "Traceback" not in told
    assert not out.exists()
    # A killed writer cannot tidy up; the next one does.
    assert bool(list(tmp_path.glob(".out.part-*.mp4"))) == (stop == signal.SIGKILL)
    done = noting.begin(notes, *arguments)
    said, _ = done.communicate(timeout=PATIENCE_S)
    assert done.returncode == 0
    assert "already tracked" in said
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mask.png", "out.mp4"]


TWO_OUTPUTS = """schema = "tam_edit.recipe/1"
title = "Two outputs"
[[steps]]
kind = "track"
[[steps]]
kind = "effect"
effect = "blur"
[[steps]]
kind = "export"
[[steps]]
kind = "export"
path = "{stem}-small.mp4"
codec_options = { crf = 30 }
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("killed_at", "named"),
    [
        (("naming", 0), []),
        (("named", 0), ["out.mp4"]),
        (("named", 1), ["out-small.mp4", "out.mp4"]),
    ],
)
def test_an_output_that_got_its_name_before_a_kill_is_whole_and_stays(
    video: Path, notes: Path, tmp_path: Path, killed_at: tuple[str, int], named: list[str]
) -> None:
    recipe, out = notes.with_name("two.toml"), tmp_path / "out.mp4"
    recipe.write_text(TWO_OUTPUTS)
    arguments = ("run", recipe, video, "-o", out, "--click", "96,86")
    killed = noting.begin(notes, *arguments, killed_at=killed_at)
    _, told = killed.communicate(timeout=PATIENCE_S)
    assert killed.returncode == -signal.SIGKILL, told
    before = {p.name: (p.stat().st_ino, p.read_bytes()) for p in tmp_path.glob("[!.]*.mp4")}
    assert sorted(before) == named
    done = noting.begin(notes, *arguments)
    said, told = done.communicate(timeout=PATIENCE_S)
    assert done.returncode == 0, told
    assert "every frame was already tracked" in said
    after = {p.name: (p.stat().st_ino, p.read_bytes()) for p in tmp_path.iterdir()}
    assert sorted(after) == ["out-small.mp4", "out.mp4"]
    for name, value in after.items():
        told_of = "already written" if name in named else "60 frames, yuv420p, in"
        assert [line for line in said.splitlines() if name in line and told_of in line]
        assert before.get(name, value) == value

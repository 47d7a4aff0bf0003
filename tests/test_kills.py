"""One job that is killed twenty times ends as one that nobody disturbed."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tam_edit.media import open_source
from tam_edit.project import Project
from tam_edit.testing.clips import DrawnClip, draw_clip, write_clip
from tests import noting
from tests.noting import Note

FRAMES = 200
OBJECTS = (1, 2)
KILLS = 20
KILLS_WHILE_TRACKING = 13  # at most; the others come while it renders
SECONDS = 2.0
PATIENCE_S = 300


class Job:
    """One ``tam-edit run`` with its output and its project, begun as often as it takes."""

    def __init__(self, folder: Path, video: Path, masks: Path) -> None:
        folder.mkdir()
        self.out, self.project = folder / "out.mp4", folder / "job.tam"
        self._notes = folder.with_suffix(".notes")
        self._arguments = (
            *("run", "pixelate-object", video, "-o", self.out),
            *("--mask", masks, "--project", self.project, "--size", "120"),
        )

    def begin(self) -> subprocess.Popen[str]:
        return noting.begin(self._notes, *self._arguments)

    def notes(self) -> list[Note]:
        """Every frame that was ever tracked or written, in that order."""
        return [n for n in noting.read(self._notes) if n.what in ("tracked", "written")]

    def masks(self) -> list[bytes]:
        with Project.open(self.project) as opened:
            entries = [opened.entry(i, index) for i in OBJECTS for index in range(FRAMES)]
        assert all(entries)
        return [e.matte.tobytes() + repr((e.score, e.origin)).encode() for e in entries if e]


def planes_of(video: Path) -> list[bytes]:
    with open_source(video) as source:
        return [b"".join(plane.tobytes() for plane in frame.planes) for frame in source.frames()]


def kill_somewhere(job: Job, chance: random.Random, pace: float, *, while_tracking: bool) -> str:
    """Begin the job, kill it at a random moment, and tell what it was doing.

    Nothing ("") where the kill came too late: the output has its name.
    """
    before = len(job.notes())
    wait_for = {
        "tracked": chance.randint(1, round(SECONDS * 1.2 * pace)),
        "written": chance.randint(1, FRAMES - 1),
    }
    pause_s = chance.random() / pace
    process = job.begin()
    deadline = time.monotonic() + PATIENCE_S
    while process.poll() is None and time.monotonic() < deadline:
        done = [note.what for note in job.notes()[before:]]
        is_due = done.count("written") >= wait_for["written"]
        if while_tracking and "written" not in done:
            is_due = done.count("tracked") >= wait_for["tracked"]
        if is_due:
            time.sleep(pause_s)
            break
        time.sleep(0.002)
    process.kill()
    _, told = process.communicate()
    assert process.returncode in (0, -9), told
    return "" if job.out.exists() else job.notes()[-1].what


def most_in(seconds: float, runs: list[list[Note]]) -> int:
    """The most frames that any run tracked within a time."""
    most = 0
    for run in runs:
        times = [note.time_s for note in run]
        for place, begin in enumerate(times):
            most = max(most, sum(at - begin <= seconds for at in times[place:]))
    return most


@pytest.fixture(scope="module")
def clip() -> DrawnClip:
    return draw_clip("two", frames=FRAMES, width=320, height=240)


@pytest.fixture(scope="module")
def undisturbed(clip: DrawnClip, tmp_path_factory: pytest.TempPathFactory) -> Job:
    folder = tmp_path_factory.mktemp("kills")
    write_clip(clip, folder / "two.mp4")
    ids = sum(clip.mask(i, 0).astype(np.uint8) * i for i in OBJECTS)
    painted = Image.fromarray(np.asarray(ids, np.uint8))
    painted.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    painted.save(folder / "masks.png")
    job = Job(folder / "undisturbed", folder / "two.mp4", folder / "masks.png")
    process = job.begin()
    _, told = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, told
    return job


@pytest.mark.slow
@pytest.mark.alone
def test_a_job_that_is_killed_twenty_times_ends_as_if_nothing_had_been(
    undisturbed: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = undisturbed.out.parent.parent
    alone = [note for note in undisturbed.notes() if note.what == "tracked"]
    pace = len(alone) / (alone[-1].time_s - alone[0].time_s)
    job = Job(folder / "killed", folder / "two.mp4", folder / "masks.png")
    chance = random.Random(6)
    runs: list[list[Note]] = []
    doing: list[str] = []
    while len(doing) < KILLS:
        assert len(runs) < 2 * KILLS, "most kills came too late"
        before = len(job.notes())
        is_early = len(doing) < KILLS_WHILE_TRACKING
        what = kill_somewhere(job, chance, pace, while_tracking=is_early)
        runs.append([note for note in job.notes()[before:] if note.what == "tracked"])
        if what:
            doing.append(what)
            assert not list(job.out.parent.glob("[!.]*.mp4"))
        else:
            assert planes_of(job.out) == planes_of(undisturbed.out)
            job.out.unlink()
    process = job.begin()
    _, told = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, told
    runs.append([note for note in job.notes() if note.what == "tracked"][sum(map(len, runs)) :])

    seen: set[int] = set()
    repeated = []
    for run in runs:
        frames = [note.index for note in run]
        repeated.append(sum(index in seen for index in frames))
        seen.update(frames)
    allowed = most_in(SECONDS, [alone, *runs])
    with capsys.disabled():
        counts = {what: len(list(each)) for what, each in groupby(sorted(doing))}
        sys.stdout.write(
            f"\n{FRAMES} frames at {pace:.1f} a second; killed while frames were {counts}; tracked "
            f"again after each kill: {repeated}, of at most {allowed} in {SECONDS:g} s\n"
        )
    assert min(doing.count("tracked"), doing.count("written")) >= 5
    assert max(repeated) <= allowed
    assert job.masks() == undisturbed.masks()
    assert planes_of(job.out) == planes_of(undisturbed.out)
    # The last run tidied up after all those before it.
    assert sorted(path.name for path in job.out.parent.iterdir()) == ["job.tam", "out.mp4"]

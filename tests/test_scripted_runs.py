"""Real clips from the first click to the delivered file, with the corrections of a person.

What is asserted was looked at first, on sheets with the outlines before and after.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tam_edit._cli import run
from tam_edit.media import open_source
from tam_edit.project import Project
from tam_edit.types import Point

REVIEW = 3


@dataclass(frozen=True)
class Script:
    """What a person types for one clip, and what they see.

    Attributes:
        clip: Its file.
        begin: The prompts of the job.
        frames: How many frames are worked on.
        doubtful: Frames that the checkpoint must ask about: the object is not covered there.
        correction: What is typed about it.
        on: The frame of the correction.
        mended: A frame and a place on the object that is covered only after the correction.
        kept: Frames before this one have nothing to do with it.
    """

    clip: str
    begin: Sequence[str]
    frames: int
    doubtful: range
    correction: Sequence[str]
    on: int
    mended: tuple[int, Point]
    kept: int


# A man walks away; a woman who crosses hides him, and his head shows again before the tracker has
# found him.
STREET = Script(
    clip="street.mp4",
    begin=("--box", "471,118,512,268"),
    frames=200,
    doubtful=range(164, 169),
    correction=("--box", "534,110,598,274@171", "--click", "565,190@171"),
    on=171,
    mended=(167, (558, 155)),
    kept=162,
)
# A boy runs round a tree and comes out on its other side, behind a man.
HIDE_AND_SEEK = Script(
    clip="12_hideandseek.mp4",
    begin=("--box", "325,385,565,715", "--click", "450,555"),
    frames=90,
    doubtful=range(23, 49),
    correction=("--click", "591,600@51", "--click", "605,440@51", "--not", "454,468@51"),
    on=51,
    mended=(51, (605, 440)),
    kept=22,
)


def masks_of(project: Path, frames: int) -> list[np.ndarray]:
    with Project.open(project) as opened:
        track = opened.track(1)
        return [track.matte(i, opened.width, opened.height) > 0.5 for i in range(frames)]


def is_covered(video: Path, index: int, point: Point) -> bool:
    with open_source(video) as source:
        rgb = source.frame(index).rgb
    x, y = point
    return bool(rgb[round(y), round(x)].max() < 24)


@pytest.mark.slow
@pytest.mark.parametrize("script", [STREET, HIDE_AND_SEEK], ids=lambda script: script.clip)
def test_it_stops_is_corrected_once_and_goes_on_with_what_that_touches(
    script: Script, shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    out, project = tmp_path / "out" / "out.mp4", tmp_path / "out" / "out.mp4.tam"
    clip = str(shared_data / "data" / "videos" / script.clip)
    job = ["run", "redact-solid", clip, "-o", str(out), *script.begin]
    job += ["--size", "240", "--out", str(script.frames)]
    assert run([*job, "--json", str(tmp_path / "first.json")]) == REVIEW
    assert not out.exists()
    first = json.loads((tmp_path / "first.json").read_text(encoding="utf-8"))
    asked = {i for doubt in first["review"] for i in doubt["frames"]}
    assert set(script.doubtful) <= asked
    before = masks_of(project, script.frames)
    frame, (x, y) = script.mended
    assert not before[frame][round(y), round(x)]

    capsys.readouterr()
    assert run(["prompt", str(project), *script.correction]) == 0
    assert f"on frame {script.on}" in capsys.readouterr().out
    assert run([*job]) == REVIEW
    said = capsys.readouterr().out
    # What comes after the correction, and what it changes on its way back.
    made = int(found(r"tracked (\d+) frames", said))
    assert made == script.frames - script.on - 1
    back = re.search(r"before the correction on frame \d+ .*: (\d+) changed", said)
    stayed = int(found(r"the other (\d+) of \d+ masks stayed", said))
    assert made + int(back[1] if back else 0) + stayed == script.frames
    after = masks_of(project, script.frames)
    assert after[frame][round(y), round(x)]
    changed = [i for i in range(script.frames) if not np.array_equal(before[i], after[i])]
    assert min(changed) >= script.kept

    assert run(["approve", str(project), "--reason", "looked at every frame"]) == 0
    assert run(job) == 0
    assert "already tracked" in capsys.readouterr().out
    assert {path.name for path in out.parent.iterdir()} == {"out.mp4", "out.mp4.report.json"}
    assert is_covered(out, frame, (x, y))


def found(pattern: str, text: str) -> Any:
    match = re.search(pattern, text)
    assert match is not None, text
    return match[1]

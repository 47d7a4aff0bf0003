"""Projects, as the tests of what is stored make them."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from tam_edit.project import Project, gathered
from tam_edit.tracks import Origin, TrackedMatte
from tam_edit.types import Matte

SOURCE: dict[str, object] = {"path": "clip.mp4", "size": 123, "streams": [{"codec": "h264"}]}


def make(path: Path, *, overwrite: bool = False, frame_count: int = 100) -> Project:
    return Project.create(
        path,
        source=SOURCE,
        width=80,
        height=62,
        frame_count=frame_count,
        in_frame=0,
        out_frame=frame_count,
        overwrite=overwrite,
    )


def matte(seed: int = 0, height: int = 31, width: int = 40) -> Matte:
    rows, columns = np.mgrid[:height, :width]
    distance = np.hypot(rows - 15, columns - 10 - seed % 20)
    return np.asarray(1 / (1 + np.exp(distance - 9)), np.float32)


def tracked(seed: int = 0, origin: Origin = Origin.PROPAGATED) -> TrackedMatte:
    score = (seed % 11) / 10
    return TrackedMatte(matte=matte(seed), score=score, origin=origin, reasons=("dark", "Ä"))


def files_of(path: Path) -> list[str]:
    return sorted(place.name for place in path.parent.iterdir())


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
    )


def commit_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it takes."""
    monkeypatch.setattr(gathered, "COMMIT_INTERVAL_S", 0.0)
    monkeypatch.setattr(gathered, "COMMIT_TIME_SHARE", 1.0)

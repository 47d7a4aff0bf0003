"""The examples run as they stand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import tam_edit
from tam_edit.media import open_source
from tam_edit.session import Session
from tam_edit.testing.clips import DrawnClip

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "delivery").mkdir()
    return tmp_path / "delivery" / "out.mp4"


def test_a_script_redacts_with_a_person_at_the_checkpoint(
    disc_video: Path, disc: DrawnClip, disc_click: str, out: Path
) -> None:
    """The first answer corrects the one click that the masks hang on, the others approve."""
    x, y = (float(number) for number in disc_click.split(","))
    answers = [f"{x + 3:g},{y + 3:g}", *[""] * 10]
    done = subprocess.run(
        [sys.executable, EXAMPLES / "redact_with_checkpoint.py", disc_video, disc_click, out],
        input="\n".join(answers),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # The click, then the correction of it; approvals track nothing.
    assert done.stdout.count(f"{len(disc)} frames tracked") == 2
    assert "nobody has confirmed the mask" in done.stdout
    assert f"wrote {out}" in done.stdout
    assert {path.name for path in out.parent.iterdir()} == {"out.mp4", "out.mp4.report.json"}
    with open_source(out) as written:
        for frame in written.frames():
            covered = frame.rgb.max(axis=2) < 24
            assert covered[disc.mask(1, frame.index)].mean() > 0.99


def test_what_a_script_needs_comes_from_one_place_and_without_torch() -> None:
    assert tam_edit.Session is Session
    assert {"Session", "load_preset", "__version__"} <= set(dir(tam_edit))
    with pytest.raises(AttributeError, match="has no attribute 'session_'"):
        _ = tam_edit.session_
    code = (
        "import sys\nfrom tam_edit import *\nassert Session and load_preset and Prompts\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

"""Hidden names: what is begun and never ended leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import tam_edit.media
from tam_edit.errors import EncodeError
from tam_edit.media import NewFolder
from tam_edit.testing.clips import draw_clip, write_clip

# An interruption that comes when an output was begun and nobody holds it yet.
BEGUN = """
import sys
from pathlib import Path
from tam_edit.media import open_sink, open_source

with open_source(sys.argv[1]) as source:
    sink = open_sink(sys.argv[2], source=source)
    assert sink.hidden.exists()
    raise SystemExit("interrupted")
"""


@pytest.mark.parametrize("target", ["out.mp4", "out/"])
def test_a_process_that_ends_takes_what_it_began_along(target: str, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    write_clip(draw_clip("disc", frames=3, width=64, height=48), clip)
    arguments = [sys.executable, "-c", BEGUN, str(clip), f"{tmp_path}/{target}"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "interrupted\n")
    assert [left.name for left in tmp_path.iterdir()] == ["clip.mp4"]


def test_a_folder_that_nobody_holds_any_more_is_gone(tmp_path: Path) -> None:
    folder = NewFolder(tmp_path / "masks", "the masks")
    (folder.hidden / "00000.png").write_bytes(b"half")
    del folder
    assert not list(tmp_path.iterdir())


def test_what_was_published_stays_when_its_writer_goes(tmp_path: Path) -> None:
    folder = NewFolder(tmp_path / "masks", "the masks")
    hidden = folder.hidden
    (hidden / "00000.png").write_bytes(b"whole")
    folder.publish()
    # Another one begins under the same name before the first writer has gone.
    again = NewFolder(tmp_path / "masks", "the masks")
    assert again.hidden == hidden
    del folder
    assert hidden.is_dir()
    again.discard()
    assert [left.name for left in tmp_path.iterdir()] == ["masks"]


@pytest.mark.parametrize("error", [OSError(5, "broken"), KeyboardInterrupt()], ids=repr)
def test_a_folder_whose_place_cannot_be_taken_stays(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = NewFolder(tmp_path / "masks", "the masks")
    (first.hidden / "00000.png").write_bytes(b"first")
    first.publish()
    second = NewFolder(tmp_path / "masks", "the masks")
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        moved = rename(self, target)
        if target.name.startswith(".masks.former"):
            raise error
        return moved

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", failing)
        with pytest.raises((EncodeError, KeyboardInterrupt)):
            second.publish()
    assert (tmp_path / "masks" / "00000.png").read_bytes() == b"first"
    second.discard()
    assert [left.name for left in tmp_path.iterdir()] == ["masks"]


def test_a_folder_that_was_moved_aside_comes_back(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    former = tmp_path / f".masks.former-{dead.pid}"
    former.mkdir()
    (former / "00000.png").write_bytes(b"mine")
    tam_edit.media.clear_leftovers(tmp_path / "masks")
    assert [left.name for left in tmp_path.iterdir()] == ["masks"]
    assert (tmp_path / "masks" / "00000.png").read_bytes() == b"mine"
    former.mkdir()
    tam_edit.media.clear_leftovers(tmp_path / "masks")
    assert [left.name for left in tmp_path.iterdir()] == ["masks"]

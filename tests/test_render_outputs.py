"""Several outputs in one pass: what they hold, when they get their names, and when they stay."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tam_edit.render.ledger
from tam_edit.errors import EncodeError
from tam_edit.media import Source, open_source
from tam_edit.media.file_sink import FileSink
from tam_edit.media.folder_sink import FolderSink
from tam_edit.media.sink import Sink
from tam_edit.prompts import Said
from tam_edit.recipe import Recipe, parse_recipe
from tam_edit.render import Ledger, RenderJob, check_outputs, render, write_palette_masks
from tam_edit.tracks import MemoryTracks, Origin, TrackedMatte
from tests.made_jobs import render_of

FRAMES = 16
HEAD = """schema = "tam_edit.recipe/1"
title = "t"
[[steps]]
kind = "track"
[[steps]]
kind = "matte"
grow_px = 2.0
[[steps]]
kind = "effect"
effect = "fill"
"""
MAIN = 'kind = "export"\nformat = "ffv1"'
SMALL = """kind = "export"
path = "{stem}-small.mp4"
copy_sound = false
codec_options = { crf = 30 }"""
PICTURES = 'kind = "export"\npath = "{stem}-frames/"'
MASKS = 'kind = "export"\npath = "{stem}-masks/"\nwhat = "masks"'
ALL = (MAIN, SMALL, PICTURES, MASKS)
NAMES = ["out-frames", "out-masks", "out-small.mp4", "out.mkv"]


def recipe_of(*steps: str) -> Recipe:
    return parse_recipe(HEAD + "".join(f"[[steps]]\n{step}\n" for step in steps), "here")


def corner(shift: int = 0) -> MemoryTracks:
    tracks = MemoryTracks()
    for index in range(FRAMES):
        matte = np.zeros((120, 160), np.float32)
        matte[30:60, 20 + shift + index : 50 + shift + index] = 1
        entry = TrackedMatte(matte=matte, score=0.5, origin=Origin.PROPAGATED, reasons=("dark",))
        tracks.append(index, {1: entry})
    return tracks


@pytest.fixture
def source(disc_video: Path) -> Iterator[Source]:
    with open_source(disc_video) as opened:
        yield opened


def job_of(recipe: Recipe, tracks: MemoryTracks | None = None, **changes: object) -> RenderJob:
    return render_of(recipe, tracks or corner(), FRAMES, **changes)


def ledger_of(settings: dict[str, object], mattes: str = "m") -> Ledger:
    return Ledger(settings, {"identity": "v"}, lambda object_id: f"{mattes}{object_id}")


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def listed(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_all_outputs_come_from_one_pass_and_equal_those_rendered_alone(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[int] = []
    frames = source.frames

    def counting(start: int = 0, stop: int | None = None) -> Iterator[object]:
        for frame in frames(start, stop):
            decoded.append(frame.index)
            yield frame

    together, alone = tmp_path / "together", tmp_path / "alone"
    together.mkdir()
    alone.mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(source, "frames", counting)
        report = render(source, job_of(recipe_of(*ALL)), together / "out.mkv")
    assert decoded == list(range(FRAMES))
    assert [each.path.name for each in report.outputs] == [
        "out.mkv",
        "out-small.mp4",
        "out-frames",
        "out-masks",
    ]
    assert report.path == together / "out.mkv"
    assert {each.frame_count for each in report.outputs} == {FRAMES}
    names = ("out.mkv", "out-small.mp4", "out-frames/", "out-masks/")
    for step, name in zip(ALL, names, strict=True):
        lone = "\n".join(line for line in step.splitlines() if not line.startswith("path"))
        render(source, job_of(recipe_of(lone)), f"{alone}/{name}")
    assert listed(together) == listed(alone) == NAMES
    # Matroska gives every file a random number.
    with open_source(together / "out.mkv") as one, open_source(alone / "out.mkv") as other:
        for a, b in zip(one.frames(), other.frames(), strict=True):
            assert all(np.array_equal(p, q) for p, q in zip(a.planes, b.planes, strict=True))
    for folder in (together, alone):
        (folder / "out.mkv").unlink()
    assert contents(together) == contents(alone)


def test_masks_are_those_after_the_matte_steps(source: Source, tmp_path: Path) -> None:
    render(source, job_of(recipe_of(MASKS, MAIN)), tmp_path / "out.mkv")
    with Image.open(tmp_path / "out-masks" / "00003.png") as picture:
        ids = np.asarray(picture)
    assert (ids[30:60, 23:53] == 1).all()
    assert (ids[28, 23:53] == 1).all()
    assert not ids[:27].any()
    scores = json.loads((tmp_path / "out-masks" / "scores.json").read_text())
    assert scores["3"]["it"]["reasons"] == ["dark"]


def test_masks_alone_need_no_picture(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "frames", lambda *args: pytest.fail("a frame was decoded"))
    recipe = recipe_of('kind = "export"\nwhat = "masks"')
    report = render(source, job_of(recipe), tmp_path / "m")
    assert (report.main.what, report.frame_count) == ("masks", FRAMES)
    assert len(listed(tmp_path / "m")) == FRAMES + 1


def test_sound_is_left_out_of_the_output_that_says_so(source: Source, tmp_path: Path) -> None:
    render(source, job_of(recipe_of(MAIN, SMALL)), tmp_path / "out.mkv")
    with open_source(tmp_path / "out.mkv") as one, open_source(tmp_path / "out-small.mp4") as other:
        assert (len(one.info.audio), len(other.info.audio)) == (1, 0)


def test_a_file_for_transparency_without_any_says_so(source: Source, tmp_path: Path) -> None:
    opaque = recipe_of('kind = "export"\nformat = "prores4444"')
    (note,) = render(source, job_of(opaque), tmp_path / "out.mov").notes
    assert note.startswith("nothing is transparent in out.mov")
    text = HEAD.replace('"fill"', '"background-remove"')
    clear = parse_recipe(text + '[[steps]]\nkind = "export"\nformat = "prores4444"\n', "here")
    assert render(source, job_of(clear), tmp_path / "clear.mov").notes == ()


@pytest.mark.parametrize("failing", [FileSink, FolderSink])
@pytest.mark.parametrize("moment", ["_encode", "_complete"])
def test_when_one_output_fails_none_gets_its_name(
    source: Source,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failing: type[Sink],
    moment: str,
) -> None:
    def fail(*args: object) -> None:
        raise EncodeError("the disk is full")

    monkeypatch.setattr(failing, moment, fail)
    with pytest.raises(EncodeError, match="the disk is full"):
        render(source, job_of(recipe_of(*ALL)), tmp_path / "out.mkv")
    assert listed(tmp_path) == []


def test_masks_that_are_not_what_was_written_stop_everything(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = Image.Image.save

    def spoilt(self: Image.Image, path: Path, **kind: object) -> None:
        if path.name == "00005.png":
            self = self.point(lambda value: 0)
        save(self, path, **kind)

    monkeypatch.setattr(Image.Image, "save", spoilt)
    with pytest.raises(EncodeError, match=r"00005\.png, read back, is not what was written"):
        render(source, job_of(recipe_of(*ALL)), tmp_path / "out.mkv")
    assert listed(tmp_path) == []


def test_all_names_that_are_taken_are_told_before_any_work(source: Source, tmp_path: Path) -> None:
    (tmp_path / "out-small.mp4").write_bytes(b"mine")
    (tmp_path / "out-frames").mkdir()
    (tmp_path / "out-frames" / "frame.00000.png").write_bytes(b"mine")
    recipe = recipe_of(*ALL)
    for refuse in (
        lambda: check_outputs(source, recipe, tmp_path / "out.mkv"),
        lambda: render(source, job_of(recipe), tmp_path / "out.mkv"),
    ):
        with pytest.raises(EncodeError) as caught:
            refuse()
        assert "out-small.mp4 and" in str(caught.value)
        assert "out-frames exist already" in str(caught.value)
    assert contents(tmp_path) == {"out-frames/frame.00000.png": b"mine", "out-small.mp4": b"mine"}
    render(source, job_of(recipe), tmp_path / "out.mkv", overwrite=True)
    assert listed(tmp_path) == NAMES
    assert len(listed(tmp_path / "out-frames")) == FRAMES


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("out.mkv", "two exports of the recipe would both be"),
        ("{stem}.mkv", "two exports of the recipe would both be"),
        ("nowhere/{stem}.mp4", "there is no folder"),
        ("{stem}.txt", "says no format"),
    ],
)
def test_outputs_that_cannot_be_are_refused(
    source: Source, tmp_path: Path, path: str, told: str
) -> None:
    recipe = recipe_of(MAIN, f'kind = "export"\npath = "{path}"')
    with pytest.raises(EncodeError, match=told):
        check_outputs(source, recipe, tmp_path / "out.mkv")


def test_an_output_inside_another_is_refused(source: Source, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    recipe = recipe_of('kind = "export"\nformat = "png"', MASKS.replace("{stem}-", "{stem}/"))
    with pytest.raises(EncodeError, match="would lie in the folder"):
        check_outputs(source, recipe, f"{tmp_path}/out/")


def test_finished_outputs_are_not_written_again(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: dict[str, object] = {}
    job, path = job_of(recipe_of(*ALL)), tmp_path / "out.mkv"
    first = render(source, job, path, ledger=ledger_of(settings))
    before = contents(tmp_path)
    settings = json.loads(json.dumps(settings))  # as a project keeps it
    frames = source.frames
    monkeypatch.setattr(source, "frames", lambda *args: pytest.fail("a frame was decoded"))
    for overwrite in (False, True):
        again = render(source, job, path, ledger=ledger_of(settings), overwrite=overwrite)
        assert all(each.was_there for each in again.outputs)
        assert [e.path for e in again.outputs] == [e.path for e in first.outputs]
        assert again.pixel_format == first.pixel_format
    assert contents(tmp_path) == before

    (tmp_path / "out-small.mp4").unlink()
    monkeypatch.setattr(source, "frames", frames)
    partly = render(source, job, path, ledger=ledger_of(settings))
    assert [each.was_there for each in partly.outputs] == [True, False, True, True]
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    "change",
    ["masks", "said", "effect", "covered", "export", "version", "file"],
)
def test_what_was_made_otherwise_is_no_finished_output(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    settings: dict[str, object] = {}
    job, path = job_of(recipe_of(MAIN, MASKS)), tmp_path / "out.mkv"
    render(source, job, path, ledger=ledger_of(settings))
    ledger = ledger_of(settings, "n" if change == "masks" else "m")
    if change == "effect":
        other = HEAD.replace('"fill"', '"fill"\nmargin_px = 9')
        job = job_of(parse_recipe(other + f"[[steps]]\n{MAIN}\n[[steps]]\n{MASKS}", "here"))
    elif change == "said":
        job = job_of(job.recipe, said={1: {3: Said(positive=((30.0, 40.0),))}})
    elif change == "covered":
        job = job_of(job.recipe, covered_frames=frozenset({3}))
    elif change == "export":
        job = job_of(recipe_of(MAIN + "\ncopy_metadata = false", MASKS))
    elif change == "version":
        monkeypatch.setattr(tam_edit.render.ledger, "RENDER_VERSION", 99)
    elif change == "file":
        path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(EncodeError, match="exist"):
        render(source, job, path, ledger=ledger)
    report = render(source, job, path, ledger=ledger, overwrite=True)
    keeps_masks = change in ("effect", "covered", "export", "file")
    assert [each.was_there for each in report.outputs] == [False, keeps_masks]


KILLED = """
import os, sys
from pathlib import Path
sys.path.insert(0, {folder!r})
from test_render_outputs import ALL, job_of, ledger_of, recipe_of
from tam_edit.media import open_source
from tam_edit.media.{module} import {kind}
from tam_edit.render import render

def die(self):
    os._exit(9)

{kind}._publish = die
with open_source({video!r}) as source:
    render(source, job_of(recipe_of(*ALL)), {out!r}, ledger=ledger_of({{}}))
"""


def killed(kind: type[Sink], video: Path, out: Path) -> None:
    module = kind.__module__.rpartition(".")[2]
    code = KILLED.format(
        folder=str(Path(__file__).parent),
        module=module,
        kind=kind.__name__,
        video=str(video),
        out=str(out),
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert done.returncode == 9, done.stderr.decode()


def test_a_kill_before_the_names_are_given_leaves_no_output_and_the_next_run_cleans_up(
    source: Source, disc_video: Path, tmp_path: Path
) -> None:
    killed(FileSink, disc_video, tmp_path / "out.mkv")
    assert listed(tmp_path)
    assert all(name.startswith(".") for name in listed(tmp_path))
    render(source, job_of(recipe_of(*ALL)), tmp_path / "out.mkv")
    assert listed(tmp_path) == NAMES


def test_after_a_kill_between_two_names_only_what_is_missing_is_written(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if killed: what is published stays, what is not lies under a dead process's name."""
    settings: dict[str, object] = {}
    job, path = job_of(recipe_of(*ALL)), tmp_path / "out.mkv"

    class Killed(BaseException):
        pass

    def die(self: Sink) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(FolderSink, "_publish", die)
        with pytest.raises(Killed):
            render(source, job, path, ledger=ledger_of(settings))
    assert listed(tmp_path) == ["out-small.mp4", "out.mkv"]
    # What is killed stays in the list of processes until the one that began it looks.
    dead = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, dead.pid, os.WEXITED | os.WNOWAIT)
    for name in ("out.part-{}.mkv", "out-frames.part-{}", "out-masks.part-{}"):
        left = tmp_path / f".{name.format(dead.pid)}"
        left.mkdir()
    report = render(source, job, path, ledger=ledger_of(settings))
    assert [each.was_there for each in report.outputs] == [True, True, False, False]
    assert listed(tmp_path) == NAMES
    dead.wait()


def test_palette_masks_leave_nothing_half_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise OSError(28, "full")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(EncodeError, match="full"):
        write_palette_masks(
            tmp_path / "m", corner().track_set(), range(3), width=160, height=120, names={1: "it"}
        )
    assert listed(tmp_path) == []

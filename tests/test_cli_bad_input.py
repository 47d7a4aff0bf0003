"""Whatever is wrong, the command line says so in one clear sentence and leaves nothing behind."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tam_edit._cli import run
from tam_edit.testing.clips import draw_clip, write_clip


@pytest.mark.parametrize("command", ["run", "new"])
def test_no_such_file(refused: Callable[..., str], tmp_path: Path, command: str) -> None:
    out = tmp_path / ("out.mp4" if command == "run" else "shot.tam")
    arguments = ["run", "blur-object"] if command == "run" else ["new"]
    clicks = ["--click", "1,1"] if command == "run" else []
    told = refused(*arguments, tmp_path / "missing.mp4", "-o", out, *clicks)
    assert "missing.mp4" in told


def test_not_a_video(refused: Callable[..., str], tmp_path: Path) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("this is no video " * 100, encoding="utf-8")
    told = refused("run", "blur-object", text, "-o", tmp_path / "out.mp4", "--click", "1,1")
    assert "notes.mp4" in told


def test_an_empty_file_has_no_frames(refused: Callable[..., str], tmp_path: Path) -> None:
    empty = tmp_path / "empty.mp4"
    empty.touch()
    assert "empty.mp4" in refused("new", empty, "-o", tmp_path / "x.tam")


def test_a_truncated_file(refused: Callable[..., str], disc_video: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.mp4"
    data = disc_video.read_bytes()
    cut.write_bytes(data[: len(data) // 2])
    told = refused("run", "blur-object", cut, "-o", tmp_path / "out.mp4", "--click", "60,50")
    assert "cut.mp4" in told


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        (["--click", "500,20"], "outside frame 0, which is 160x120"),
        (["--click", "20,20@99"], "there is no frame 99"),
        (["--click", "20,20@-1"], "--click: '-1' names no frame"),
        (["--click", "20,20", "--in", "2.5"], "--in: '2.5' names no frame"),
        (["--click", "20,20", "--out", "999"], "it is the first frame that is left out"),
        (["--click", "20"], "not of the form X,Y"),
        (["--click", "a,b"], "not of the form X,Y"),
        (["--box", "10,10,10,40"], "holds no pixel"),
        (["--box", "200,10,210,40"], "outside frame 0"),
        (["--click", "20,20", "--not", "20,20"], "contradict"),
        (["--not", "20,20"], "no mask on frame 0 yet that clicks beside the object could correct"),
        (["--box", "1,1,9,9", "--box", "2,2,9,9"], "two --box"),
        (["--mask", "missing.png"], "no such file"),
        ([], "nothing says where the object is"),
    ],
)
def test_prompts_that_cannot_be_used(
    refused: Callable[..., str], disc_video: Path, tmp_path: Path, prompt: list[str], words: str
) -> None:
    told = refused("run", "blur-object", disc_video, "-o", tmp_path / "out.mp4", *prompt)
    assert words in told


def test_a_mask_of_the_wrong_size_and_an_empty_one(
    refused: Callable[..., str], disc_video: Path, tmp_path: Path
) -> None:
    small, empty = tmp_path / "small.png", tmp_path / "empty.png"
    Image.fromarray(np.full((60, 80), 255, np.uint8)).save(small)
    Image.fromarray(np.zeros((120, 160), np.uint8)).save(empty)
    out = tmp_path / "out.mp4"
    told = refused("run", "blur-object", disc_video, "-o", out, "--mask", small)
    assert "the mask for frame 0 is 80x60, but the video is 160x120" in told
    assert "empty" in refused("run", "blur-object", disc_video, "-o", out, "--mask", empty)


def test_a_mask_that_is_no_picture(
    refused: Callable[..., str], disc_video: Path, tmp_path: Path
) -> None:
    text = tmp_path / "mask.png"
    text.write_text("no picture", encoding="utf-8")
    told = refused("run", "blur-object", disc_video, "-o", tmp_path / "o.mp4", "--mask", text)
    assert "not a picture that can be read" in told


@pytest.mark.parametrize(
    ("preset", "words"),
    [("blurr-object", "did you mean 'blur-object'"), ("no.toml", "no.toml")],
)
def test_an_unknown_preset(
    refused: Callable[..., str], disc_video: Path, tmp_path: Path, preset: str, words: str
) -> None:
    told = refused("run", preset, disc_video, "-o", tmp_path / "out.mp4", "--click", "1,1")
    assert words in told


@pytest.mark.parametrize(
    ("typed", "trouble", "hint"),
    [
        ("mine.tml", "mine.tml is neither a preset nor a recipe", "did you mean mine.toml?"),
        ("a/b", "a/b is neither a preset nor a recipe", "recipes end in .toml"),
        ("min.toml", "there is no recipe file min.toml", "did you mean mine.toml?"),
    ],
)
def test_a_recipe_file_that_is_not_there(
    disc_video: Path,
    tmp_path: Path,
    refused: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    typed: str,
    trouble: str,
    hint: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").touch()
    told = refused("run", typed, disc_video, "-o", "out.mp4", "--click", "1,1")
    assert trouble in told
    assert hint in told


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("01_dgo.mp4", "did you mean {}/01_dog.mp4?"),
        ("dog.mp4", "did you mean {}/01_dog.mp4?"),
        ("01_dog", "did you mean {}/01_dog.mp4?"),
        ("street.mp4", "check its name"),
        ("away/01_dog.mp4", "there is no folder {}/away"),
    ],
)
def test_a_video_that_is_not_there(
    tmp_path: Path, refused: Callable[..., str], typed: str, hint: str
) -> None:
    (tmp_path / "01_dog.mp4").touch()
    told = refused("new", tmp_path / typed)
    assert f"there is no file {tmp_path / typed}" in told
    assert hint.format(tmp_path) in told


@pytest.mark.parametrize(
    ("typed", "trouble", "hint"),
    [
        ("image=beech.jpg", "no step called 'image'", "did you mean background-replace.image?"),
        ("background-replace.image=beech.jpg", "there is no file", "beach.jpg?"),
        ("background-replace.image=sky.jpg", "there is no file", "relative to the working folder"),
        ("background-replace.image=sea.mp4", "image is ", "image takes a still"),
    ],
)
def test_a_background_that_is_typed_and_wrong(
    disc_video: Path,
    tmp_path: Path,
    refused: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    typed: str,
    trouble: str,
    hint: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "beach.jpg").touch()
    (tmp_path / "sea.mp4").touch()
    job = ("run", "green-screen", disc_video, "-o", "out.mp4", "--click", "1,1")
    told = refused(*job, "--set", typed)
    assert trouble in told
    assert hint in told


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ('effect = "blurr"', "did you mean 'blur'"),
        ('effect = "blur"\nwith = { sigmapx = 3 }', "sigma_px"),
        ('effect = "blur"\nwith = { sigma_px = -3 }', "steps[1].with.sigma_px"),
        ('effect = "blur"\nobjects = ["car"]', "there is no object of that name"),
    ],
)
def test_an_unknown_effect_field_or_object(
    refused: Callable[..., str], disc_video: Path, tmp_path: Path, step: str, words: str
) -> None:
    recipe = tmp_path / "my.toml"
    recipe.write_text(
        'schema = "tam_edit.recipe/1"\ntitle = "t"\n[[steps]]\nkind = "track"\n'
        f'[[steps]]\nkind = "effect"\n{step}\n',
        encoding="utf-8",
    )
    out, painted = tmp_path / "out.mp4", tmp_path / "mask.png"
    Image.fromarray(np.eye(120, 160, dtype=np.uint8)).save(painted)
    leaves = ("out.mp4.tam",) if "car" in step else ()
    arguments = ["run", str(recipe), str(disc_video), "-o", str(out), "--mask", str(painted)]
    assert words in refused(*arguments, leaves=leaves)


def test_unknown_names_of_commands_effects_and_models(
    refused: Callable[..., str], disc_video: Path, tmp_path: Path
) -> None:
    assert "did you mean 'blur'" in refused("effects", "show", "blurr")
    assert "no preset called" in refused("presets", "show", "nothing")
    assert "no model called 'big'" in refused("models", "show", "big")
    told = refused("new", disc_video, "-o", tmp_path / "x.tam", "--model", "big")
    assert "no model called 'big'" in told
    assert "No such command" in refused("blur", code=2)
    assert "No such option" in refused("doctor", "--fast", code=2)


def test_output_that_must_not_be_written(
    refused: Callable[..., str], disc_video: Path, tmp_path: Path
) -> None:
    video = tmp_path / "video.mp4"
    shutil.copy(disc_video, video)
    link = tmp_path / "link.mp4"
    link.symlink_to(video)
    before = video.read_bytes()
    for same in (video, link):
        told = refused("run", "blur-object", video, "-o", same, "--overwrite", "--click", "60,50")
        assert "input itself" in told
    taken = tmp_path / "taken.mp4"
    taken.write_bytes(b"precious")
    told = refused("run", "blur-object", video, "-o", taken, "--click", "60,50")
    assert "exists already" in told
    assert (video.read_bytes(), taken.read_bytes()) == (before, b"precious")
    told = refused("run", "blur-object", video, "-o", tmp_path / "out.xyz", "--click", "60,50")
    assert ".xyz" in told
    told = refused("run", "blur-object", video, "-o", tmp_path / "no" / "out.mp4", "--click", "6,5")
    assert "no folder" in told
    told = refused("run", "remove-background", video, "-o", tmp_path / "out.mp4", "--click", "6,5")
    assert "alpha" in told or "transparen" in told


def test_a_read_only_folder(
    refused: Callable[..., str], disc_video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The tests may run as root, whom no mode keeps out: say what any other user would be told.
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    ask = os.access
    monkeypatch.setattr(os, "access", lambda p, mode, **k: Path(p) != folder and ask(p, mode, **k))
    told = refused("run", "blur-object", disc_video, "-o", folder / "out.mp4", "--click", "60,50")
    assert "closed" in told


def test_a_full_disk_while_writing(
    refused: Callable[..., str], disc_video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tam_edit.media.file_sink import FileSink

    def full(self: FileSink, packets: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(FileSink, "_mux", full)
    painted = tmp_path / "mask.png"
    Image.fromarray(np.eye(120, 160, dtype=np.uint8)).save(painted)
    out = tmp_path / "out.mp4"
    told = refused(
        "run", "blur-object", disc_video, "-o", out, "--mask", painted, leaves=("out.mp4.tam",)
    )
    assert "No space left" in told


@pytest.mark.parametrize("points", [["--in", "9", "--out", "9"], ["--in", "12", "--out", "4"]])
def test_in_and_out_points_that_hold_nothing(
    refused: Callable[..., str], disc_video: Path, tmp_path: Path, points: list[str]
) -> None:
    told = refused("new", disc_video, "-o", tmp_path / "x.tam", *points)
    assert f"the out point {points[3]} does not come after the in point {points[1]}" in told


@pytest.mark.parametrize("plan", [(), ("--plan",)])
def test_prompts_outside_of_the_work_are_refused(
    refused: Callable[..., str], disc_video: Path, tmp_path: Path, plan: tuple[str, ...]
) -> None:
    span = ["-o", str(tmp_path / "o.mp4"), "--in", "@4", "--out", "@9"]
    said = refused("run", "blur-object", disc_video, *span, "--click", "20,20@2", *plan)
    assert "frame 2 does not lie between the in point 4 and the out point 9" in said
    assert "prompts go on frames 4 to 8" in said
    assert not list(tmp_path.iterdir())


def test_masks_are_not_written_over_something_else(
    refused: Callable[..., str], disc_video: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "masks"
    folder.mkdir()
    (folder / "letter.txt").touch()
    told = refused("track", disc_video, "--click", "60,50", "--masks-out", folder)
    assert "letter.txt" in told


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (33, 17)])
def test_tiny_and_odd_sizes_work(tmp_path: Path, size: tuple[int, int]) -> None:
    frames = tmp_path / "frames"
    frames.mkdir()
    for index in range(3):
        picture = np.full((size[1], size[0], 3), 40 * index, np.uint8)
        Image.fromarray(picture).save(frames / f"{index}.png")
    out = tmp_path / "out.mkv"
    arguments = ["run", "blur-object", str(frames), "-o", str(out), "--box", "0,0,1,1", "--fps"]
    assert run([*arguments, "25", "-q"]) == 0
    assert out.exists()


def test_an_object_that_leaves_is_tracked_to_the_end(tmp_path: Path) -> None:
    video, out = tmp_path / "leaves.mp4", tmp_path / "out.mp4"
    drawn = draw_clip("leaves", frames=20)
    write_clip(drawn, video)
    painted = tmp_path / "mask.png"
    Image.fromarray(drawn.mask(1, 0).astype(np.uint8)).save(painted)
    arguments = ["blur-object", str(video), "-o", str(out), "--mask", str(painted), "-q"]
    assert run(["run", *arguments]) == 0
    out.unlink()
    # A redaction stops there instead: nobody has looked whether it really left.
    arguments[0] = "redact-solid"
    told = tmp_path / "told.json"
    assert run(["run", *arguments, "--json", str(told)]) == 3
    assert not out.exists()
    review = json.loads(told.read_text(encoding="utf-8"))["review"]
    given, *doubts = sorted(review, key=lambda each: int(each["frames"][0]))
    assert given["frames"][0] == 0  # the painted mask itself wants a look, too
    assert {doubt["object"] for doubt in doubts} == {"object"}
    assert run(["run", *arguments, "--on-doubt", "cover-frame"]) == 0
    out.unlink()
    Path(f"{out}.report.json").unlink()
    # Or a person has looked: it is gone there.
    assert run(["run", *arguments]) == 3
    span = f"{doubts[0]['frames'][0]}-{doubts[-1]['frames'][-1]}"
    approve = ["approve", f"{out}.tam", "--frames", span, "--reason", "it has left the picture"]
    assert run([*approve, "-q"]) == 0
    assert run(["run", *arguments]) == 3
    before = f"0-{doubts[0]['frames'][0] - 1}"
    assert run(["approve", f"{out}.tam", "--frames", before, "--reason", "it is right", "-q"]) == 0
    assert run(["run", *arguments]) == 0
    assert out.exists()


def test_a_command_that_was_pasted_as_it_is_printed_asks_for_the_numbers(
    refused: Callable[..., str], disc_video: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.mp4"
    told = refused("run", "blur-object", disc_video, "-o", out, "--click", "X,Y@3")
    assert "error: --click X,Y: X,Y stands for numbers, put them in" in told
    assert "hint: for example --click 320,180" in told


@pytest.mark.parametrize("place", ["first", "last"])
def test_an_object_of_which_nothing_is_said_is_refused(
    refused: Callable[..., str], disc_video: Path, disc_click: str, tmp_path: Path, place: str
) -> None:
    given = ["--object", "disc", "--click", disc_click]
    lone = ["--object", "cat"]
    arguments = [*lone, *given] if place == "first" else [*given, *lone]
    told = refused("run", "blur-object", disc_video, "-o", tmp_path / "o.mp4", *arguments, code=2)
    assert "nothing is said of --object cat" in told


@pytest.mark.parametrize("preset", ["blur-object", "mine.toml"])
def test_a_video_before_the_preset_is_told_so(
    refused: Callable[..., str], disc_video: Path, tmp_path: Path, preset: str
) -> None:
    told = refused("run", disc_video, preset, "-o", tmp_path / "o.mp4", code=2)
    assert f"PRESET comes before VIDEO: tam-edit run {preset} {disc_video}" in told


def test_what_is_not_an_object_that_is_not_there_is_refused(
    refused: Callable[..., str], disc_video: Path, disc_click: str, tmp_path: Path
) -> None:
    project = tmp_path / "p.tam"
    assert run(["new", str(disc_video), "-o", str(project)]) == 0
    assert run(["prompt", str(project), "--object", "disc", "--click", disc_click]) == 0
    told = refused("prompt", project, "--object", "dics", "--not", "5,5")
    assert "error: there is no object called 'dics'" in told
    assert "hint: did you mean 'disc'?" in told


@pytest.mark.parametrize("target", [".", "./", "..", "/", ""])
def test_an_output_needs_a_name_of_its_own(
    refused: Callable[..., str],
    disc_video: Path,
    disc_click: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    target: str,
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    job = ["blur-object", disc_video, "--click", disc_click]
    told = refused("run", *job, "-o", target, "--overwrite", code=2)
    assert f"{target!r} names nothing that can be written" in told
    assert "names nothing" in refused("export", "no.tam", "--as", "luma", "-o", target, code=2)
    # Where it is there, a folder is no project that could be replaced.
    told = refused("new", disc_video, "-o", target, "--overwrite")
    assert "hint: name a file that ends in .tam" in told
    assert not list(Path().iterdir())


def test_what_is_refused_for_want_of_a_place_leaves_nothing_said(
    refused: Callable[..., str], disc_video: Path, disc_click: str, tmp_path: Path
) -> None:
    job = ["run", "blur-object", disc_video, "-o", tmp_path / "out.mp4", "--gone", "0-3"]
    assert "nothing says where the object is" in refused(*job)
    # Half of a contradiction was said before: it is one all the same.
    project = tmp_path / "p.tam"
    assert run(["new", str(disc_video), "-o", str(project)]) == 0
    assert run(["prompt", str(project), "--gone", "0-3"]) == 0
    told = refused("prompt", project, "--gone", "0-3", "--click", f"{disc_click}@0")
    assert "said to be gone on frame 0 and to be somewhere there" in told


def test_words_and_numbers_with_spaces_between_are_told_how_they_are_written(
    refused: Callable[..., str], tmp_path: Path
) -> None:
    shot = tmp_path / "p.tam"
    told = refused("approve", shot, "--reason", "behind", "a", "tree", code=2)
    assert "(a tree): what belongs together has no spaces, or straight quotes" in told
    told = refused("approve", shot, "--frames", "313", "318", "--reason", "x", code=2)
    assert "without spaces: --frames 313-318" in told
    told = refused("approve", shot, "--frames", "3", "-5", "--reason", "x", code=2)
    assert "without spaces: --frames 3-5" in told
    assert "--gone 5-9" in refused("prompt", shot, "--gone", "5", "9", code=2)

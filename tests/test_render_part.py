"""A part of a tracked shot is written as it is in the whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tam_edit._cli import run
from tam_edit.errors import EncodeError, InputError
from tam_edit.inpaint import BUNDLE_FILE
from tam_edit.media import open_source
from tam_edit.recipe import parse_recipe
from tam_edit.session import Session

RECIPE = """schema = "tam_edit.recipe/1"
title = "t"
[[steps]]
kind = "track"
[[steps]]
kind = "matte"
smooth_frames = 2
[[steps]]
kind = "effect"
effect = "remove"
hold_before_frames = 1
[[steps]]
kind = "effect"
effect = "outline"
in_point = 2
fade_in_s = 0.4
[[steps]]
kind = "export"
[[steps]]
kind = "export"
what = "masks"
path = "{stem}-masks/"
"""
BUNDLE = """schema = "tam_edit.recipe/1"
title = "t"
[[steps]]
kind = "track"
[[steps]]
kind = "export"
what = "inpaint"
"""
PART = range(6, 11)


def pictures(folder: Path) -> list[bytes]:
    found = []
    for path in sorted(folder.glob("*.png")):
        with Image.open(path) as image:
            found.append(np.asarray(image).tobytes())
    return found


def test_its_frames_are_those_of_the_whole(doubtful: Session, tmp_path: Path) -> None:
    recipe = parse_recipe(RECIPE, "r.toml")
    doubtful.render(recipe, f"{tmp_path}/whole/")
    report = doubtful.render(recipe, f"{tmp_path}/part/", part=PART)
    assert [each.frame_count for each in report.outputs] == [5, 5]
    for name in ("whole", "whole-masks"):
        whole = pictures(tmp_path / name)
        part = pictures(tmp_path / name.replace("whole", "part"))
        assert len(whole) == 16
        assert part == whole[6:11]
    recovered = report.effects[0]
    assert [each["index"] for each in recovered["frames"]] == list(PART)


def test_it_has_the_sound_of_its_time(doubtful: Session, tmp_path: Path) -> None:
    recipe = parse_recipe(RECIPE.partition('[[steps]]\nkind = "export"')[0], "r.toml")
    doubtful.render(recipe, tmp_path / "part.mp4", part=PART)
    with open_source(tmp_path / "part.mp4") as written:
        assert written.info.frame_count == 5
        assert len(written.info.audio) == 1
        assert written.info.duration_s == 5 / doubtful.source.info.average_rate


def test_another_part_is_another_output(doubtful: Session, tmp_path: Path) -> None:
    recipe, out = parse_recipe(RECIPE, "r.toml"), tmp_path / "part.mkv"
    assert not doubtful.render(recipe, out, part=PART).main.was_there
    assert doubtful.render(recipe, out, part=PART).main.was_there
    for other in (range(6, 12), None):
        with pytest.raises(EncodeError, match="exist already"):
            doubtful.render(recipe, out, part=other)


@pytest.mark.parametrize("part", [range(6, 17), range(6, 6), range(-1, 3)])
def test_frames_that_are_not_there_are_refused(
    doubtful: Session, tmp_path: Path, part: range
) -> None:
    with pytest.raises(InputError, match=r"are no part of the work|does not come after"):
        doubtful.render(parse_recipe(RECIPE, "r.toml"), tmp_path / "part.mkv", part=part)
    assert not (tmp_path / "part.mkv").exists()


def test_a_bundle_of_a_part_comes_back(doubtful: Session, tmp_path: Path) -> None:
    bundle = tmp_path / "part"
    doubtful.render(parse_recipe(BUNDLE, "r.toml"), f"{bundle}/", part=PART)
    document = json.loads((bundle / BUNDLE_FILE).read_text(encoding="utf-8"))
    assert [each["source_frame"] for each in document["frames"]] == list(PART)
    assert not any(each["is_handle"] for each in document["frames"])
    report = doubtful.recomposite(bundle / "frames", tmp_path / "back.mkv")
    assert report.frame_count == len(PART)


def test_the_command_writes_it_and_plans_it(
    doubtful: Session,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    refused: Callable[..., str],
) -> None:
    shot, out = doubtful.project.path, tmp_path / "part.mp4"
    doubtful.close()
    command = ["render", str(shot), "--preset", "remove-object", "-o", str(out)]
    assert run([*command, "--in", "6", "--out", "11", "--plan"]) == 0
    told = capsys.readouterr().out
    assert "frames 6 to 10 (" in told
    assert "for tracking" not in told
    assert not out.exists()
    assert run([*command, "--in", "6", "--out", "11"]) == 0
    # Of the four doubtful ones, 5 to 8, three are in it.
    assert "note: masks on 3 of these frames are doubtful" in capsys.readouterr().err
    with open_source(out) as written:
        assert written.info.frame_count == 5
    looks = tmp_path / "looks.toml"
    asks = '[[steps]]\nkind = "checkpoint"\nwhen = "frames"\nframes = [3, 8]\n'
    looks.write_text(RECIPE.replace('"track"\n', f'"track"\n{asks}'), encoding="utf-8")
    look = [
        "render",
        str(shot),
        "--recipe",
        str(looks),
        "-o",
        f"{tmp_path}/part/",
        "--plan",
        "--in",
    ]
    assert run([*look, "6", "--out", "11"]) == 0
    stops = "stops for a look at frame 8; as the masks are now, "
    assert f"{stops}on 1 frame (8)\n" in capsys.readouterr().out
    assert run(["approve", str(shot), "--frames", "8", "--reason", "looked at it"]) == 0
    capsys.readouterr()
    assert run([*look, "6", "--out", "11"]) == 0
    assert f"{stops}nowhere\n" in capsys.readouterr().out
    assert run([*look, "9", "--out", "11"]) == 0
    assert "stops at no frame" in capsys.readouterr().out
    told = refused(*command, "--in", "11", "--out", "6", "--overwrite")
    assert "the out point 6 does not come after the in point 11" in told
    assert "the first frame that is left out" in told


def test_a_removal_of_a_short_part_says_where_more_is_seen(
    disc_video: Path, disc_click: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = ["run", "remove-object", str(disc_video), "--click", disc_click, "--overwrite"]
    job += ["-o", str(tmp_path / "clean.mp4")]
    assert run([*job, "--out", "2"]) == 0
    told = capsys.readouterr().err
    assert "it was looked for on frames 0 to 1 only" in told
    assert "tam-edit render SHOT.tam --preset remove-object --in 0 --out 2 -o OUT" in told
    assert run(job) == 0
    assert "it was looked for" not in capsys.readouterr().err

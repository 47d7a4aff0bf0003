"""One command, several verified outputs, and what it does when it is given again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tam_edit._cli import run
from tam_edit.media import open_source
from tam_edit.project import Project

RECIPE = """schema = "tam_edit.recipe/1"
title = "t"
[[steps]]
kind = "track"
[[steps]]
kind = "effect"
effect = "fill"
{settings}
[[steps]]
kind = "export"
codec_options = {{ crf = 17 }}
[[steps]]
kind = "export"
path = "{{stem}}-masks/"
what = "masks"
[[steps]]
kind = "verify"
inside_correlation = 0.5
"""


def test_sound_that_the_output_cannot_hold_is_refused_before_tracking(
    disc_video: Path,
    disc_click: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def track(*_: object, **__: object) -> None:
        raise AssertionError("it was tracked")

    out = tmp_path / "out.webm"
    job = ["run", "remove-background", str(disc_video), "-o", str(out), "--click", disc_click]
    with monkeypatch.context() as patch:
        patch.setattr("tam_edit.session.Session.track", track)
        assert run(job) == 1
    told = capsys.readouterr().err
    assert ".webm cannot hold the source's audio track 1 (aac)" in told
    # MP4 could hold the sound, but not the transparency.
    advice = "--set export.copy_sound=false"
    assert f"write to .mov or .mkv, which can, or leave the sound out: {advice}" in told
    assert run([*job, *advice.split()]) == 0
    with open_source(out) as written:
        assert (written.info.video_codec, written.info.audio) == ("vp9", ())
    capsys.readouterr()
    assert run([*job[:4], str(tmp_path / "out.mp4"), *job[5:]]) == 1
    assert "a folder of PNGs or EXRs" in capsys.readouterr().err


def test_a_job_with_several_outputs_and_the_same_again(
    disc_video: Path, disc_click: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, out, told = tmp_path / "r.toml", tmp_path / "out.mp4", tmp_path / "told.json"
    recipe.write_text(RECIPE.format(settings=""), encoding="utf-8")
    arguments = ["run", str(recipe), str(disc_video), "-o", str(out), "--click", disc_click]
    arguments += ["--project", str(tmp_path / "p.tam"), "--json", str(told)]
    assert run(arguments) == 0
    *lines, proof = capsys.readouterr().out.splitlines()[-3:]
    assert proof.startswith(f"wrote {out}.report.json: ")
    assert lines[0].startswith(f"wrote {out}: 16 frames, yuv420p, in ")
    assert "; read back and compared: something is covered on 16 of 16 frames, and " in lines[0]
    assert lines[1].startswith(f"wrote {tmp_path}/out-masks: 16 frames, pal8, in ")
    result = json.loads(told.read_text())
    assert result["output"] == result["outputs"][0]
    assert [each["what"] for each in result["outputs"]] == ["picture", "masks"]
    verified = result["output"]["verified"]
    assert verified["frames"] == 16
    assert verified["outside_psnr_db"]["worst"] > 35
    assert verified["inside_correlation"]["worst"] < 0.3

    before = out.stat().st_mtime_ns
    assert run(arguments) == 0
    assert f"{out}: already written (16 frames, yuv420p)" in capsys.readouterr().out
    assert out.stat().st_mtime_ns == before
    again = json.loads(told.read_text())
    assert [each["was_there"] for each in again["outputs"]] == [True, True]
    assert again["output"]["verified"] == verified

    # Another recipe is refused at once; asked to, it replaces what it changes, and no more.
    recipe.write_text(RECIPE.format(settings="margin_px = 9"), encoding="utf-8")
    assert run(arguments) == 1
    refusal = capsys.readouterr().err
    assert f"{out} exists already" in refusal
    assert "add --overwrite to replace it: masks or settings have changed since" in refusal
    assert run([*arguments, "--overwrite"]) == 0
    again = json.loads(told.read_text())
    assert [each["was_there"] for each in again["outputs"]] == [False, True]


def test_a_place_that_the_video_does_not_have_is_refused_before_anything_is_tracked(
    disc_video: Path, disc_click: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, out = tmp_path / "r.toml", tmp_path / "out.mp4"
    recipe.write_text(RECIPE.format(settings="in_point = 99"), encoding="utf-8")
    arguments = ["run", str(recipe), str(disc_video), "-o", str(out), "--click", disc_click]
    assert run(arguments) == 1
    streams = capsys.readouterr()
    assert "in_point" in streams.err
    assert "there is no frame 99" in streams.err
    assert "selected" not in streams.out
    assert [path.name for path in tmp_path.iterdir()] == ["r.toml"]


def test_a_correction_makes_the_outputs_anew(
    disc_video: Path, disc_click: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, out, project = tmp_path / "r.toml", tmp_path / "out.mp4", tmp_path / "p.tam"
    recipe.write_text(RECIPE.format(settings=""), encoding="utf-8")
    arguments = ["run", str(recipe), str(disc_video), "-o", str(out), "--click", disc_click]
    arguments += ["--project", str(project)]
    assert run(arguments) == 0
    assert run(["prompt", str(project), "--object", "object", "--gone", "12-15"]) == 0
    assert run(["track", str(project)]) == 0
    assert run(arguments) == 1
    assert " already" in capsys.readouterr().err
    assert run([*arguments, "--overwrite"]) == 0
    with open_source(out) as after, open_source(disc_video) as before:
        assert abs(after.frame(14).planes[0].astype(int) - before.frame(14).planes[0]).max() < 30


@pytest.mark.parametrize("is_new", [False, True], ids=["pending", "in the command"])
def test_an_output_that_a_correction_outdates_is_refused_before_anything_is_tracked(
    disc_video: Path,
    disc_click: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    is_new: bool,
) -> None:
    recipe, out, project = tmp_path / "r.toml", tmp_path / "out.mp4", tmp_path / "p.tam"
    recipe.write_text(RECIPE.format(settings=""), encoding="utf-8")
    arguments = ["run", str(recipe), str(disc_video), "-o", str(out), "--project", str(project)]
    arguments += ["--click", disc_click]
    assert run(arguments) == 0
    correction = ["--gone", "12-15"]
    if is_new:
        arguments += correction
    else:
        assert run(["prompt", str(project), *correction]) == 0
        again = f"tam-edit track {project}, which makes the masks on frames 13-15 again"
        assert f"when all is said: {again}; `run` does so" in capsys.readouterr().err
    capsys.readouterr()
    assert run(arguments) == 1
    streams = capsys.readouterr()
    assert f"{out} and {out.with_name('out-masks')} exist already" in streams.err
    assert "--overwrite to replace them: masks or settings have changed since" in streams.err
    assert "tracked" not in streams.out
    with Project.open(project) as opened:
        assert opened.tracked_spans(1) == [(0, 13)]
    assert run([*arguments, "--overwrite"]) == 0
    assert run(arguments) == 0
    assert "already written" in capsys.readouterr().out

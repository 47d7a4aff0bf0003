"""Recipes on the command line: plans, settings, and thirty that are broken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tam_edit._cli import run

HEAD = 'schema = "tam_edit.recipe/1"\n'
TITLE = 'title = "T"\n'
TRACK = '[[steps]]\nkind = "track"\n'
STOP = '[[steps]]\nkind = "checkpoint"\n'
BLUR = '[[steps]]\nkind = "effect"\neffect = "blur"\n'
EXPORT = '[[steps]]\nkind = "export"\n'
WHOLE = HEAD + TITLE + TRACK + BLUR

# What the file says, the key path, what was found, and what is allowed or to be done.
BROKEN = [
    ("titel = 'T'\n" + TRACK + BLUR, "titel", "not a known key", "'title'"),
    ("title = 3\n" + TRACK + BLUR, "title", "the number 3", "text"),
    (TITLE, "steps", "is missing", "track step"),
    (TITLE + 'steps = "track"\n', "steps", "the text 'track'", "a list of steps"),
    (TITLE + BLUR, "steps", "no track step", 'kind = "track"'),
    (TITLE + TRACK, "steps", "no effect step", "effects list"),
    (TITLE + '[[steps]]\nkind = "trak"\n' + BLUR, "steps[0].kind", "'trak'", "'track'"),
    (TITLE + '[[steps]]\nkind = "tr\\nack"\n' + BLUR, "steps[0].kind", "'tr\\nack'", '"track"'),
    (TITLE + TRACK + TRACK + BLUR, "steps[1]", "second track step", "once"),
    (TITLE + TRACK + "short_side_px = 4\n" + BLUR, "steps[0].short_side_px", "4", "at least 64"),
    (TITLE + TRACK + "size = 480\n" + BLUR, "steps[0].size", "not a known key", "short_side_px"),
    (TITLE + TRACK + 'at_cuts = "aks"\n' + BLUR, "steps[0].at_cuts", "'aks'", "'ask'"),
    (TITLE + TRACK + STOP + "threshold = 75\n" + BLUR, "steps[1].threshold", "75", "at most 1"),
    (TITLE + TRACK + STOP + 'when = "never"\n' + BLUR, "steps[1].when", "'never'", '"always"'),
    (TITLE + TRACK + STOP + 'when = "frames"\n' + BLUR, "steps[1].frames", "missing", "frames = ["),
    (
        TITLE + TRACK + STOP + 'when = "frames"\nframes = [5000]\n' + BLUR,
        "steps[1].frames[0]",
        "5000",
        "frames",
    ),
    (TITLE + TRACK + BLUR + STOP, "steps[2]", "after the effect step", "track step"),
    (TITLE + TRACK + EXPORT + BLUR, "steps[2]", "after the export step", "before the export"),
    (TITLE + TRACK + BLUR.replace("blur", "blurr"), "steps[1].effect", "'blurr'", "'blur'"),
    (TITLE + TRACK + BLUR + "with = { strength = 99 }\n", "with.strength", "99", "0.5 to 4"),
    (TITLE + TRACK + BLUR + "with = { strenght = 1 }\n", "with.strenght", "param", "'strength'"),
    (TITLE + TRACK + BLUR + 'with = { strength = "2" }\n', "with.strength", "'2'", "quotes"),
    (TITLE + TRACK + BLUR + 'objects = "dics"\n', "steps[1].objects", "'dics'", "list"),
    (TITLE + TRACK + BLUR + 'objects = ["dics"]\n', "steps[1].objects[0]", "'dics'", "'disc'"),
    (TITLE + TRACK + BLUR + "in_point = 5000\n", "steps[1].in_point", "5000", "frames"),
    (TITLE + TRACK + BLUR + 'out_point = "soon"\n', "steps[1].out_point", "'soon'", "HH:MM:SS"),
    (
        TITLE + TRACK + BLUR + "in_point = 9\nout_point = 9\n",
        "steps[1].out_point",
        "9",
        "first frame without",
    ),
    (
        TITLE + TRACK + BLUR + 'in_point = 9\nout_point = "00:00:00.000"\n',
        "steps[1].out_point",
        "'00:00:00.000'",
        "after",
    ),
    (TITLE + TRACK + BLUR + "fade_in_s = 1\n", "steps[1].fade_in_s", "covers", '"soft"'),
    (TITLE + TRACK + BLUR + EXPORT + EXPORT, "steps[3].path", "missing", "{stem}"),
    (TITLE + TRACK + BLUR + EXPORT + 'format = "mp4"\n', "steps[2].format", "'mp4'", '"h264"'),
    ('extends = "blur-objekt"\n', "extends", "'blur-objekt'", "'blur-object'"),
    ('extends = "broken.toml"\n', "extends", "circle", "cannot extend itself"),
    ('extends = "blur-object"\n[[steps]]\nname = "blurr"\n', "steps[0].name", "'blurr'", "'blur'"),
    (TITLE + "[steps]\nkind = 'track'\n", "steps", "the table", "[[steps]]"),
]


@pytest.mark.parametrize(("body", "path", "found", "allowed"), BROKEN, ids=lambda x: str(x)[-24:])
def test_a_broken_recipe_is_refused_in_one_sentence_before_anything_is_done(
    body: str,
    path: str,
    found: str,
    allowed: str,
    disc_video: Path,
    disc_click: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recipe = tmp_path / "broken.toml"
    recipe.write_text(HEAD + body)
    arguments = [str(recipe), str(disc_video), "-o", str(tmp_path / "out.mp4")]
    assert run(["run", *arguments, "--object", "disc", "--click", disc_click]) == 1
    told = capsys.readouterr()
    error, hint = [line for line in told.err.splitlines() if line.startswith(("error", "hint"))]
    assert error.startswith(f"error: {recipe}: ")
    assert path in error
    assert found in error
    assert allowed in error + hint
    assert "Traceback" not in told.err
    assert "tracked" not in told.out
    assert [p.name for p in tmp_path.iterdir() if not p.name.endswith(".tam")] == ["broken.toml"]


@pytest.fixture
def result(tmp_path: Path) -> Path:
    return tmp_path / "result.json"


def read(result: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(result.read_text())
    return told


def test_a_plan_says_what_would_be_done_and_does_nothing(
    disc_video: Path,
    disc_click: str,
    tmp_path: Path,
    result: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recipe = tmp_path / "mine.toml"
    masks = EXPORT + 'path = "{stem}-masks/"\nwhat = "masks"\n'
    recipe.write_text(WHOLE + "in_point = 3\nout_point = 9\n" + EXPORT + masks)
    job = ["run", str(recipe), str(disc_video), "-o", str(tmp_path / "out.mp4")]
    assert run([*job, "--click", disc_click, "--plan", "--json", str(result)]) == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine.toml", "result.json"]
    said = capsys.readouterr()
    told, plan = said.out, read(result)
    assert "exists already" not in said.err
    count = plan["frames"][1] + 1
    assert plan["untracked"] == {"object": count}
    assert plan["outputs"] == [str(tmp_path / "out.mp4"), str(tmp_path / "out-masks") + "/"]
    assert plan["estimate"]["track_s"] > 0
    assert plan["estimate"]["write_s"] > 0
    (tmp_path / "out.mp4").write_bytes(b"an earlier one")
    assert run([*job, "--plan"]) == 0
    note = f"note: {tmp_path / 'out.mp4'} exists already: to replace it, the command needs"
    assert note in capsys.readouterr().err
    assert run([*job, "--plan", "--overwrite"]) == 0
    assert "exists already" not in capsys.readouterr().err
    (tmp_path / "out.mp4").unlink()
    assert "frames 3 to 8" in told
    assert f"{count} frames of 'object'" in told
    assert str(tmp_path / "out-masks/") in told
    assert f"{tmp_path / 'out.mp4'}: h264, metadata copied" in told


@pytest.mark.parametrize(("fade_s", "is_short"), [(0.2, False), (9, True)])
def test_a_plan_says_where_an_effect_never_comes_in_fully(
    disc_video: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    fade_s: float,
    is_short: bool,
) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text(WHOLE + f'fade_in_s = {fade_s}\nwith = {{ edge = "soft" }}\n')
    assert run(["run", str(recipe), str(disc_video), "-o", str(tmp_path / "o.mp4"), "--plan"]) == 0
    told = capsys.readouterr().out
    assert ("frames 0 to 15; it never comes in fully, for its fades" in told) == is_short
    assert "frames 0 to 15" in told


def test_a_plan_without_prompts_has_no_estimate(
    disc_video: Path, tmp_path: Path, result: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = ["run", "blur-object", str(disc_video), "-o", str(tmp_path / "out.mp4")]
    assert run([*job, "--plan", "--json", str(result)]) == 0
    assert read(result)["estimate"] is None
    assert "no estimate" in capsys.readouterr().err


def test_a_plan_of_a_tracked_project_has_nothing_left_to_track(
    disc_video: Path, disc_click: str, tmp_path: Path, result: Path
) -> None:
    project = tmp_path / "disc.tam"
    assert run(["new", str(disc_video), "-o", str(project)]) == 0
    assert run(["prompt", str(project), "--click", disc_click]) == 0
    job = ["render", str(project), "--preset", "blur-object", "-o", str(tmp_path / "out.mp4")]
    before = project.read_bytes()
    assert run([*job, "--plan", "--json", str(result)]) == 0
    assert read(result)["untracked"]["object"] > 0
    assert run(["track", str(project)]) == 0
    assert run([*job, "--plan", "--json", str(result)]) == 0
    assert read(result)["untracked"] == {}
    assert read(result)["estimate"]["track_s"] == 0
    assert not (tmp_path / "out.mp4").exists()
    assert before[:16] == b"SQLite format 3\x00"


def test_a_recipe_file_is_rendered_by_either_option_and_the_help_says_so(
    disc_video: Path,
    disc_click: str,
    tmp_path: Path,
    result: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["render", "--help"]) == 0
    assert "--preset NAME|FILE.toml" in capsys.readouterr().out
    project, recipe = tmp_path / "disc.tam", tmp_path / "mine.toml"
    recipe.write_text(WHOLE)
    assert run(["new", str(disc_video), "-o", str(project)]) == 0
    assert run(["prompt", str(project), "--click", disc_click]) == 0
    plans = []
    for option in ("--preset", "--recipe"):
        job = ["render", str(project), option, str(recipe), "-o", str(tmp_path / "out.mp4")]
        assert run([*job, "--plan", "--json", str(result)]) == 0
        plans.append({k: v for k, v in read(result).items() if k != "estimate"})
    assert plans[0] == plans[1]


def test_a_setting_changes_the_recipe_for_one_run(
    disc_video: Path, disc_click: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = ["run", "blur-object", str(disc_video), "-o", str(tmp_path / "out.mp4")]
    typed = [*job, "--click", disc_click, "--plan"]
    assert run([*typed, "--set", "blur.strength=3", "--set", "track.short_side_px=240"]) == 0
    told = capsys.readouterr().out
    assert "strength = 3" in told
    assert "240 px" in told
    assert run([*typed, "--set", "blur.strenght=3"]) == 1
    error = capsys.readouterr().err
    assert "--set blur.strenght=3" in error
    assert "'strength'" in error


def test_a_preset_is_printed_as_a_file_to_begin_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["presets", "show", "license-plate", "--toml", "--set", "cover.color=white"]) == 0
    (tmp_path / "mine.toml").write_text(capsys.readouterr().out)
    assert run(["presets", "show", str(tmp_path / "mine.toml")]) == 0
    told = capsys.readouterr().out
    assert 'color = "white"' in told
    assert "short side 720 px" in told

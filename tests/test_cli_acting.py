"""What a render says of effects that are never there, and of one that acts on everything."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tam_edit._cli import run
from tam_edit.project import Project
from tam_edit.prompts import Prompts
from tam_edit.testing.clips import DrawnClip
from tam_edit.tracks import Origin, TrackedMatte

FRAMES, LEAVES = 16, 12
RECIPE = """schema = "tam_edit.recipe/1"
title = "t"
[[steps]]
kind = "track"
[[steps]]
kind = "effect"
effect = "{effect}"
{settings}
[[steps]]
kind = "export"
"""


@pytest.fixture
def shot(disc_video: Path, disc: DrawnClip, tmp_path: Path) -> Path:
    """A tracked disc that is said to be nowhere from frame 12 on."""
    path = tmp_path / "shot.tam"
    assert run(["new", str(disc_video), "-o", str(path), "-q"]) == 0
    with Project.open(path) as project:
        number = project.add_object("disc")
        project.settings["loop"] = {"at_cuts": "ignore"}
        for index in range(FRAMES):
            matte = disc.mask(1, index).astype(np.float32) * (index < LEAVES)
            entry = TrackedMatte(matte=matte, score=0.9, origin=Origin.PROPAGATED)
            project.append(index, {number: entry})
        project.add_prompts(number, 0, Prompts(mask=disc.mask(1, 0)))
    return path


@pytest.mark.parametrize(
    ("effect", "settings", "told"),
    [
        ("blur", "", ""),
        ("blur", "invert = true", "blur acts on the whole picture on frames 12-15, where no mask"),
        ("background-blur", "", "background-blur acts on the whole picture on frames 12-15"),
        ("background-blur", "out_point = 12", ""),
        ("background-blur", "in_point = 10", "acts on none of these frames: its in and out point"),
        (
            "background-blur",
            "out_point = 8\nfade_in_s = 1\nfade_out_s = 30",
            "background-blur on frames 0 to 7: it never comes in fully, for its fades take longer",
        ),
    ],
)
def test_what_may_be_unmeant_is_told(
    shot: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    effect: str,
    settings: str,
    told: str,
) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text(RECIPE.format(effect=effect, settings=settings), encoding="utf-8")
    job = ["render", str(shot), "--recipe", str(recipe), "-o", str(tmp_path / "out.mp4")]
    part = ["--out", "8"] if "in_point" in settings else []
    assert run([*job, *part]) == 0
    notes = [line for line in capsys.readouterr().err.splitlines() if "note: " in line]
    assert [told in note for note in notes if "acts on" in note or "fades" in note] == (
        [True] if told else []
    )


def test_a_video_is_no_name_for_a_project(
    disc_video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["new", str(disc_video), "-o", str(tmp_path / "x.mp4")]) == 2
    assert f"-o {tmp_path / 'x.tam'}" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_plan_of_a_tracked_shot_says_where_it_would_stop(
    shot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "r.toml"
    asking = '[[steps]]\nkind = "checkpoint"\nthreshold = {}\n[[steps]]\nkind = "effect"'
    for threshold, said in ((0.95, "on 16 frames (0-15)"), (0.5, "nowhere")):
        text = RECIPE.format(effect="blur", settings="")
        text = text.replace('[[steps]]\nkind = "effect"', asking.format(threshold))
        recipe.write_text(text, encoding="utf-8")
        job = ["render", str(shot), "--recipe", str(recipe), "-o", str(tmp_path / "out.mp4")]
        assert run([*job, "--plan"]) == 0
        assert f"as the masks are now, {said}" in capsys.readouterr().out


def test_a_render_says_that_it_tracks_at_no_other_size(
    shot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = ["render", str(shot), "--preset", "blur-object"]
    assert run([*job, "-o", str(tmp_path / "a.mp4")]) == 0
    assert "changes nothing here" not in capsys.readouterr().err
    other = ["-o", str(tmp_path / "b.mp4"), "--set", "track.short_side_px=720"]
    assert run([*job, *other]) == 0
    assert "tracked at 480 rows, so short_side_px = 720 changes nothing here" in (
        capsys.readouterr().err
    )

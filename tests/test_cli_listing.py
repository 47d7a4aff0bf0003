"""Commands that tell what there is, and the demo."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tam_edit import __version__
from tam_edit._cli import COMMANDS, run
from tam_edit.effect import EFFECTS
from tam_edit.presets import preset_names
from tam_edit.testing.clips import draw_clip, write_clip


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    told = capsys.readouterr().out
    for name in COMMANDS:
        assert f"  {name} " in told
        assert run([name, "--help"]) == 0
        assert "Usage: tam-edit" in capsys.readouterr().out


def test_effects_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["effects", "list"]) == 0
    told = capsys.readouterr().out
    assert [line.split()[0] for line in told.splitlines()] == list(EFFECTS.names())
    assert run(["effects", "show", "blur", "--json", "-"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["name"] == "blur"
    assert {p["name"] for p in shown["parameters"]} >= {"sigma_px", "strength", "edge"}


def test_presets_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["presets", "list"]) == 0
    told = capsys.readouterr().out
    assert [line.split()[0] for line in told.splitlines()] == list(preset_names())
    assert run(["presets", "show", "redact-solid"]) == 0
    told = capsys.readouterr().out
    assert "checkpoint" in told
    assert "fill" in told
    assert run(["presets", "schema"]) == 0
    assert json.loads(capsys.readouterr().out)["$schema"].startswith("https://json-schema.org")


def test_models_say_which_one_auto_takes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "list"]) == 0
    assert "auto  takes 'builtin'" in capsys.readouterr().out
    assert run(["models", "show", "builtin", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "builtin"


def test_doctor_finds_nothing_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--json", "-"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["version"] == __version__
    assert found["advice"] == []
    assert all(found["encoders"].values())
    assert "cpu" in found["devices"]


def test_doctor_says_what_is_missing_and_how_to_add_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tam_edit._cli import doctor

    monkeypatch.setattr(doctor, "PACKAGES", ("numpy", "no-such-package"))
    monkeypatch.setattr(doctor, "ENCODERS", ("ffv1", "no-such-encoder"))
    assert run(["doctor"]) == 1
    told = capsys.readouterr().out
    assert "pip install no-such-package" in told
    assert "the encoder no-such-encoder is missing" in told
    assert "2 things to mend" in told


def test_json_that_cannot_be_written_is_an_error(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(["models", "list", "--json", str(tmp_path / "no" / "x.json")]) == 1
    assert "the JSON result cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize("command", [[sys.executable, "-m", "tam_edit"], ["tam-edit"]])
def test_the_installed_command_and_the_module_are_the_same(command: list[str]) -> None:
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"tam-edit, version {__version__}\n"


@pytest.mark.slow
def test_the_demo_scores_well_and_names_its_files(tmp_path: Path) -> None:
    folder, told = tmp_path / "demo", tmp_path / "demo.json"
    folder.mkdir()
    # An earlier demo is there.
    write_clip(draw_clip("demo", frames=2), folder / "clip.mp4")
    assert run(["new", str(folder / "clip.mp4"), "-o", str(folder / "clip.tam"), "-q"]) == 0
    for name in ("blurred.mp4", "before-after.png"):
        (folder / name).write_bytes(b"of an earlier demo")
    assert run(["demo", "-o", str(folder), "--json", str(told), "-q"]) == 0
    result = json.loads(told.read_text(encoding="utf-8"))
    assert result["mean"]["j"] > 0.9
    assert result["output"]["frames"] == len(draw_clip("demo"))
    assert {Path(path).name for path in result["files"].values()} == {
        *("clip.mp4", "clip.tam", "blurred.mp4", "before-after.png")
    }
    assert all(Path(path).stat().st_size > 1000 for path in result["files"].values())


def test_evaluate_prints_a_table_and_the_documented_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image

    drawn = draw_clip("disc", frames=5, width=80, height=60)
    for kind in ("frames", "masks"):
        (tmp_path / "set" / "disc" / kind).mkdir(parents=True)
    for index in range(len(drawn)):
        name = f"{index:05d}.png"
        Image.fromarray(drawn.image(index)).save(tmp_path / "set" / "disc" / "frames" / name)
        mask = Image.fromarray(drawn.mask(1, index).astype("uint8") * 255)
        mask.save(tmp_path / "set" / "disc" / "masks" / name)
    told = tmp_path / "result.json"
    assert run(["evaluate", str(tmp_path / "set"), "--json", str(told)]) == 0
    assert "disc" in capsys.readouterr().out
    result = json.loads(told.read_text(encoding="utf-8"))
    assert result["mean"]["jf"] > 0.7
    assert set(result) >= {"mean", "fps", "peak_rss_mb", "sequences", "assessment"}
    assert set(result["assessment"]) >= {"spearman", "precision", "recall", "flagged_share"}

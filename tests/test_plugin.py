"""A package that adds an effect and a preset, installed as any package is."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tam_edit.masks.measure import iou
from tam_edit.media import open_source
from tam_edit.testing import check_effect
from tam_edit.testing.clips import DrawnClip

PLUGIN = Path(__file__).resolve().parent / "plugin"
RED_SHARE = 0.75


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the package was installed into; pip builds in a copy, with no network."""
    folder = tmp_path_factory.mktemp("plugin")
    shutil.copytree(PLUGIN, folder / "source")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--no-index"]
    pip += ["--no-build-isolation", "--no-deps", "--target", str(folder / "site")]
    done = subprocess.run(
        [*pip, str(folder / "source")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder / "site"


def tam_edit(installed: Path, *arguments: str | Path) -> str:
    path = os.pathsep.join(filter(None, [str(installed), os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run(
        [sys.executable, "-m", "tam_edit", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_is_listed_and_explained_beside_the_built_in_ones(installed: Path) -> None:
    effects = json.loads(tam_edit(installed, "effects", "list", "--json", "-"))["effects"]
    assert effects["tint"] == "Lay a transparent colour over the object."
    assert {"tint", "blur", "fill"} <= effects.keys()
    assert "tint-object" in tam_edit(installed, "presets", "list")
    shown = tam_edit(installed, "presets", "show", "tint-object")
    assert "tint" in shown
    assert "#ff0000" in shown
    schema = json.loads(tam_edit(installed, "presets", "schema"))
    assert "tint" in json.dumps(schema)


def test_its_preset_does_the_whole_job(
    installed: Path, disc_video: Path, disc: DrawnClip, disc_click: str, tmp_path: Path
) -> None:
    out = tmp_path / "out.mkv"
    tam_edit(installed, "run", "tint-object", disc_video, "-o", out, "--click", disc_click)
    with open_source(disc_video) as before, open_source(out) as after:
        for source, shown in zip(before.frames(), after.frames(), strict=True):
            red = shown.rgb[..., 0].astype(float)
            tinted = (1 - RED_SHARE) * source.rgb[..., 0] + RED_SHARE * 255
            changed = np.any(source.rgb != shown.rgb, axis=2)
            truth = disc.mask(1, source.index)
            assert iou(np.abs(red - tinted) < 12, truth) > 0.6
            assert iou(changed, truth) > 0.6


def test_its_effect_keeps_what_the_others_keep(installed: Path) -> None:
    place = installed / "tam_edit_tint" / "__init__.py"
    found = importlib.util.spec_from_file_location(
        "tam_edit_tint", place, submodule_search_locations=[str(place.parent)]
    )
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[found.name] = module
    try:
        found.loader.exec_module(module)
        check_effect(module.Tint())
    finally:
        del sys.modules[found.name]

from __future__ import annotations

import importlib.util
import random
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import tam_edit.presets
import tam_edit.registry
from tam_edit.errors import RecipeError, UnknownNameError
from tam_edit.presets import load_preset, preset_names, preset_text
from tam_edit.recipe import Recipe, parse_recipe
from tam_edit.registry import Registry

# Effects in order, whether a person may be asked, whether metadata is copied, transparency.
EXPECTED = {
    "blur-background": (["background-blur"], False, True, False),
    "blur-object": (["blur"], False, True, False),
    "green-screen": (["background-replace"], False, True, False),
    "highlight": (["outline"], False, True, False),
    "inpaint-bundle": ([], False, True, False),
    "license-plate": (["fill"], True, False, False),
    "matte-exr": ([], False, True, False),
    "matte-prores": (["background-remove"], False, True, True),
    "pixelate-object": (["pixelate"], False, True, False),
    "redact-faces-by-click": (["fill"], True, False, False),
    "redact-solid": (["fill"], True, False, False),
    "remove-background": (["background-remove"], False, True, True),
    "remove-object": (["remove"], False, True, False),
    "spotlight": (["desaturate-background", "outline"], False, True, False),
}


def test_these_presets_are_built_in() -> None:
    provider = tam_edit.presets.PRESETS.provider
    assert {name for name in preset_names() if provider(name) == "tam_edit"} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_preset_does_what_its_name_says(name: str) -> None:
    recipe = load_preset(name)
    names, stops, copies_metadata, needs_alpha = EXPECTED[name]
    assert [use.effect.name for use in recipe.effects()] == names
    assert all(use.step.objects == "all" for use in recipe.effects())
    assert bool(recipe.checkpoints) == stops
    assert recipe.exports[0].copy_metadata == copies_metadata
    assert recipe.needs_alpha == needs_alpha
    assert recipe.track.model == "auto"
    formats = {"matte-prores": "prores4444", "matte-exr": "exr"}
    assert recipe.exports[0].format == formats.get(name)
    kinds = {"matte-exr": "luma", "inpaint-bundle": "inpaint"}
    assert recipe.exports[0].what == kinds.get(name, "picture")


@pytest.mark.parametrize("name", EXPECTED)
def test_a_preset_says_for_whom_and_survives_writing(name: str) -> None:
    text = preset_text(name)
    assert text.startswith("# For ")
    recipe = load_preset(name)
    assert recipe.title
    assert recipe.description
    assert parse_recipe(recipe.to_toml(), "again") == recipe
    # Every number of the recipe is in its comment or has one; no number is there by chance.
    comment = "".join(line for line in text.splitlines() if line.startswith("#"))
    for step in tomllib.loads(text).get("steps", []):
        settings = {**step, **step.get("with", {})}
        for key, value in settings.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                share = f"{value * 100:g} %" if key.endswith("_frac") else f"{value:g}"
                assert share in comment, (key, value)


def test_redaction_fails_closed() -> None:
    redactions = [name for name in EXPECTED if not EXPECTED[name][2]]
    assert len(redactions) == 3
    for name in redactions:
        recipe = load_preset(name)
        checkpoint = recipe.checkpoints[0]
        assert checkpoint.when == "doubt"
        assert 0.5 <= checkpoint.threshold < 1
        assert checkpoint.why
        assert not recipe.exports[0].copy_metadata
        assert recipe.verify is not None
        assert recipe.verify.inside_correlation <= 0.5
        for use in recipe.effects():
            assert use.effect.edge == "cover"
            assert use.step.margin_px > 0
            assert use.step.margin_frac > 0
            assert use.step.cover_threshold < 0.25


def test_an_unknown_preset_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="no preset called 'blur-objct'") as caught:
        load_preset("blur-objct")
    assert caught.value.hint == "did you mean 'blur-object'?"
    with pytest.raises(UnknownNameError) as caught:
        load_preset("remove-bg")
    assert caught.value.hint == "did you mean 'remove-object' or 'remove-background'?"
    with pytest.raises(UnknownNameError) as caught:
        load_preset("zzz")
    for name in EXPECTED:
        assert name in caught.value.hint


def test_a_path_is_read_as_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(preset_text("spotlight"))
    assert load_preset(path) == load_preset(str(path)) == load_preset("spotlight")
    with pytest.raises(RecipeError, match=r"there is no recipe file .*other\.toml"):
        load_preset(tmp_path / "other.toml")


def test_the_pack_refuses_another_name() -> None:
    assert tam_edit.presets.__file__ is not None
    spec = importlib.util.spec_from_file_location("presets", tam_edit.presets.__file__)
    assert spec is not None
    assert spec.loader is not None
    with pytest.raises(ImportError, match=r"pip install -e \.") as caught:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    assert "'presets'" in str(caught.value)
    assert "presets" not in sys.modules


@pytest.fixture
def other_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that announces the presets ``theirs``, ``torn`` and ``number``."""
    package = tmp_path / "their_presets"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from importlib.resources import files\n"
        "from pathlib import Path\n"
        'THEIRS = files(__name__) / "theirs.toml"\n'
        'TORN = Path(__file__).parent / "torn.toml"\n'
        "NUMBER = 3\n"
    )
    (package / "sky.png").write_bytes(b"")
    (package / "theirs.toml").write_text(
        'schema = "tam_edit.recipe/1"\ntitle = "Sky"\n[[steps]]\nkind = "track"\n[[steps]]\n'
        'kind = "effect"\neffect = "background-replace"\nwith = { image = "sky.png" }\n'
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    points = [
        EntryPoint(name.lower(), f"their_presets:{name}", "tam_edit.presets")
        for name in ("THEIRS", "TORN", "NUMBER")
    ]
    monkeypatch.setattr(tam_edit.registry, "entry_points", lambda *, group: points)
    fresh: Registry[object] = Registry(
        "preset", group="tam_edit.presets", builtins=tam_edit.presets._built_in
    )
    monkeypatch.setattr(tam_edit.presets, "PRESETS", fresh)
    return package


def test_another_package_can_bring_a_preset(other_package: Path) -> None:
    assert {"theirs", "spotlight"} <= set(preset_names())
    (use,) = load_preset("theirs").effects()
    assert use.effect.assets() == {"plate": str(other_package / "sky.png")}


def test_a_broken_preset_of_another_package_is_named(other_package: Path) -> None:
    with pytest.raises(RecipeError, match=r"preset 'torn' of their_presets:TORN cannot be read"):
        load_preset("torn")
    with pytest.raises(RecipeError, match=r"'number' of their_presets:NUMBER is a int, not"):
        load_preset("number")


PIECES = [
    *'[]{}"=,.#\n\\\x00é',
    "[[steps]]",
    "-1",
    "1e999",
    "nan",
    "true",
    '""',
    "[]",
    "{}",
    "1979-05-27",
    "99999999999999999999",
    'kind = "effect"',
    "0x" + "f" * 40,
]


def mutated(text: str, rng: random.Random) -> str:
    for _ in range(rng.randint(1, 3)):
        lines = text.split("\n")
        i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
        match rng.randrange(6):
            case 0:
                del lines[i]
            case 1:
                lines[i], lines[j] = lines[j], lines[i]
            case 2:
                lines.insert(i, lines[j])
            case 3:
                key, equals, _ = lines[i].partition("=")
                lines[i] = key + equals + " " + rng.choice(PIECES)
            case 4:
                at = rng.randint(0, len(lines[i]))
                lines[i] = lines[i][:at] + rng.choice(PIECES) + lines[i][at:]
            case 5:
                at = rng.randint(0, len(lines[i]))
                lines[i] = lines[i][:at] + lines[i][at + 1 :]
        text = "\n".join(lines)
    return text


def test_mutations_are_read_or_refused_in_one_sentence() -> None:
    names = sorted(EXPECTED)
    rng = random.Random(20)
    read: list[tuple[str, Recipe]] = []
    refused: list[tuple[str, RecipeError]] = []
    for _ in range(400):
        text = mutated(preset_text(rng.choice(names)), rng)
        try:
            recipe = parse_recipe(text, "mine.toml")
        except RecipeError as error:
            refused.append((text, error))
        else:
            read.append((text, recipe))
    assert len(read) > 20
    assert len(refused) > 200
    for text, refusal in refused:
        assert str(refusal).startswith("mine.toml"), text
        assert "\n" not in str(refusal), text
        assert refusal.hint, text
    for text, recipe in read:
        assert parse_recipe(recipe.to_toml(), "again") == recipe, text

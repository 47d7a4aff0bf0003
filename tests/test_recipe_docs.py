"""docs/recipes.md says what the code reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tam_edit._cli import run
from tam_edit.presets import load_preset
from tam_edit.recipe import markdown, recipe_tables
from tam_edit.recipe.steps import STEP_KINDS

PAGE = Path(__file__).parent.parent / "docs" / "recipes.md"
FENCED = re.compile(r"^```toml\n(.*?)^```", re.DOTALL | re.MULTILINE)


def test_every_key_stands_in_the_documentation_as_it_is_in_the_code() -> None:
    told = PAGE.read_text().partition("## Every key\n\n")[2]
    hint = "after: tam-edit presets fields --markdown"
    assert told == "\n\n".join(markdown(table) for table in recipe_tables()) + "\n", hint


def test_the_recipes_in_the_documentation_can_be_read(tmp_path: Path) -> None:
    examples = FENCED.findall(PAGE.read_text())
    assert len(examples) == 3
    for number, text in enumerate(examples):
        (tmp_path / f"{number}.toml").write_text(text)
    whole, changed, ramped = (load_preset(tmp_path / f"{n}.toml") for n in range(3))
    assert [step.path for step in whole.exports] == [None, "{stem}-master.mkv", "{stem}-masks/"]
    base = load_preset("redact-solid")
    kinds = [step.kind for step in changed.steps]
    others = [step.kind for step in base.steps if step.kind not in ("track", "checkpoint")]
    assert kinds == ["track", "checkpoint", "checkpoint", "matte", *others]
    (blur,) = ramped.effects()
    assert list(blur.step.ramps) == ["strength"]


@pytest.mark.parametrize("kind", STEP_KINDS)
def test_the_keys_of_one_kind_are_explained(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["presets", "fields", kind]) == 0
    told = capsys.readouterr().out
    for field in STEP_KINDS[kind].model_fields.values():
        assert field.description is not None
        assert field.description.split(";")[0].split()[0] in told
    assert run(["presets", "fields", "kindly"]) == 2
    assert "'kindly'" in capsys.readouterr().err

"""Recipes that extend others, and settings that are typed beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tam_edit.errors import RecipeError
from tam_edit.presets import load_preset, preset_names
from tam_edit.recipe import EffectStep, MatteStep, Recipe, parse_recipe

HEAD = 'schema = "tam_edit.recipe/1"\n'
BASE = f"""{HEAD}title = "Base"
description = "Two effects."

[[steps]]
kind = "track"

[[steps]]
kind = "effect"
name = "first"
effect = "blur"
margin_px = 3
with = {{ strength = 2 }}

[[steps]]
kind = "effect"
effect = "fill"
"""


def steps(recipe: Recipe) -> list[str]:
    return [getattr(step, "effect", step.kind) for step in recipe.steps]


def written(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        (folder / f"{name}.toml").write_text(text)
    return folder


def extending(folder: Path, change: str, settings: tuple[str, ...] = ()) -> Recipe:
    written(folder, base=BASE, mine=f'{HEAD}extends = "base.toml"\n{change}')
    return load_preset(folder / "mine.toml", settings)


def effect_step(recipe: Recipe, index: int) -> EffectStep:
    step = recipe.steps[index]
    assert isinstance(step, EffectStep)
    return step


def test_nothing_changed_is_the_same_recipe(tmp_path: Path) -> None:
    assert extending(tmp_path, "") == parse_recipe(BASE, "base")


def test_a_step_is_changed_key_by_key(tmp_path: Path) -> None:
    recipe = extending(
        tmp_path,
        'title = "Mine"\n[[steps]]\nname = "first"\nmargin_frac = 0.5\nwith = { sigma_px = 9 }\n'
        '[[steps]]\nname = "fill"\nwith = { color = "red" }\n',
    )
    first = effect_step(recipe, 1)
    assert (recipe.title, recipe.description) == ("Mine", "Two effects.")
    assert (first.margin_px, first.margin_frac) == (3, 0.5)
    assert first.parameters == {"strength": 2, "sigma_px": 9}
    assert effect_step(recipe, 2).parameters == {"color": "red"}


RAMP = """[[steps]]
name = "first"
[steps.ramps]
strength = [{at = 0, value = 1}, {at = 9, value = 3}]
"""


def test_the_nearer_of_a_ramp_and_a_constant_wins(tmp_path: Path) -> None:
    ramped = effect_step(extending(tmp_path, RAMP), 1)
    assert [point.value for point in ramped.ramps["strength"]] == [1, 3]
    assert ramped.parameters == {}
    typed = ("first.strength=1.5",)
    assert effect_step(extending(tmp_path, RAMP, typed), 1).parameters == {"strength": 1.5}
    assert effect_step(extending(tmp_path, RAMP, typed), 1).ramps == {}
    points = "first.ramps.strength=[{at = 0, value = 2}, {at = 9, value = 4}]"
    again = effect_step(extending(tmp_path, RAMP, (*typed, points)), 1)
    assert [point.value for point in again.ramps["strength"]] == [2, 4]
    assert again.parameters == {}
    # A third recipe states it as a constant again; other parameters stay as they are.
    last = f'{HEAD}extends = "mine.toml"\n[[steps]]\nname = "first"\nwith = {{ strength = 0.5 }}\n'
    extending(tmp_path, RAMP)
    written(tmp_path, last=last)
    step = effect_step(load_preset(tmp_path / "last.toml"), 1)
    assert (step.parameters, step.ramps, step.margin_px) == ({"strength": 0.5}, {}, 3)


def test_a_ramp_and_a_constant_in_one_document_are_refused(tmp_path: Path) -> None:
    both = RAMP + "[steps.with]\nstrength = 2\n"
    with pytest.raises(RecipeError, match=r"mine\.toml: steps\[0\].*also stated as with\.strength"):
        extending(tmp_path, both)


def test_the_one_track_step_needs_no_name(tmp_path: Path) -> None:
    recipe = extending(tmp_path, '[[steps]]\nkind = "track"\nshort_side_px = 360\n')
    assert steps(recipe) == ["track", "blur", "fill"]
    assert recipe.track.short_side_px == 360


def test_new_steps_stand_behind_those_of_their_kind_or_where_they_are_put(tmp_path: Path) -> None:
    recipe = extending(
        tmp_path,
        '[[steps]]\nkind = "verify"\n'
        '[[steps]]\nkind = "checkpoint"\n'
        '[[steps]]\nkind = "effect"\neffect = "outline"\n'
        '[[steps]]\nkind = "matte"\nbefore = "first"\ngrow_px = 2\n'
        '[[steps]]\nkind = "export"\n',
    )
    assert steps(recipe) == [
        "track",
        "checkpoint",
        "matte",
        "blur",
        "fill",
        "outline",
        "export",
        "verify",
    ]


def test_a_new_matte_step_is_seen_by_all_effects_unless_it_is_put_elsewhere(tmp_path: Path) -> None:
    luma = '[[steps]]\nkind = "export"\n[[steps]]\nkind = "export"\nwhat = "luma"\npath = "l.mkv"\n'
    matte = '[[steps]]\nkind = "matte"\ngrow_px = {}\n'
    recipe = extending(tmp_path, matte.format(2) + matte.format(3) + luma)
    assert steps(recipe)[:5] == ["track", "matte", "matte", "blur", "fill"]
    assert [s.grow_px for s in recipe.steps if isinstance(s, MatteStep)] == [2, 3]
    put = '[[steps]]\nkind = "matte"\nbefore = "fill"\ngrow_px = 2\n'
    assert steps(extending(tmp_path, put + luma))[:4] == ["track", "blur", "matte", "fill"]


def test_one_of_several_takes_the_place_of_the_other(tmp_path: Path) -> None:
    (tmp_path / "still.png").write_bytes(b"")
    mine = f'{HEAD}extends = "green-screen"\n[[steps]]\nname = "background-replace"\n'
    (tmp_path / "mine.toml").write_text(
        f'{mine}with = {{ image = "still.png", fit = "contain" }}\n'
    )
    step = effect_step(load_preset(tmp_path / "mine.toml"), 1)
    assert step.parameters == {"image": str(tmp_path / "still.png"), "fit": "contain"}
    typed = load_preset("green-screen", (f"background-replace.video={tmp_path / 'still.png'}",))
    assert effect_step(typed, 1).parameters == {"video": str(tmp_path / "still.png")}
    (tmp_path / "mine.toml").write_text(f'{mine}with = {{ image = "still.png", color = "red" }}\n')
    with pytest.raises(RecipeError, match="give exactly one of color, image and video"):
        load_preset(tmp_path / "mine.toml")


def test_the_export_of_a_recipe_that_states_none_can_be_set(tmp_path: Path) -> None:
    verified = '[[steps]]\nkind = "verify"\n'
    recipe = extending(tmp_path, verified, ("export.copy_sound=false", "export.bits=10"))
    assert steps(recipe) == ["track", "blur", "fill", "export", "verify"]
    (export,) = recipe.exports
    assert (export.copy_sound, export.bits) == (False, 10)
    stated = extending(tmp_path, '[[steps]]\nkind = "export"\nname = "main"\n', ("main.bits=8",))
    assert [export.bits for export in stated.exports] == [8]
    with pytest.raises(RecipeError, match=r"--set export\.copy=1: the step 'export' has no key"):
        extending(tmp_path, "", ("export.copy=1",))


def test_a_step_is_taken_away(tmp_path: Path) -> None:
    assert steps(extending(tmp_path, '[[steps]]\nname = "first"\nremove = true\n')) == [
        "track",
        "fill",
    ]


def test_a_chain_is_put_together_from_its_end(tmp_path: Path) -> None:
    written(
        tmp_path,
        base=BASE,
        middle=f'{HEAD}extends = "base.toml"\n[[steps]]\nname = "first"\nmargin_px = 7\n',
        mine=f'{HEAD}extends = "middle.toml"\n[[steps]]\nname = "first"\nmargin_frac = 1\n',
    )
    first = effect_step(load_preset(tmp_path / "mine.toml"), 1)
    assert (first.margin_px, first.margin_frac) == (7, 1)


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_can_be_extended(name: str, tmp_path: Path) -> None:
    written(tmp_path, mine=f'{HEAD}extends = "{name}"\n')
    assert load_preset(tmp_path / "mine.toml") == load_preset(name)


def test_files_lie_beside_the_recipe_that_names_them(tmp_path: Path) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    for folder in (there, here):
        folder.mkdir()
        (folder / "plate.png").write_bytes(b"")
    behind = BASE + '[[steps]]\nkind = "effect"\neffect = "background-replace"\n'
    written(there, base=f'{behind}with = {{ image = "plate.png" }}\n')
    mine = f'{HEAD}extends = "../there/base.toml"\n'
    written(here, mine=mine)
    step = effect_step(load_preset(here / "mine.toml"), 3)
    assert step.parameters["image"] == str(there / "plate.png")
    written(here, mine=f'{mine}[[steps]]\nname = "background-replace"\nwith.image = "plate.png"\n')
    step = effect_step(load_preset(here / "mine.toml"), 3)
    assert step.parameters["image"] == str(here / "plate.png")


def test_what_is_put_together_is_written_out_whole(tmp_path: Path) -> None:
    recipe = extending(tmp_path, '[[steps]]\nname = "first"\nmargin_px = 7\n')
    assert parse_recipe(recipe.to_toml(), "again") == recipe


NAMED = '[[steps]]\nname = "first"\n'

# What mine.toml says, and what the message and the hint must say.
REFUSED: list[tuple[str, list[str], str]] = [
    ("title = 3\n", ["mine.toml: title", "number 3"], ""),
    ("titel = 3\n", ["mine.toml: titel", "not a known key"], "'title'"),
    (f"{NAMED}margin_px = -1\n", ["mine.toml: steps[0].margin_px (blur)", "-1"], ""),
    (f"{NAMED}with = {{ strength = 99 }}\n", ["mine.toml: steps[0].with.strength", "99"], ""),
    (f"{NAMED}with = 3\n", ["mine.toml: steps[0].with", "number 3"], ""),
    (f'{NAMED}kind = "track"\n', ["mine.toml: steps[0] (track", "second track"], "once"),
    ('[[steps]]\nname = "frist"\n', ["mine.toml: steps[0].name", "'frist'"], "'first'"),
    ("[[steps]]\nmargin_px = 1\n", ["mine.toml: steps[0]", "neither a name"], "track, first, fill"),
    ('[[steps]]\nname = "effect"\n', ["steps[0].name", "several"], "names of their own"),
    (f"{NAMED}remove = 1\n", ["steps[0].remove", "number 1", "true or false"], "remove = true"),
    (f'{NAMED}before = "fill"\n', ["steps[0].before", "there already"], "leave it out"),
    (
        '[[steps]]\nkind = "matte"\ngrow_px = 1\nbefore = "fil"\n',
        ["mine.toml: steps[0].before", "'fil'"],
        "'fill'",
    ),
    (
        f'{NAMED}with = {{ edge = "soft" }}\n',
        ["mine.toml, in what it takes from ", "base.toml: steps[1].margin_px", "does nothing"],
        "leave it out",
    ),
    ("steps = 3\n", ["mine.toml: steps is the number 3"], "[[steps]]"),
]


@pytest.mark.parametrize(("change", "said", "hinted"), REFUSED, ids=lambda x: str(x)[:30])
def test_a_change_that_cannot_be_is_refused_at_its_place(
    change: str, said: list[str], hinted: str, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError) as caught:
        extending(tmp_path, change)
    check(caught.value, said, hinted)


def check(error: RecipeError, said: list[str], hinted: str) -> None:
    assert error.hint
    assert "\n" not in str(error) + error.hint
    for fragment in said:
        assert fragment in str(error)
    assert hinted in error.hint


def test_recipes_that_extend_one_another_in_a_circle_are_refused(tmp_path: Path) -> None:
    written(
        tmp_path,
        a=f'{HEAD}extends = "b.toml"\n',
        b=f'{HEAD}extends = "c.toml"\n',
        c=f'{HEAD}extends = "./b.toml"\n',
    )
    with pytest.raises(RecipeError) as caught:
        load_preset(tmp_path / "a.toml")
    circle = " extends ".join(str(tmp_path / f"{name}.toml") for name in "bcb")
    check(caught.value, ["c.toml: extends", "in a circle", circle], "cannot extend itself")
    written(tmp_path, a=f'{HEAD}extends = "a.toml"\n')
    with pytest.raises(RecipeError, match="in a circle"):
        load_preset(tmp_path / "a.toml")


@pytest.mark.parametrize(
    ("extends", "said", "hinted"),
    [
        ('"blur-objekt"', ["mine.toml: extends is the text 'blur-objekt'"], "'blur-object'"),
        ('"gone.toml"', ["mine.toml: extends", "there is no recipe file", "gone.toml"], "path"),
        ("3", ["mine.toml: extends is the number 3", "name of a preset"], "blur-object"),
        ('""', ["mine.toml: extends is the text ''"], "blur-object"),
    ],
)
def test_what_is_extended_must_be_there(
    extends: str, said: list[str], hinted: str, tmp_path: Path
) -> None:
    written(tmp_path, mine=f"{HEAD}extends = {extends}\n")
    with pytest.raises(RecipeError) as caught:
        load_preset(tmp_path / "mine.toml")
    check(caught.value, said, hinted)


def test_a_fault_in_what_is_extended_names_that_file(tmp_path: Path) -> None:
    written(
        tmp_path,
        base=BASE.replace("margin_px = 3", "margin_px = -3"),
        mine=f'{HEAD}extends = "base.toml"\n',
    )
    with pytest.raises(RecipeError) as caught:
        load_preset(tmp_path / "mine.toml")
    check(caught.value, ["base.toml: steps[1].margin_px", "number -3"], "")
    assert "mine.toml" not in str(caught.value)


SET: list[tuple[str, str, Any]] = [
    ("track.short_side_px=720", "track.short_side_px", 720),
    ("first.margin_px = 5.5", "steps.1.margin_px", 5.5),
    ("first.with.strength=3", "steps.1.parameters.strength", 3),
    ("first.strength=3", "steps.1.parameters.strength", 3),
    ("fill.color=white", "steps.2.parameters.color", "white"),
    ("fill.color='#fff'", "steps.2.parameters.color", "#fff"),
    ("steps[2].in_point=00:00:02.000", "steps.2.in_point", "00:00:02.000"),
    ("steps[2].in_point=7", "steps.2.in_point", 7),
    ('first.objects=["a", "b"]', "steps.1.objects", ("a", "b")),
    ("first.objects=a, b c", "steps.1.objects", ("a", "b c")),
    ("first.objects=a", "steps.1.objects", ("a",)),
    ("first.objects=all", "steps.1.objects", "all"),
    ("title=In short", "title", "In short"),
]


@pytest.mark.parametrize(("setting", "path", "value"), SET)
def test_a_setting_is_put_where_it_says(setting: str, path: str, value: Any) -> None:
    found: Any = parse_recipe(BASE, "base", settings=[setting])
    for key in path.split("."):
        if key.isdecimal():
            found = found[int(key)]
        elif isinstance(found, dict):
            found = found[key]
        else:
            found = getattr(found, key)
    assert found == value


def test_settings_change_nothing_else() -> None:
    plain = parse_recipe(BASE, "base")
    changed = parse_recipe(BASE, "base", settings=["first.margin_px=5", "first.margin_px=6"])
    first = effect_step(plain, 1).model_copy(update={"margin_px": 6})
    assert changed.steps == (plain.steps[0], first, plain.steps[2])


@pytest.mark.parametrize(
    ("setting", "said", "hinted"),
    [
        ("first", ["--set first:", "PATH=VALUE"], "for example"),
        ("first..x=1", ["--set first..x=1:", "PATH=VALUE"], "for example"),
        ("first=1", ["names a step, but none of its keys"], "margin_px"),
        ("frist.margin_px=1", ["no step called 'frist'"], "'first'"),
        ("steps[9].margin_px=1", ["steps 0 to 2, not 9"], "presets show"),
        ("effect.margin_px=1", ["2 steps called 'effect'"], "steps[1] or steps[2]"),
        ("first.margin=1", ["'first' has no key called 'margin'"], "'margin_"),
        ("first.strenght=1", ["'first' has no key called 'strenght'"], "'strength'"),
        ("first.kind=track", ["'first' has no key called 'kind'"], ""),
        ("first.margin_px=wide", ["--set first.margin_px=wide: steps[1].margin_px", "'wide'"], ""),
        ("first.strength=99", ["--set first.strength=99: steps[1].with.strength", "0.5 to 4"], ""),
        ("title=", ["--set title=: title", "''"], ""),
    ],
)
def test_a_setting_that_cannot_be_is_refused(setting: str, said: list[str], hinted: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse_recipe(BASE, "base", settings=[setting])
    check(caught.value, said, hinted)


def test_a_matte_step_is_found_by_its_kind() -> None:
    text = BASE + '[[steps]]\nkind = "matte"\ngrow_px = 1\n[[steps]]\nkind = "effect"\n'
    recipe = parse_recipe(text + 'effect = "outline"\n', "base", settings=["matte.grow_px=4"])
    matte = recipe.steps[3]
    assert isinstance(matte, MatteStep)
    assert matte.grow_px == 4

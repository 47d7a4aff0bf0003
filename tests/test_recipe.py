"""A recipe that holds together: what is read of it, written again and said of it."""

from __future__ import annotations

import tomllib
from typing import Any, get_args

import pytest

from tam_edit.effect import COVER_MARGIN_PX, COVER_THRESHOLD, EFFECTS
from tam_edit.media.formats import OUTPUT_FORMATS
from tam_edit.recipe import parse_recipe
from tam_edit.recipe.steps import ALPHA_FORMATS, EffectStep, MatteStep, TrackStep, VideoFormat
from tam_edit.recipe.words import in_words
from tests.made_recipes import RICH, SHORT, WHOLE


def test_every_field_arrives() -> None:
    recipe = parse_recipe(WHOLE, "whole.toml")
    assert (recipe.title, recipe.description) == (
        "Two effects on two objects",
        "Every field is stated.",
    )
    assert (recipe.track.model, recipe.track.short_side_px) == ("builtin", 360)
    (checkpoint,) = recipe.checkpoints
    assert checkpoint.threshold == 0.62
    assert checkpoint.why == 'Is the plate "covered" on every frame?'
    (export,) = recipe.exports
    assert (export.format, export.copy_metadata) == ("ffv1", False)
    assert export.codec_options == {"g": 1, "level": "3"}
    blur, fill = recipe.effects()
    blur_class: Any = EFFECTS.get("blur")
    assert blur.effect == blur_class(strength=2, sigma_px=7.5)
    assert blur.step.objects == ("plate", "sign 2")
    assert (blur.step.margin_px, blur.step.margin_frac, blur.step.cover_threshold) == (
        3,
        0.125,
        0.2,
    )
    assert fill.effect == EFFECTS.get("fill")()


def test_what_is_left_out_has_defaults() -> None:
    recipe = parse_recipe(SHORT, "short.toml")
    assert (recipe.track.model, recipe.track.short_side_px) == ("auto", 480)
    assert recipe.checkpoints == ()
    assert (recipe.exports[0].format, recipe.exports[0].copy_metadata) == (None, True)
    (use,) = recipe.effects()
    assert use.step.objects == "all"
    assert (use.step.margin_px, use.step.margin_frac) == (COVER_MARGIN_PX, 0)
    assert use.step.cover_threshold == COVER_THRESHOLD
    assert not recipe.needs_alpha


def test_every_further_field_arrives() -> None:
    recipe = parse_recipe(RICH, "rich.toml")
    assert [step.when for step in recipe.checkpoints] == ["always", "frames", "cuts"]
    assert recipe.checkpoints[1].frames == (0, "00:00:02.000")
    matte, blur = recipe.steps[4], recipe.steps[5]
    assert isinstance(matte, MatteStep)
    assert (matte.grow_px, matte.smooth_frames, matte.objects) == (-2.5, 3, ("face",))
    assert isinstance(blur, EffectStep)
    assert (blur.name, blur.invert, blur.in_point, blur.out_point) == ("look", True, 10, "00:00:09")
    assert (blur.fade_in_s, blur.fade_out_s) == (0.5, 1)
    assert (blur.hold_before_frames, blur.hold_after_frames) == (2, 4)
    assert [(p.at, p.value) for p in blur.ramps["strength"]] == [(10, 0.5), ("00:00:05", 4)]
    main, masks = recipe.exports
    assert (main.path, main.copy_sound, masks.path, masks.what) == (
        None,
        False,
        "{stem}-masks/",
        "masks",
    )
    assert recipe.verify is not None
    assert (recipe.verify.outside_psnr_db, recipe.verify.inside_correlation) == (35, 0.25)


@pytest.mark.parametrize("text", [WHOLE, SHORT, RICH])
def test_written_and_read_again_it_is_the_same_recipe(text: str) -> None:
    recipe = parse_recipe(text, "a.toml")
    again = recipe.to_toml()
    assert parse_recipe(again, "b.toml") == recipe
    assert parse_recipe(again, "b.toml").to_toml() == again


def test_text_of_any_characters_survives_writing() -> None:
    title = 'tab\t, quote ", backslash \\, \x7f, \x00, é, 漢, 🎬, line\nbreak'
    recipe = parse_recipe(SHORT, "a.toml").model_copy(update={"title": title})
    assert tomllib.loads(recipe.to_toml())["title"] == title


def test_describe_has_one_line_per_step() -> None:
    lines = parse_recipe(WHOLE, "a.toml").describe().splitlines()
    # Numbered as --set and errors number them.
    steps = [line for line in lines if line.startswith("steps[")]
    assert [line.split()[0] for line in steps] == [f"steps[{i}]" for i in range(5)]
    assert [line.split()[1] for line in steps] == [
        "track",
        "checkpoint",
        "effect",
        "effect",
        "export",
    ]
    assert "0.62" in steps[1]
    assert "plate, sign 2" in steps[2]
    assert "sigma_px = 7.5" in steps[2]
    assert "metadata left out" in steps[4]


def test_the_formats_are_those_that_can_be_written() -> None:
    assert set(get_args(VideoFormat)) == set(OUTPUT_FORMATS)
    can_hold_alpha = {name for name, known in OUTPUT_FORMATS.items() if known.can_hold_alpha}
    assert can_hold_alpha == ALPHA_FORMATS


def test_a_recipe_cannot_be_changed() -> None:
    recipe = parse_recipe(SHORT, "a.toml")
    with pytest.raises(ValueError, match="frozen"):
        recipe.title = "other"


def test_a_track_step_is_told_in_plain_words() -> None:
    plain = TrackStep.model_validate({"kind": "track"})
    assert in_words(plain) == "model auto, short side 480 px, asks where the video is cut"
    changed = plain.model_copy(
        update={"assess": False, "refine_below": 0.5, "at_cuts": "reacquire"}
    )
    told = in_words(changed)
    assert "looks for the object where the video is cut" in told
    assert "takes the model's own scores" in told
    assert "refines below 0.5" in told

from __future__ import annotations

import json
import tomllib
from typing import Any, get_args

import pytest

from tam_edit.effect import COVER_MARGIN_PX, COVER_THRESHOLD, EFFECTS
from tam_edit.errors import RecipeError
from tam_edit.media.formats import OUTPUT_FORMATS
from tam_edit.recipe import parse_recipe, recipe_json_schema
from tam_edit.recipe.steps import ALPHA_FORMATS, EffectStep, MatteStep, TrackStep, VideoFormat
from tam_edit.recipe.words import in_words

WHOLE = """\
# A comment.
schema = "tam_edit.recipe/1"
title = "Two effects on two objects"
description = "Every field is stated."

[[steps]]
kind = "track"
model = "builtin"
short_side_px = 360

[[steps]]
kind = "checkpoint"
when = "doubt"
threshold = 0.62
why = "Is the plate \\"covered\\" on every frame?"

[[steps]]
kind = "effect"
effect = "blur"
objects = ["plate", "sign 2"]
margin_px = 3
margin_frac = 0.125
cover_threshold = 0.2
with = { strength = 2, sigma_px = 7.5 }

[[steps]]
kind = "effect"
effect = "fill"

[[steps]]
kind = "export"
format = "ffv1"
copy_metadata = false
codec_options = { g = 1, level = "3" }
"""

RICH = """\
schema = "tam_edit.recipe/1"
title = "Whatever else can be said"

[[steps]]
kind = "track"

[[steps]]
kind = "checkpoint"
when = "always"
frame_count = 3

[[steps]]
kind = "checkpoint"
when = "frames"
frames = [0, "00:00:02.000"]

[[steps]]
kind = "checkpoint"
when = "cuts"
objects = ["face"]

[[steps]]
kind = "matte"
objects = ["face"]
smooth_frames = 3
grow_px = -2.5

[[steps]]
kind = "effect"
name = "look"
effect = "blur"
invert = true
in_point = 10
out_point = "00:00:09"
fade_in_s = 0.5
fade_out_s = 1
hold_before_frames = 2
hold_after_frames = 4
ramps = { strength = [{ at = 10, value = 0.5 }, { at = "00:00:05", value = 4 }] }
with = { edge = "soft" }

[[steps]]
kind = "export"
copy_sound = false

[[steps]]
kind = "export"
path = "{stem}-masks/"
what = "masks"

[[steps]]
kind = "verify"
outside_psnr_db = 35
inside_correlation = 0.25
"""

SHORT = """\
schema = "tam_edit.recipe/1"
title = "Short"

[[steps]]
kind = "track"

[[steps]]
kind = "effect"
effect = "blur"
"""


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
    steps = [line for line in lines if line[:1].isdigit()]
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


TRACK = '[[steps]]\nkind = "track"\n'
BLUR = '[[steps]]\nkind = "effect"\neffect = "blur"\n'
CHECK = '[[steps]]\nkind = "checkpoint"\n'
OUTPUT = '[[steps]]\nkind = "export"\n'
MATTE = '[[steps]]\nkind = "matte"\ngrow_px = 2\n'
VERIFY = '[[steps]]\nkind = "verify"\n'
HEAD = 'schema = "tam_edit.recipe/1"\ntitle = "T"\n'

# What is replaced in WHOLE, by what, and what the message and the hint must say.
CHANGED = [
    ('effect = "blur"', 'effect = "blurr"', ["steps[2].effect", "'blurr'"], "'blur'"),
    ("strength = 2", "strenght = 2", ["steps[2].with.strenght", "parameters"], "'strength'"),
    ("strength = 2", 'strength = "2"', ["with.strength", "text '2'", "0.5 to 4"], "strength = 2"),
    ("strength = 2", 'strength = "big"', ["with.strength", "text 'big'", "a number"], ""),
    ("strength = 2", "strength = true", ["with.strength", "truth value true", "a number"], ""),
    ("strength = 2", "strength = [2]", ["with.strength", "the list [2]", "a number"], ""),
    ("strength = 2", "strength = 9", ["with.strength", "the number 9", "0.5 to 4"], "How strongly"),
    ("strength = 2", 'edge = "sof"', ["with.edge", "'sof'", "cover, soft"], ""),
    ("strength = 2", "strength = nan", ["steps[2].with.strength", "nan"], "finite"),
    ("strength = 2", "strength = 1979-05-27", ["with.strength", "the date"], "quotes"),
    ("strength = 2", f"strength = {2**70}", ["with.strength", "64 bits"], "64 bits"),
    ("with = {", "wiht = {", ["steps[2].wiht", "not a known key"], "'with'"),
    ("with = { strength = 2, sigma_px = 7.5 }", "with = 3", ["[2].with", "number 3", "table"], ""),
    ("margin_px = 3", "margin_px = -3", ["steps[2].margin_px", "number -3", "at least 0"], ""),
    ("margin_px = 3", 'margin_px = "3"', ["margin_px", "text '3'"], "margin_px = 3"),
    ("margin_px = 3", "margin = 3", ["steps[2].margin (", "known"], "'margin_"),
    ('["plate", "sign 2"]', '"plate"', ["steps[2].objects", "text 'plate'"], '["plate"]'),
    ('["plate", "sign 2"]', "[]", ["steps[2].objects", "the list []"], ""),
    ('["plate", "sign 2"]', "[1]", ["steps[2].objects", "[1]"], ""),
    ("cover_threshold = 0.2", "cover_threshold = 0", ["cover_threshold", "more than 0"], ""),
    ("threshold = 0.62", "threshold = 62", ["steps[1].threshold", "62", "at most 1"], "score in"),
    ("threshold = 0.62", "treshold = 0.62", ["steps[1].treshold", "known key"], "'threshold'"),
    ('when = "doubt"', 'when = "allways"', ["steps[1].when", "'allways'", '"doubt"'], "'always'"),
    ("short_side_px = 360", "short_side_px = 0", ["steps[0].short_side_px", "at least 64"], ""),
    ("short_side_px = 360", "short_side_px = 360.5", ["short_side_px", "360.5", "whole"], ""),
    ("short_side_px = 360", "size = 360", ["steps[0].size", "known key"], "short_side_px"),
    ('model = "builtin"', "model = 3", ["steps[0].model", "number 3", "text"], ""),
    ('format = "ffv1"', 'format = "h265"', ["steps[4].format", "'h265'", '"hevc"'], "'h264'"),
    ("copy_metadata = false", 'copy_metadata = "no"', ["copy_metadata", "'no'", "true or"], ""),
    ("g = 1", "g = [1]", ["steps[4].codec_options.g", "the list [1]", "number"], "FFmpeg"),
    ("g = 1", '"a b" = [1]', ['steps[4].codec_options."a b"'], ""),
    ('kind = "track"', 'kind = "trak"', ["steps[0].kind", "'trak'", '"checkpoint"'], "'track'"),
    ('kind = "track"', "kind = 3", ["steps[0].kind", "number 3", '"track"'], ""),
    ('kind = "track"', "kind = [[]]", ["steps[0].kind", "the list"], ""),
    ('kind = "track"', 'kin = "track"', ["steps[0].kind", "missing"], "'kin'"),
    ('kind = "track"\n', "", ["steps[0].kind", "missing"], '"track"'),
    ('effect = "fill"', "", ["steps[3].effect", "missing"], "effects list"),
    ('title = "', 'titel = "', ["titel", "not a known key", "1 more fault"], "'title'"),
    ('title = "Two effects on two objects"', 'title = ""', ["title", "''", "at least one"], ""),
    ("recipe/1", "recipe/2", ["schema", "'tam_edit.recipe/2'", "newer"], "upgrade"),
    ("recipe/1", "recipe/0", ["schema", "'tam_edit.recipe/0'", "never was"], "recipe/1"),
    ("tam_edit.recipe/1", "other/1", ["schema", "'other/1'", "tam_edit.recipe/1"], "first line"),
    ('"tam_edit.recipe/1"', "1", ["schema", "number 1"], "first line"),
    ('schema = "tam_edit.recipe/1"', "", ["does not say which schema"], "tam_edit.recipe/1"),
    ('[[steps]]\nkind = "track"', '[steps]\nkind = "track"', ["TOML", "line 11"], "[[steps]]"),
    ("strength = 2,", "strength = 2", ["not valid TOML", "line 24, column"], ""),
    ("# A comment.", "# A \x01 comment.", ["not valid TOML", "line 1"], ""),
    ("codec_options = { g = 1", "codec_options = { g = ", ["not valid TOML", "line 34"], ""),
]

# The same in RICH.
RICHLY_CHANGED = [
    ("frame_count = 3", "frame_count = 0", ["steps[1].frame_count", "number 0", "at least 1"], ""),
    ("frame_count = 3", "threshold = 0.6", ["steps[1].threshold", "does nothing", "doubt"], "when"),
    ("frames = [0,", "frames = [-1,", ["steps[2].frames[0]", "number -1", "at least 0"], ""),
    ("frames = [0,", "frames = [1.5,", ["steps[2].frames[0]", "number 1.5", "text"], ""),
    ('frames = [0, "00:00:02.000"]', "", ["steps[2].frames", "missing"], "for example"),
    ('objects = ["face"]\n\n', "objects = 3\n\n", ["steps[3].objects", "number 3", '"all"'], ""),
    ("smooth_frames = 3", "smooth_frames = 99", ["steps[4].smooth_frames", "99", "30"], ""),
    ("grow_px = -2.5", 'grow_px = "2"', ["steps[4].grow_px", "text '2'"], "grow_px = 2"),
    ("grow_px = -2.5", "grow = 2", ["steps[4].grow", "known key"], "'grow_px'"),
    ("invert = true", "invert = 1", ["steps[5].invert", "number 1", "true or false"], ""),
    ("in_point = 10", "in_point = -10", ["steps[5].in_point", "number -10", "at least 0"], ""),
    (
        'out_point = "00:00:09"',
        "out_point = 10",
        ["steps[5].out_point", "10", "not after"],
        "first",
    ),
    ("fade_in_s = 0.5", "fade_in_s = -1", ["steps[5].fade_in_s", "number -1", "at least 0"], ""),
    ('with = { edge = "soft" }', "", ["steps[5].fade_in_s", "a cover that fades"], '"soft"'),
    ("{ strength =", "{ strenght =", ["steps[5].ramps.strenght", "parameters"], "'strength'"),
    ("{ strength =", "{ edge =", ["steps[5].ramps.edge", "no number"], "strength"),
    ("value = 4", "value = 40", ["ramps.strength[1].value", "number 40", "0.5 to 4"], ""),
    ("value = 4", 'value = "4"', ["ramps.strength[1].value", "text '4'"], "value = 4"),
    ("value = 4", "valu = 4", ["ramps.strength[1].valu", "known key", "more fault"], "'value'"),
    ('at = "00:00:05"', "at = 10", ["ramps.strength[1].at", "10", "not after"], "order"),
    ('at = "00:00:05", ', "", ["ramps.strength[1].at", "missing"], "frame"),
    ('[{ at = 10, value = 0.5 }, { at = "00:00:05", value = 4 }]', "[]", ["ramps.strength"], ""),
    ('{ edge = "soft" }', '{ edge = "soft", strength = 1 }', ["ramps.strength", "also"], "leave"),
    ("copy_sound = false", 'path = "{stem}.mov"', ["steps[6].path", "every export"], "leave"),
    ('"{stem}-masks/"', '"{name}-masks/"', ["steps[7].path", "only {stem}"], "{stem}"),
    ('"{stem}-masks/"', '"../masks/"', ["steps[7].path", "beside the output"], "{stem}"),
    ('what = "masks"', 'what = "mask"', ["steps[7].what", "'mask'", '"picture"'], "'masks'"),
    ('what = "masks"', 'what = "masks"\nformat = "png"', ["steps[7].format", "nothing"], "leave"),
    ("outside_psnr_db = 35", "outside_psnr_db = 350", ["[8].outside_psnr_db", "at most 100"], ""),
]

# Whole documents.
MADE = [
    ("", ["is empty"], "presets show"),
    ("# only a comment\n", ["is empty"], "presets show"),
    (HEAD, ["steps is missing"], "track step"),
    (f"{HEAD}steps = []\n", ["steps", "no track step", "1 more fault"], "track"),
    (f"{HEAD}steps = [1]\n", ["steps[0]", "number 1", "a table"], "[[steps]]"),
    (f'{HEAD}steps = "track"\n', ["steps is the text 'track'", "a list of steps"], "[[steps]]"),
    (f'{HEAD}[steps]\nkind = "track"\n', ["steps is the table", "list of steps"], "[[steps]]"),
    (HEAD + BLUR, ["steps has no track step"], "track"),
    (HEAD + TRACK, ["steps has no effect step"], "effects list"),
    (HEAD + BLUR + TRACK, ["steps[1] (step 2, track)", "after the effect step"], "at first"),
    (HEAD + TRACK + TRACK + BLUR, ["steps[1]", "second track step"], "once"),
    (HEAD + TRACK + BLUR + CHECK, ["steps[2]", "after the effect step"], "after the track"),
    (HEAD + CHECK + TRACK + BLUR, ["steps[1] (step 2, track)", "after the checkpoint"], "at first"),
    (HEAD + TRACK + OUTPUT + BLUR, ["steps[2] (step 3, blur)", "after the export"], "one pass"),
    (HEAD + TRACK + BLUR + VERIFY + VERIFY, ["steps[3]", "second verify step"], "last"),
    (HEAD + TRACK + BLUR + VERIFY + OUTPUT, ["steps[3]", "after the verify step"], "before"),
    (HEAD + TRACK + BLUR + MATTE, ["steps[2]", "followed by no effect"], "before the effects"),
    (HEAD + TRACK + MATTE.replace("grow_px = 2", "") + BLUR, ["steps[1]", "nothing"], "grow_px"),
    (
        HEAD + TRACK + BLUR + 'name = "a"\n' + BLUR + 'name = "a"\n',
        ["steps[2].name", '"a"', "steps[1]"],
        "name of its own",
    ),
    (
        HEAD + TRACK + BLUR.replace("blur", "background-replace") + 'with = { fit = "contain" }\n',
        ["steps[1].with (step 2, background-replace)", "exactly one of color, image and video"],
        "effects show",
    ),
    (
        HEAD + TRACK + BLUR.replace("blur", "background-replace") + 'with = { fit = "conain" }\n',
        ["steps[1].with.fit", "'conain'", "contain, stretch"],
        "",
    ),
    (HEAD + TRACK + BLUR + OUTPUT + OUTPUT, ["steps[3].path", "missing, as in steps[2]"], "{stem}"),
    (
        HEAD
        + TRACK
        + BLUR.replace("blur", "remove")
        + "ramps = { grow_px = [{ at = 0, value = 1 }, { at = 9, value = 2 }] }\n",
        ["steps[1].ramps", "gathers"],
        "under with",
    ),
    (
        f'{HEAD}{TRACK}{BLUR}margin_px = 3\nwith = {{ edge = "soft" }}\n',
        ["steps[1].margin_px", "soft edge"],
        'edge = "cover"',
    ),
    (
        f'{HEAD}{TRACK}{BLUR}{OUTPUT}format = "h264"\n'.replace("blur", "background-remove"),
        ["steps[2].format", "'h264'", "transparency"],
        "prores4444",
    ),
    ("a = " + "[" * 5000, ["nested too deeply"], "brackets"),
    ("a" + ".a" * 5000 + " = 1", ["nested too deeply"], "brackets"),
    ("a = " + "1" * 5000, ["not valid TOML"], ""),
]


@pytest.mark.parametrize(("old", "new", "said", "hinted"), CHANGED, ids=lambda x: str(x)[:25])
def test_a_changed_recipe_is_refused(old: str, new: str, said: list[str], hinted: str) -> None:
    assert WHOLE.count(old) >= 1
    check_refusal(WHOLE.replace(old, new, 1), said, hinted)


@pytest.mark.parametrize(
    ("old", "new", "said", "hinted"), RICHLY_CHANGED, ids=lambda x: str(x)[:25]
)
def test_a_changed_rich_recipe_is_refused(old: str, new: str, said: list[str], hinted: str) -> None:
    assert RICH.count(old) >= 1
    check_refusal(RICH.replace(old, new, 1), said, hinted)


@pytest.mark.parametrize(("text", "said", "hinted"), MADE, ids=lambda x: str(x)[-25:])
def test_a_document_that_is_no_recipe_is_refused(text: str, said: list[str], hinted: str) -> None:
    check_refusal(text, said, hinted)


def check_refusal(text: str, said: list[str], hinted: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse_recipe(text, "mine.toml")
    message, hint = str(caught.value), caught.value.hint
    assert message.startswith("mine.toml")
    assert "\n" not in message
    assert len(message) < 300
    assert hint
    assert "\n" not in hint
    for fragment in said:
        assert fragment in message
    assert hinted in hint


def test_all_faults_are_counted() -> None:
    text = WHOLE.replace("0.62", "62").replace("margin_px = 3", "margin_px = -3")
    with pytest.raises(RecipeError, match=r"steps\[1\]\.threshold .* \(and 1 more fault\)$"):
        parse_recipe(text, "mine.toml")
    text = WHOLE.replace("strength = 2", "strength = 9, a = 1").replace("7.5", "0")
    with pytest.raises(RecipeError, match=r"with\.a .* \(and 2 more faults\)$"):
        parse_recipe(text, "mine.toml")


KINDS: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": int | float,
    "null": type(None),
}


def is_valid(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    """JSON Schema's words that a recipe's schema uses, read as the standard says."""
    if "$ref" in schema:
        return is_valid(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    kind = schema.get("type")
    is_wrong = (
        ("const" in schema and value != schema["const"])
        or ("enum" in schema and value not in schema["enum"])
        or (kind is not None and not isinstance(value, KINDS[kind]))
        or (kind in ("integer", "number") and isinstance(value, bool))
        or ("anyOf" in schema and not any(is_valid(value, s, root) for s in schema["anyOf"]))
        or ("oneOf" in schema and sum(is_valid(value, s, root) for s in schema["oneOf"]) != 1)
    )
    for branch in schema.get("allOf", []):
        taken = "then" if is_valid(value, branch["if"], root) else "else"
        if not is_valid(value, branch.get(taken, {}), root):
            return False
    return not is_wrong and is_inside_valid(value, schema, root)


def is_inside_valid(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    if isinstance(value, dict):
        named = schema.get("properties", {})
        rest = schema.get("additionalProperties", {})
        if rest is False and not set(value) <= set(named):
            return False
        rest = rest if isinstance(rest, dict) else {}
        is_whole = set(schema.get("required", [])) <= set(value)
        return is_whole and all(
            is_valid(item, named.get(key, rest), root) for key, item in value.items()
        )
    if isinstance(value, list):
        enough: bool = len(value) >= schema.get("minItems", 0)
        return enough and all(is_valid(item, schema.get("items", {}), root) for item in value)
    if isinstance(value, str):
        return bool(len(value) >= schema.get("minLength", 0))
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    high = schema.get("maximum")
    return bool(
        (low is None or value >= low)
        and (above is None or value > above)
        and (high is None or value <= high)
    )


def test_the_json_schema_allows_what_is_read_and_no_more() -> None:
    schema = json.loads(json.dumps(recipe_json_schema()))
    assert is_valid(tomllib.loads(WHOLE), schema, schema)
    assert is_valid(tomllib.loads(SHORT), schema, schema)
    assert is_valid(tomllib.loads(RICH), schema, schema)
    change = {"schema": "tam_edit.recipe/1", "extends": "blur-object"}
    assert is_valid(change, schema, schema)
    assert is_valid(change | {"steps": [{"name": "blur", "margin_px": 2}]}, schema, schema)
    assert not is_valid(change | {"steps": [{"name": "blur", "margin": 2}]}, schema, schema)
    assert not is_valid({"schema": "tam_edit.recipe/1", "title": "no steps"}, schema, schema)
    # Order, paths and what fields mean to each other is beyond JSON Schema; all else agrees.
    tried = 0
    for old, new, _, _ in CHANGED:
        try:
            document = tomllib.loads(WHOLE.replace(old, new, 1))
            json.dumps(document, allow_nan=False)
        except (ValueError, TypeError):
            continue
        tried += 1
        if str(2**70) not in new:
            assert not is_valid(document, schema, schema), new
    assert tried > 35


def test_the_json_schema_explains_every_field() -> None:
    schema = recipe_json_schema()
    tables = [schema, *schema["$defs"].values()]
    tables += [branch["then"]["properties"]["with"] for branch in tables[-1].get("allOf", [])]
    for table in tables:
        for name, field in table.get("properties", {}).items():
            assert field.get("description"), name
    assert set(schema["$defs"]["EffectStep"]["properties"]["effect"]["enum"]) == set(
        EFFECTS.names()
    )


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

"""What is wrong with a recipe is said in one sentence that names the place and the way out."""

from __future__ import annotations

import pytest

from tam_edit.errors import RecipeError
from tam_edit.recipe import parse_recipe
from tests.made_recipes import CHANGED, RICH, WHOLE

TRACK = '[[steps]]\nkind = "track"\n'
BLUR = '[[steps]]\nkind = "effect"\neffect = "blur"\n'
CHECK = '[[steps]]\nkind = "checkpoint"\n'
OUTPUT = '[[steps]]\nkind = "export"\n'
MATTE = '[[steps]]\nkind = "matte"\ngrow_px = 2\n'
VERIFY = '[[steps]]\nkind = "verify"\n'
HEAD = 'schema = "tam_edit.recipe/1"\ntitle = "T"\n'

# The same of RICH as CHANGED has of WHOLE.
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
    ("{ strength =", "{ edge =", ["steps[5].ramps.edge", "no number"], "under with: of blur, s"),
    ("value = 4", "value = 40", ["ramps.strength[1].value", "number 40", "0.5 to 4"], ""),
    ("value = 4", 'value = "4"', ["ramps.strength[1].value", "text '4'"], "value = 4"),
    ("value = 4", "valu = 4", ["ramps.strength[1].valu", "known key", "more fault"], "'value'"),
    ('at = "00:00:05"', "at = 10", ["ramps.strength[1].at", "10", "not after"], "order"),
    ('at = "00:00:05", ', "", ["ramps.strength[1].at", "missing"], "frame"),
    ('[{ at = 10, value = 0.5 }, { at = "00:00:05", value = 4 }]', "[]", ["ramps.strength"], ""),
    (
        ', { at = "00:00:05", value = 4 }]',
        "]",
        ["ramps.strength", "a list of at least 2 entries, each a table"],
        "",
    ),
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
    (HEAD + BLUR + TRACK, ["steps[1] (track)", "after the effect step"], "at first"),
    (HEAD + TRACK + TRACK + BLUR, ["steps[1]", "second track step"], "once"),
    (HEAD + TRACK + BLUR + CHECK, ["steps[2]", "after the effect step"], "after the track"),
    (HEAD + CHECK + TRACK + BLUR, ["steps[1] (track)", "after the checkpoint"], "at first"),
    (HEAD + TRACK + OUTPUT + BLUR, ["steps[2] (blur)", "after the export"], "one pass"),
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
        ["steps[1].with (background-replace)", "exactly one of color, image and video"],
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
        f"{HEAD}{TRACK}{BLUR}".replace("blur", "fill")
        + "ramps = { color = [{ at = 0, value = 1 }, { at = 9, value = 2 }] }\n",
        ["steps[1].ramps.color", "no number"],
        "under with: of fill, nothing can",
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

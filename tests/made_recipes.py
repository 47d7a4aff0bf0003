"""Recipes as they are written, and one of them with every kind of fault."""

from __future__ import annotations

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

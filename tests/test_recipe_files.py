from __future__ import annotations

from pathlib import Path

import pytest

from tam_edit.errors import RecipeError
from tam_edit.recipe import load_recipe, parse_recipe

SHORT = """\
schema = "tam_edit.recipe/1"
title = "Short"

[[steps]]
kind = "track"

[[steps]]
kind = "effect"
effect = "blur"
"""


def test_a_byte_order_mark_and_windows_lines_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(b"\xef\xbb\xbf" + SHORT.replace("\n", "\r\n").encode())
    assert load_recipe(path) == parse_recipe(SHORT, "a")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no recipe file"),
        ("folder", "is a folder"),
        (b"title = '\xff\xfe'", "byte 9 is not UTF-8"),
        (b"", "is empty"),
        (b"\x89PNG\r\n\x1a\n", "is not UTF-8"),
        (b"\x00" * 100, "not valid TOML"),
    ],
)
def test_a_file_that_holds_no_recipe_is_refused(
    tmp_path: Path, content: bytes | str | None, said: str
) -> None:
    path = tmp_path / "mine.toml"
    if content == "folder":
        path.mkdir()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(RecipeError, match=said) as caught:
        load_recipe(path)
    assert str(path) in str(caught.value)
    assert caught.value.hint


def test_a_path_with_a_null_character_is_refused() -> None:
    with pytest.raises(RecipeError, match="cannot be read"):
        load_recipe("a\x00.toml")


def test_files_lie_beside_the_recipe(tmp_path: Path) -> None:
    folder = tmp_path / "recipes"
    folder.mkdir()
    path = folder / "replace.toml"
    path.write_text(
        SHORT.replace("blur", "background-replace")
        + 'with = { fit = "contain", image = "sky.png" }\n'
    )
    with pytest.raises(RecipeError, match=r"steps\[1\]\.with\.image .*'sky.png'.*no file") as e:
        load_recipe(path)
    assert str(folder / "sky.png") in str(e.value)
    (folder / "sky.png").write_bytes(b"")
    recipe = load_recipe(path)
    (use,) = recipe.effects()
    assert use.effect.assets() == {"plate": str(folder / "sky.png")}
    assert parse_recipe(recipe.to_toml(), "elsewhere.toml", folder=tmp_path) == recipe

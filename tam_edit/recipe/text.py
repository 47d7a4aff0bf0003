"""How a recipe is read, written and spoken about: TOML in, TOML out, places and values in words."""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from tam_edit.errors import RecipeError, did_you_mean, meant_file

Place: TypeAlias = tuple[str | int, ...]
"""Where in a document: ``("steps", 2, "with", "sigma_px")``."""


class Fault(NamedTuple):
    """One thing that is wrong in a document: where, what, and what would be right."""

    place: Place
    trouble: str
    hint: str


SCHEMA = "tam_edit.recipe/1"
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SINGLE_BRACKETS = re.compile(r"^\s*\[\s*steps\s*\]", re.MULTILINE)
_BOUNDS = {
    "minimum": "of at least",
    "exclusiveMinimum": "of more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
}
_DEEPEST = 20  # tables in tables; a recipe has four
_LONGEST = 60  # characters of a found value that a message repeats
_INT64 = range(-(2**63), 2**63)
_AT_THE_END = "(at end of document)"


def read_text(path: Path) -> str:
    """The text of a recipe file.

    Raises:
        RecipeError: No such file, a folder, not readable, or not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise RecipeError(
            f"there is no recipe file {path}",
            hint=meant_file(path)
            or "check the path; `tam-edit presets list` names the built-in ones",
        ) from None
    except IsADirectoryError:
        raise RecipeError(
            f"{path} is a folder, not a recipe", hint="name the .toml file in it"
        ) from None
    except UnicodeDecodeError as error:
        raise RecipeError(
            f"{path} is not a recipe: byte {error.start} is not UTF-8 text",
            hint="a recipe is a TOML file saved as UTF-8",
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        raise RecipeError(
            f"the recipe {path} cannot be read: {getattr(error, 'strerror', None) or error}",
            hint="check the path and its permissions",
        ) from None


def read_toml(text: str, where: str) -> dict[str, object]:
    """The tables of a TOML document, whose values are text, numbers, truth values and lists.

    Raises:
        RecipeError: Empty, not TOML (with line and column), or a value that no recipe field takes
            (a date, infinity, not-a-number, an integer of more than 64 bits).
    """
    try:
        document: dict[str, object] = tomllib.loads(text)
    except RecursionError:
        raise _nested_too_deeply(where) from None
    except ValueError as error:  # TOMLDecodeError, or an integer of thousands of digits
        lines = text.splitlines() or [""]
        at_the_end = f"(at line {len(lines)}, column {len(lines[-1]) + 1}, the end of the file)"
        raise RecipeError(
            f"{where} is not valid TOML: {str(error).replace(_AT_THE_END, at_the_end)}",
            hint="each step begins with [[steps]], in two brackets"
            if _SINGLE_BRACKETS.search(text)
            else "text stands in quotes, a list in [ ], a table of parameters in { }",
        ) from None
    if not document:
        raise RecipeError(
            f"{where} is empty",
            hint="`tam-edit presets show blur-object --toml` prints one to start from",
        )
    for place, value in _leaves(document, ()):
        if len(place) > _DEEPEST:
            raise _nested_too_deeply(where)
        if trouble := _unusable(value):
            raise RecipeError(f"{where}: {key_path(place)} is {found(value)}", hint=trouble)
    return document


def _leaves(value: object, place: Place) -> Iterator[tuple[Place, object]]:
    """Every value that is no table and no list; nothing deeper than a recipe could be."""
    inner: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    if not inner or len(place) > _DEEPEST:
        yield place, value
        return
    for key, item in inner:
        yield from _leaves(item, (*place, key))


def _nested_too_deeply(where: str) -> RecipeError:
    return RecipeError(
        f"{where} is nested too deeply to be a recipe",
        hint="look for a run of brackets or of dots",
    )


def _unusable(value: object) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return "numbers in a recipe are finite"
    if isinstance(value, int) and value not in _INT64:
        return "whole numbers in TOML have at most 64 bits"
    if isinstance(value, date | datetime | time):
        return "no field of a recipe takes a date or a time; put text in quotes"
    return ""


def key_path(place: Place) -> str:
    """A place as people write it: ``steps[2].with.sigma_px``; list positions count from 0."""
    path = ""
    for part in place:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            name = part if _BARE_KEY.fullmatch(part) else json.dumps(part, ensure_ascii=False)
            path += f".{name}" if path else name
    return path


def value_at(document: object, place: Place) -> object:
    """What stands at a place; None where the document has no such place."""
    for part in place:
        try:
            document = document[part]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            return None
    return document


def found(value: object) -> str:
    """What stands in a document, in words: ``the text 'strong'``, ``the number 3``."""
    if isinstance(value, int) and value not in _INT64:
        return "a whole number of more than 64 bits"
    words = {bool: "the truth value", str: "the text", list: "the list", dict: "the table"}
    words |= {int: "the number", float: "the number"}
    noun = words.get(type(value), f"the {type(value).__name__}")
    text = repr(value) if isinstance(value, str) else toml_value(value)
    return f"{noun} {text if len(text) <= _LONGEST else text[: _LONGEST - 1] + '…'}"


def wanted(schema: Mapping[str, Any]) -> str:
    """What a JSON Schema of one field allows, in words: ``a whole number of at least 64``."""
    # TOML has no null: a field that may be None is simply left out.
    if branches := [branch for branch in _branches(schema) if branch.get("type") != "null"]:
        return " or ".join(_wanted(branch) for branch in branches)
    return "nothing"


def _wanted(schema: Mapping[str, Any]) -> str:
    if "const" in schema:
        return toml_value(schema["const"])
    if "enum" in schema:
        return f"one of {', '.join(toml_value(value) for value in schema['enum'])}"
    text = "text of at least one character" if schema.get("minLength") else "text"
    nouns = {"object": "a table", "boolean": "true or false", "string": text}
    nouns |= {"integer": "a whole number", "number": "a number", "array": "a list"}
    noun = nouns.get(schema.get("type", ""), "another value")
    least = schema.get("minItems", 1)
    if "items" in schema and least > 1:
        return f"{noun} of at least {least} entries, each {wanted(schema['items'])}"
    if "items" in schema:
        return f"{noun} of {wanted(schema['items'])}"
    bounds = [f"{word} {schema[key]:g}" for key, word in _BOUNDS.items() if key in schema]
    return f"{noun} {' and '.join(bounds)}" if bounds else noun


def wrong_value(place: Place, value: object, schema: Mapping[str, Any]) -> Fault:
    """The fault of a value that the JSON Schema of its field does not allow."""
    allowed = wanted(schema)
    constants = [c for b in _branches(schema) for c in b.get("enum", [b.get("const")])]
    names = [constant for constant in constants if isinstance(constant, str)]
    if isinstance(value, str) and any(b.get("type") == "array" for b in _branches(schema)):
        hint = f"for a list, write [{toml_value(value)}]"
    elif isinstance(value, str) and names:
        hint = did_you_mean(value, names)
    elif "number" in allowed and is_quoted_number(value):
        hint = f"leave the quotes out: {place[-1]} = {value}"
    else:
        hint = f"{key_path(place[-1:])}: {schema.get('description') or allowed}"
    return Fault(place, f"is {found(value)}, but must be {allowed}", hint)


def is_quoted_number(value: object) -> bool:
    """Whether a number was written in quotes: the commonest slip in a TOML file."""
    try:
        return isinstance(value, str) and math.isfinite(float(value))
    except ValueError:
        return False


def _branches(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(schema.get("anyOf", [schema]))


def toml_value(value: object) -> str:
    """One value as TOML 1.0 writes it, on one line."""
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return repr(value)
        case list() | tuple():
            return f"[{', '.join(toml_value(item) for item in value)}]"
        case dict():
            items = [f"{key_path((str(key),))} = {toml_value(item)}" for key, item in value.items()]
            return f"{{ {', '.join(items)} }}" if items else "{}"
        case _:
            # A JSON string is a TOML basic string, except that TOML also escapes DEL.
            return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_document(head: Mapping[str, object], steps: Sequence[Mapping[str, object]]) -> str:
    """A recipe's text: its own keys first, then one ``[[steps]]`` table after the other."""
    lines = [f"{key_path((key,))} = {toml_value(value)}" for key, value in head.items()]
    for step in steps:
        lines += ["", "[[steps]]"]
        lines += [f"{key_path((key,))} = {toml_value(value)}" for key, value in step.items()]
    return "\n".join(lines) + "\n"

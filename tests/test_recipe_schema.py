"""The JSON Schema of recipes allows what is read and no more."""

from __future__ import annotations

import json
import tomllib
from typing import Any

from tam_edit.effect import EFFECTS
from tam_edit.recipe import recipe_json_schema
from tests.made_recipes import CHANGED, RICH, SHORT, WHOLE

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

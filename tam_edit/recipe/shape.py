"""What a document's tables look like: unknown keys, wrong types, missing values, in words."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tam_edit.errors import did_you_mean
from tam_edit.recipe.steps import STEP_KINDS, Part
from tam_edit.recipe.text import Fault, Place, found, toml_value, value_at, wanted, wrong_value

UNKNOWN_KEY = "is not a known key"


def shape_faults(
    error: ValidationError, document: Mapping[str, object], whole: type[Part]
) -> list[Fault]:
    """Everything that pydantic found, each at its place in the document.

    Args:
        error: What it raised.
        document: What it was given.
        whole: The model of the whole document.
    """
    faults: dict[Place, Fault] = {}
    for detail in error.errors(include_url=False, include_input=False):
        fault = _shape_fault(detail["type"], detail["loc"], document, whole)
        faults.setdefault(fault.place, fault)  # each branch of a union reports on its own
    # A misspelt key is also a missing one: the spelling is what to mend.
    return sorted(faults.values(), key=lambda fault: fault.trouble != UNKNOWN_KEY)


def _shape_fault(
    trouble: str, loc: Place, document: Mapping[str, object], whole: type[Part]
) -> Fault:
    if loc[0] == "steps" and len(loc) <= 2:
        return _step_fault(loc, document)
    part, place, inner = whole, loc[:1], loc[1:]
    if loc[0] == "steps":
        part = STEP_KINDS[str(loc[2])]  # pydantic puts the step's kind behind its position
        place, inner = (*loc[:2], loc[3]), loc[4:]
    fields = {field.alias or name: field for name, field in part.model_fields.items()}
    key = str(place[-1])
    if key not in fields:
        return Fault(place, UNKNOWN_KEY, did_you_mean(key, fields))
    schema = _inlined(TypeAdapter(fields[key].rebuild_annotation()).json_schema())
    schema["description"] = fields[key].description
    for step in inner:
        below = _below(schema, step)
        if below is None and trouble == "extra_forbidden" and step == inner[-1]:
            keys = [name for branch in _branches(schema) for name in branch.get("properties", ())]
            return Fault((*place, step), UNKNOWN_KEY, did_you_mean(str(step), keys))
        if below is not None:  # else it is pydantic's name for a branch of a union
            place, schema = (*place, step), {"description": schema["description"], **below}
    if trouble == "missing" and value_at(document, place) is None:
        told = schema.get("description")
        return Fault(place, "is missing", f"{place[-1]} is {wanted(schema)}: {told}")
    return wrong_value(place, value_at(document, place), schema)


def _below(schema: Mapping[str, Any], step: str | int) -> dict[str, Any] | None:
    """The schema of an item or a value inside; None where a schema has no such inside."""
    for branch in _branches(schema):
        named = branch.get("properties", {})
        inside = branch.get("additionalProperties")
        if isinstance(step, int) and "items" in branch:
            return dict(branch["items"])
        if step in named:
            return dict(named[step])
        if isinstance(step, str) and isinstance(inside, dict):
            return dict(inside)
    return None


def _branches(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(schema.get("anyOf", [schema]))


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema in which every reference is replaced by what it refers to."""
    definitions = schema.pop("$defs", {})

    def inline(node: Any) -> Any:
        if isinstance(node, list):
            return [inline(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return inline(definitions[node["$ref"].rpartition("/")[2]])
        return {key: inline(value) for key, value in node.items()}

    inlined: dict[str, Any] = inline(schema)
    return inlined


def _step_fault(place: Place, document: Mapping[str, object]) -> Fault:
    """A list of steps that is none, or a step without a kind that is known."""
    kinds = " or ".join(toml_value(kind) for kind in STEP_KINDS)
    step = value_at(document, place)
    if len(place) == 1 and step is None:
        return Fault(place, "is missing", "a recipe has at least a track step and an effect step")
    if len(place) == 1:
        return Fault(place, f"is {found(step)}, but must be a list of steps", "write [[steps]]")
    if not isinstance(step, dict):
        return Fault(place, f"is {found(step)}, but must be a table", "write [[steps]] above it")
    if "kind" not in step:
        near = difflib.get_close_matches("kind", step, n=1)
        hint = f"did you mean 'kind' by {near[0]!r}?" if near else f"write kind = {kinds}"
        return Fault((*place, "kind"), "is missing", hint)
    schema = {"enum": list(STEP_KINDS)}
    return wrong_value((*place, "kind"), step["kind"], schema)

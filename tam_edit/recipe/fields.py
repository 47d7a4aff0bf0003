"""Every field of a recipe with what is allowed and what it means, told from the models."""

from __future__ import annotations

from typing import Any, NamedTuple

from tam_edit.recipe.json_schema import recipe_json_schema
from tam_edit.recipe.steps import STEP_KINDS
from tam_edit.recipe.text import toml_value, wanted


class Field(NamedTuple):
    """One key of a table in a recipe."""

    name: str
    allowed: str
    default: str
    meaning: str
    needed: str
    """``"required"``, also with where; empty where it may be left out."""


class Table(NamedTuple):
    """One kind of table in a recipe."""

    name: str
    meaning: str
    fields: tuple[Field, ...]


def recipe_tables() -> list[Table]:
    """The recipe itself, then every kind of step, then the tables inside steps."""
    schema = recipe_json_schema()
    known = schema["$defs"]
    steps = {kind.__name__: name for name, kind in STEP_KINDS.items()}
    change = schema["allOf"][0]["then"]["properties"]["steps"]["items"]
    extending = {name: change["properties"][name] for name in ("before", "remove")}
    return [
        _table("recipe", schema, known),
        *(_table(name, known[title], known) for title, name in steps.items()),
        *(
            _table(each["title"], each, known)
            for title, each in known.items()
            if title not in steps
        ),
        _table(
            "extending",
            {
                "description": "Beside its other keys, in a recipe that extends another one.",
                "properties": extending,
            },
            known,
        ),
    ]


def _table(name: str, schema: dict[str, Any], known: dict[str, Any]) -> Table:
    required = schema.get("required", ())
    needed = {
        key: "required without extends"
        for condition in schema.get("allOf", ())
        for key in condition.get("else", {}).get("required", ())
    }
    return Table(
        name,
        str(schema["description"]).partition("\n")[0],
        tuple(
            Field(
                key,
                wanted(_resolved(field, known)).replace(" of at least one character", ""),
                "" if key in required else _default(field),
                field["description"],
                "required" if key in required else needed.get(key, ""),
            )
            for key, field in schema["properties"].items()
        ),
    )


def _default(field: dict[str, Any]) -> str:
    default = field.get("default")
    return "" if default in (None, {}, [], "") else toml_value(default)


def _resolved(node: Any, known: dict[str, Any]) -> Any:
    """A schema in which a reference is the table that it refers to."""
    if isinstance(node, list):
        return [_resolved(item, known) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return {"type": "object"}
    return {key: _resolved(value, known) for key, value in node.items()}


def markdown(table: Table) -> str:
    """One table as Markdown, for the documentation."""
    lines = [f"### `{table.name}`", "", table.meaning, "", "| key | what | default | meaning |"]
    lines.append("|---|---|---|---|")
    for field in table.fields:
        default = f"`{field.default}`" if field.default else field.needed
        lines.append(f"| `{field.name}` | {field.allowed} | {default} | {field.meaning} |")
    return "\n".join(lines)

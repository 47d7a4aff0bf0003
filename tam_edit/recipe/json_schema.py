"""The JSON Schema of recipes, for editors that check and complete while one writes."""

from __future__ import annotations

from typing import Any

from tam_edit.effect import EFFECTS
from tam_edit.recipe.document import Recipe
from tam_edit.recipe.layers import BEFORE, REMOVE
from tam_edit.recipe.parameters import table_schema


def recipe_json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a recipe, with the parameters of every known effect."""
    schema = Recipe.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    _add_effects(schema["$defs"]["EffectStep"])
    _add_extends(schema)
    return schema


def _add_effects(step: dict[str, Any]) -> None:
    step["properties"]["effect"]["enum"] = list(EFFECTS.names())
    step["allOf"] = [
        {
            "if": {"properties": {"effect": {"const": name}}},
            "then": {"properties": {"with": table_schema(EFFECTS.get(name))}},
        }
        for name in EFFECTS.names()
    ]


def _add_extends(schema: dict[str, Any]) -> None:
    """What a recipe may say that changes another one: any key of a step, beside its name."""
    whole = schema["properties"]["steps"]
    kinds = [kind for name, kind in schema["$defs"].items() if name.endswith("Step")]
    known: dict[str, Any] = {key: {} for kind in kinds for key in kind["properties"]}
    known[REMOVE] = {"type": "boolean", "description": "Whether the step is taken away."}
    known[BEFORE] = {
        "type": "string",
        "description": "In front of which step a new one is put; left out, behind its kind, a "
        "matte step in front of all effects.",
    }
    change = {"type": "object", "properties": known, "additionalProperties": False}
    schema["properties"]["extends"] = {
        "type": "string",
        "minLength": 1,
        "description": "Name of a preset, or path of a recipe, that this one changes: a step with "
        "the name of one of its steps changes that one, others are added.",
    }
    schema["properties"]["steps"] = {"type": "array", "description": whole["description"]}
    schema["allOf"] = [
        {
            "if": {"required": ["extends"]},
            "then": {"properties": {"steps": {"items": change}}},
            "else": {"properties": {"steps": whole}, "required": ["title", "steps"]},
        }
    ]
    schema["required"] = ["schema"]

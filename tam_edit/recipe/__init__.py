"""Recipes: versioned TOML documents that chain tracking, a checkpoint, effects and the output.

===============  ============================================================================
module           what it holds
===============  ============================================================================
``document``     :class:`Recipe`, reading one and checking it as a whole
``steps``        the kinds of steps and their fields
``parameters``   an effect built from a table, with each fault at its key
``text``         TOML in and out, and the wording of messages
===============  ============================================================================
"""

from tam_edit.recipe.document import (
    EffectUse,
    Recipe,
    load_recipe,
    parse_recipe,
    recipe_json_schema,
)
from tam_edit.recipe.steps import CheckpointStep, EffectStep, TrackStep

__all__ = [
    "CheckpointStep",
    "EffectStep",
    "EffectUse",
    "Recipe",
    "TrackStep",
    "load_recipe",
    "parse_recipe",
    "recipe_json_schema",
]

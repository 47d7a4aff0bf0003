"""Recipes: versioned TOML documents that chain tracking, a checkpoint, effects and the output.

===============  ============================================================================
module           what it holds
===============  ============================================================================
``document``     :class:`Recipe`
``steps``        the kinds of steps and their fields
``reading``      from TOML documents to a recipe that holds together
``layers``       a recipe with what it extends and what is typed, and who wrote which key
``typed``        ``--set STEP.KEY=VALUE``
``shape``        unknown keys, wrong types, missing values
``order``        in which order steps can be carried out
``settings``     what the settings of a step mean to each other
``placing``      a recipe on a video: positions become frames, objects are looked for
``parameters``   an effect built from a table, with each fault at its key
``words``        steps in plain words
``fields``       every field with what is allowed and what it means
``text``         TOML in and out, and the wording of messages
``json_schema``  the schema of recipes for editors
===============  ============================================================================
"""

from tam_edit.recipe.document import EffectUse, Recipe
from tam_edit.recipe.fields import Field, Table, markdown, recipe_tables
from tam_edit.recipe.json_schema import recipe_json_schema
from tam_edit.recipe.placing import check_objects, check_positions, end_of, frame_of, span_of
from tam_edit.recipe.reading import SUFFIX, load_recipe, parse_recipe
from tam_edit.recipe.settings import export_path
from tam_edit.recipe.steps import (
    CheckpointStep,
    EffectStep,
    ExportStep,
    MatteStep,
    OutputKind,
    Position,
    Step,
    TrackStep,
    VerifyStep,
)
from tam_edit.recipe.words import in_words

__all__ = [
    "SUFFIX",
    "CheckpointStep",
    "EffectStep",
    "EffectUse",
    "ExportStep",
    "Field",
    "MatteStep",
    "OutputKind",
    "Position",
    "Recipe",
    "Step",
    "Table",
    "TrackStep",
    "VerifyStep",
    "check_objects",
    "check_positions",
    "end_of",
    "export_path",
    "frame_of",
    "in_words",
    "load_recipe",
    "markdown",
    "parse_recipe",
    "recipe_json_schema",
    "recipe_tables",
    "span_of",
]

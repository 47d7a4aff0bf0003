"""From TOML documents to a recipe that holds together."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from pydantic import ValidationError

from tam_edit.effect import EFFECTS
from tam_edit.errors import RecipeError, UnknownNameError, meant_file
from tam_edit.recipe.document import Recipe, build_effects
from tam_edit.recipe.layers import TYPED, Draft, Written, draft_of, extend
from tam_edit.recipe.order import order_faults
from tam_edit.recipe.parameters import file_parameters
from tam_edit.recipe.settings import checkpoint_faults, export_faults
from tam_edit.recipe.shape import shape_faults
from tam_edit.recipe.steps import EffectStep, Step
from tam_edit.recipe.text import (
    SCHEMA,
    Fault,
    Place,
    found,
    read_text,
    read_toml,
    toml_value,
)
from tam_edit.recipe.typed import apply_typed

SUFFIX = ".toml"
SCHEMA_NAME, _, SCHEMA_VERSION = SCHEMA.partition("/")

Presets: TypeAlias = Callable[[str], tuple[str, Path | None]]
"""From a preset's name to its text, and the folder that it lies in if that is known."""


def load_recipe(
    path: str | Path, *, settings: Sequence[str] = (), presets: Presets | None = None
) -> Recipe:
    """The recipe in a TOML file; files that it names are looked for beside it.

    Args:
        path: The file.
        settings: Changes to it, ``STEP.KEY=VALUE`` each.
        presets: Finds presets that it may extend; without it, it may extend files alone.

    Raises:
        RecipeError: It cannot be read or does not hold together; the message names the file, the
            place in it, what stands there and what is allowed.
    """
    path = Path(path)
    return parse_recipe(
        read_text(path), str(path), folder=path.parent, settings=settings, presets=presets
    )


def parse_recipe(
    text: str,
    where: str,
    *,
    folder: Path | None = None,
    settings: Sequence[str] = (),
    presets: Presets | None = None,
) -> Recipe:
    """The recipe in a TOML document.

    Args:
        text: The document.
        where: What messages call it: the file's path or the preset's name.
        folder: Where files that it names are looked for; the working directory if not given.
        settings: Changes to it, ``STEP.KEY=VALUE`` each; files in them are looked for in the
            working directory.
        presets: Finds presets that it may extend; without it, it may extend files alone.

    Raises:
        RecipeError: As :func:`load_recipe`.
    """
    draft = _draft(text, where, folder or Path(), presets, ())
    recipe = _checked(draft)
    if settings:
        apply_typed(draft, settings)
        recipe = _checked(draft)
    return recipe


def _draft(
    text: str, where: str, folder: Path, presets: Presets | None, asking: tuple[str, ...]
) -> Draft:
    """A document with everything that it extends under it, which has been checked."""
    document = read_toml(text, where)
    _check_version(document, where)
    draft = draft_of(document, where, folder)
    name = draft.head.get("extends")
    if name is None:
        return draft
    place: Place = ("extends",)
    if not isinstance(name, str) or not name:
        trouble = f"is {found(name)}, but must be the name of a preset or the path of a recipe"
        draft.refuse([Fault(place, trouble, 'for example extends = "blur-object"')])
    asking = (*asking, where)
    try:
        base_text, base_where, base_folder = _extended(str(name), folder, presets)
    except (RecipeError, UnknownNameError) as error:
        draft.refuse([Fault(place, f"is {found(name)}, but {error}", error.hint)])
        raise
    if base_where in asking:
        circle = " extends ".join([*asking[asking.index(base_where) :], base_where])
        hint = "a recipe cannot extend itself; take one of the extends out"
        draft.refuse([Fault(place, f"is {found(name)}, which leads in a circle: {circle}", hint)])
    base = _draft(base_text, base_where, base_folder, presets, asking)
    _checked(base)
    return extend(base, draft)


def _extended(name: str, folder: Path, presets: Presets | None) -> tuple[str, str, Path]:
    """The text, the name in messages and the folder of a recipe that another one extends."""
    if name.lower().endswith(SUFFIX):
        path = Path(os.path.normpath(folder / name))
        return read_text(path), str(path), path.parent
    if presets is None:
        raise RecipeError(
            f"only a file can be extended here, which ends in {SUFFIX}",
            hint="tam_edit.presets.load_preset reads recipes that extend presets",
        )
    text, place = presets(name)
    return text, f"preset {name}", place or Path()


def _checked(draft: Draft) -> Recipe:
    """The recipe that a draft makes, once it holds together."""
    document = draft.document
    try:
        # In JSON mode strict types are TOML's own: lists become tuples, text never a number.
        recipe = Recipe.model_validate_json(json.dumps(document), strict=True)
    except ValidationError as error:
        draft.refuse(shape_faults(error, document, Recipe))
        raise
    draft.refuse(order_faults(recipe.steps))
    _, faults = build_effects(recipe)
    draft.refuse([*checkpoint_faults(recipe.steps), *faults])
    recipe, faults = _with_files(recipe, draft)
    faults += export_faults(recipe.steps, needs_alpha=recipe.needs_alpha)
    draft.refuse(faults)
    return recipe.written_as(copy.deepcopy(draft))


def _check_version(document: Mapping[str, object], where: str) -> None:
    stated = document.get("schema")
    first_line = f"its first line must be: schema = {toml_value(SCHEMA)}"
    if stated is None:
        raise RecipeError(f"{where} does not say which schema it follows", hint=first_line)
    name, _, version = str(stated).rpartition("/")
    if not isinstance(stated, str) or name != SCHEMA_NAME or not version.isdecimal():
        raise RecipeError(
            f"{where}: schema is {found(stated)}, but must be {toml_value(SCHEMA)}", hint=first_line
        )
    if int(version) > int(SCHEMA_VERSION):
        raise RecipeError(
            f"{where}: schema is {found(stated)}, which is newer than this tam-edit, "
            f"which reads {toml_value(SCHEMA)}",
            hint="upgrade: pip install --upgrade tam-edit",
        )
    if int(version) < int(SCHEMA_VERSION):
        raise RecipeError(
            f"{where}: schema is {found(stated)}, a version that never was; "
            f"the oldest is {toml_value(SCHEMA)}",
            hint=first_line,
        )


def _meant(path: Path, by: Written) -> str:
    """Which file may be meant by one that is not there, and where it was looked for."""
    is_typed = by.where.startswith(TYPED)
    place = "working folder" if is_typed else "folder of the recipe that names them"
    return meant_file(path) or f"paths are relative to the {place}"


def _with_files(recipe: Recipe, draft: Draft) -> tuple[Recipe, list[Fault]]:
    """The recipe with absolute paths, and a fault for each file that is not there."""
    steps: list[Step] = []
    faults = []
    for index, step in enumerate(recipe.steps):
        if not isinstance(step, EffectStep):
            steps.append(step)
            continue
        files = {}
        for name in file_parameters(EFFECTS.get(step.effect), step.parameters):
            by = draft.writer(("steps", index, "with", name))
            files[name] = path = (by.folder / step.parameters[name]).absolute()
            if not path.is_file():
                trouble = f"is {found(step.parameters[name])}, but there is no file {path}"
                faults.append(Fault(("steps", index, "with", name), trouble, _meant(path, by)))
        absolute = {name: str(path) for name, path in files.items()}
        steps.append(step.model_copy(update={"parameters": {**step.parameters, **absolute}}))
    return recipe.model_copy(update={"steps": tuple(steps)}), faults

"""The recipe: which model tracks, where a person must look, which effects follow, what is written.

A recipe is a TOML file::

    schema = "tam_edit.recipe/1"
    title = "Blur an object"

    [[steps]]
    kind = "track"

    [[steps]]
    kind = "effect"
    effect = "blur"
    with = { strength = 1.5 }

Its steps are carried out in order: one ``track``; any number of ``checkpoint``; ``matte`` and
``effect`` steps; any number of ``export``, all written in one pass; at most one ``verify``. Effects
are named by string, so that other packages can add some.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from tam_edit.effect import EFFECTS, Effect
from tam_edit.errors import RecipeError, UnknownNameError, did_you_mean
from tam_edit.recipe.parameters import build_from_table, file_parameters, table_schema
from tam_edit.recipe.order import order_faults
from tam_edit.recipe.settings import checkpoint_faults, export_faults, setting_faults
from tam_edit.recipe.steps import (
    STEP_KINDS,
    CheckpointStep,
    EffectStep,
    ExportStep,
    Name,
    Part,
    Step,
    TrackStep,
    VerifyStep,
)
from tam_edit.recipe.text import (
    Fault,
    Place,
    found,
    key_path,
    read_text,
    read_toml,
    toml_document,
    toml_value,
    value_at,
    wanted,
    wrong_value,
)
from tam_edit.recipe.words import in_words

SCHEMA_NAME, SCHEMA_VERSION = "tam_edit.recipe", 1
_UNKNOWN_KEY = "is not a known key"
SCHEMA = f"{SCHEMA_NAME}/{SCHEMA_VERSION}"


class EffectUse(NamedTuple):
    """An effect, ready to begin, and the step that says on which objects and with what margin."""

    step: EffectStep
    effect: Effect


class Recipe(Part):
    """An ordered list of steps, checked as a whole; :func:`load_recipe` reads one."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_alias=True)

    schema_version: Literal["tam_edit.recipe/1"] = Field(
        alias="schema", description="Format and version of this document."
    )
    title: Name = Field(description="What the recipe does, in a few words.")
    description: str = Field(
        default="", description="For whom it is, and what to know before using it."
    )
    steps: tuple[Step, ...] = Field(description="What is done, in this order.")

    @property
    def track(self) -> TrackStep:
        """The step that tracks."""
        return next(step for step in self.steps if isinstance(step, TrackStep))

    @property
    def checkpoints(self) -> tuple[CheckpointStep, ...]:
        """The steps that stop for a person."""
        return tuple(step for step in self.steps if isinstance(step, CheckpointStep))

    @property
    def exports(self) -> tuple[ExportStep, ...]:
        """What is written; where the recipe does not say, one export with all defaults."""
        stated = tuple(step for step in self.steps if isinstance(step, ExportStep))
        return stated or (ExportStep(kind="export"),)

    @property
    def verify(self) -> VerifyStep | None:
        """The step that checks what was written, if there is one."""
        return next((step for step in self.steps if isinstance(step, VerifyStep)), None)

    @property
    def needs_alpha(self) -> bool:
        """Whether an effect makes parts of the picture transparent."""
        return any(use.effect.needs_alpha for use in self.effects())

    def effects(self) -> list[EffectUse]:
        """The effects in order, each built from its parameters.

        Raises:
            RecipeError: An effect or a parameter that is not known or out of range (only for a
                recipe that was put together by hand: a loaded one has been checked).
        """
        uses, faults = _build_effects(self)
        _refuse(faults, f"the recipe {self.title!r}", self.model_dump())
        return uses

    def to_toml(self) -> str:
        """The recipe as a TOML document, without what equals the defaults."""
        document = self.model_dump(exclude_defaults=True)
        kinds = [
            {"kind": step.kind, **step.model_dump(exclude_defaults=True)} for step in self.steps
        ]
        head = {"schema": SCHEMA, **{k: v for k, v in document.items() if k != "steps"}}
        return toml_document(head, kinds)

    def describe(self) -> str:
        """The recipe in plain words, one line per step."""
        lines = [self.title, *([self.description] if self.description else []), ""]
        for number, step in enumerate(self.steps, start=1):
            lines.append(f"{number}. {step.kind:<11}{in_words(step)}")
        return "\n".join(lines)


def load_recipe(path: str | Path) -> Recipe:
    """The recipe in a TOML file; files that it names are looked for beside it.

    Raises:
        RecipeError: It cannot be read or does not hold together; the message names the file, the
            place in it, what stands there and what is allowed.
    """
    path = Path(path)
    return parse_recipe(read_text(path), str(path), folder=path.parent)


def parse_recipe(text: str, where: str, *, folder: Path | None = None) -> Recipe:
    """The recipe in a TOML document.

    Args:
        text: The document.
        where: What messages call it: the file's path or the preset's name.
        folder: Where files that it names are looked for; the working directory if not given.

    Raises:
        RecipeError: As :func:`load_recipe`.
    """
    document = read_toml(text, where)
    _check_version(document, where)
    try:
        # In JSON mode strict types are TOML's own: lists become tuples, text never a number.
        recipe = Recipe.model_validate_json(json.dumps(document), strict=True)
    except ValidationError as error:
        _refuse(_shape_faults(error, document), where, document)
        raise
    _refuse(order_faults(recipe.steps), where, document)
    _, faults = _build_effects(recipe)
    _refuse([*checkpoint_faults(recipe.steps), *faults], where, document)
    recipe, faults = _with_files(recipe, folder or Path())
    faults += export_faults(recipe.steps, needs_alpha=recipe.needs_alpha)
    _refuse(faults, where, document)
    return recipe


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
    if int(version) > SCHEMA_VERSION:
        raise RecipeError(
            f"{where}: schema is {found(stated)}, which is newer than this tam-edit, "
            f"which reads {toml_value(SCHEMA)}",
            hint="upgrade: pip install --upgrade tam-edit",
        )
    if int(version) < SCHEMA_VERSION:
        raise RecipeError(
            f"{where}: schema is {found(stated)}, a version that never was; "
            f"the oldest is {toml_value(SCHEMA)}",
            hint=first_line,
        )


def _refuse(faults: Sequence[Fault], where: str, document: Mapping[str, object]) -> None:
    if not faults:
        return
    place, trouble, hint = faults[0]
    step = ""
    if len(place) > 1 and place[0] == "steps" and isinstance(place[1], int):
        table = value_at(document, place[:2])
        table = table if isinstance(table, dict) else {}
        name = table.get("effect", table.get("kind"))
        step = f" (step {place[1] + 1}{f', {name}' if isinstance(name, str) else ''})"
    others = len(faults) - 1
    more = f" (and {others} more {'fault' if others == 1 else 'faults'})" if others else ""
    raise RecipeError(f"{where}: {key_path(place)}{step} {trouble}{more}", hint=hint)


def _shape_faults(error: ValidationError, document: Mapping[str, object]) -> list[Fault]:
    faults: dict[Place, Fault] = {}
    for detail in error.errors(include_url=False, include_input=False):
        fault = _shape_fault(detail["type"], detail["loc"], document)
        faults.setdefault(fault.place, fault)  # each branch of a union reports on its own
    # A misspelt key is also a missing one: the spelling is what to mend.
    return sorted(faults.values(), key=lambda fault: fault.trouble != _UNKNOWN_KEY)


def _shape_fault(trouble: str, loc: Place, document: Mapping[str, object]) -> Fault:
    if loc[0] == "steps" and len(loc) <= 2:
        return _step_fault(loc, document)
    part: type[Part] = Recipe
    place = loc[:1]
    if loc[0] == "steps":
        part = STEP_KINDS[str(loc[2])]  # pydantic puts the step's kind behind its position
        place = (*loc[:2], loc[3])
    fields = {field.alias or name: field for name, field in part.model_fields.items()}
    key = str(place[-1])
    if key not in fields:
        return Fault(place, _UNKNOWN_KEY, did_you_mean(key, fields))
    schema = TypeAdapter(fields[key].rebuild_annotation()).json_schema()
    schema["description"] = fields[key].description
    if trouble == "missing" and value_at(document, place) is None:
        return Fault(place, "is missing", f"{key} is {wanted(schema)}: {fields[key].description}")
    inside = schema.get("additionalProperties")
    if isinstance(inside, dict) and len(loc) > 4:
        place, schema = (*place, loc[4]), {**inside, "description": schema["description"]}
    return wrong_value(place, value_at(document, place), schema)


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


def _build_effects(recipe: Recipe) -> tuple[list[EffectUse], list[Fault]]:
    uses, faults = [], []
    for index, step in enumerate(recipe.steps):
        if not isinstance(step, EffectStep):
            continue
        try:
            kind = EFFECTS.get(step.effect)
        except UnknownNameError as error:
            place = ("steps", index, "effect")
            trouble = f"is {found(step.effect)}, but there is no effect of that name"
            faults.append(Fault(place, trouble, error.hint))
            continue
        effect, wrong = build_from_table(kind, step.parameters)
        faults += [f._replace(place=("steps", index, "with", *f.place)) for f in wrong]
        if effect is not None:
            uses.append(EffectUse(step, effect))
            faults += setting_faults(index, step, effect)
    return uses, faults


def _with_files(recipe: Recipe, folder: Path) -> tuple[Recipe, list[Fault]]:
    """The recipe with absolute paths, and a fault for each file that is not there."""
    steps: list[Step] = []
    faults = []
    for index, step in enumerate(recipe.steps):
        if not isinstance(step, EffectStep):
            steps.append(step)
            continue
        kind = EFFECTS.get(step.effect)
        files = file_parameters(kind, step.parameters, folder)
        for name, path in files.items():
            if not path.is_file():
                trouble = f"is {found(step.parameters[name])}, but there is no file {path}"
                hint = "paths are relative to the recipe's own folder"
                faults.append(Fault(("steps", index, "with", name), trouble, hint))
        absolute = {name: str(path) for name, path in files.items()}
        steps.append(step.model_copy(update={"parameters": {**step.parameters, **absolute}}))
    return recipe.model_copy(update={"steps": tuple(steps)}), faults


def recipe_json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a recipe, with the parameters of every known effect."""
    schema = Recipe.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    step = schema["$defs"]["EffectStep"]
    step["properties"]["effect"]["enum"] = list(EFFECTS.names())
    step["allOf"] = [
        {
            "if": {"properties": {"effect": {"const": name}}},
            "then": {"properties": {"with": table_schema(EFFECTS.get(name))}},
        }
        for name in EFFECTS.names()
    ]
    return schema

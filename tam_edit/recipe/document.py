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

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import ConfigDict, Field, PrivateAttr

from tam_edit.effect import EFFECTS, Effect
from tam_edit.errors import UnknownNameError
from tam_edit.recipe.layers import Draft, draft_of
from tam_edit.recipe.parameters import build_from_table
from tam_edit.recipe.settings import setting_faults
from tam_edit.recipe.steps import (
    CheckpointStep,
    EffectStep,
    ExportStep,
    Name,
    Part,
    Step,
    TrackStep,
    VerifyStep,
)
from tam_edit.recipe.text import SCHEMA, Fault, found, toml_document
from tam_edit.recipe.words import in_words


class EffectUse(NamedTuple):
    """An effect, ready to begin, and the step that says on which objects and with what margin."""

    step: EffectStep
    effect: Effect


class Recipe(Part):
    """An ordered list of steps, checked as a whole; ``load_recipe`` reads one."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_alias=True)

    schema_version: Literal["tam_edit.recipe/1"] = Field(
        alias="schema", description="Format and version of this document."
    )
    title: Name = Field(description="What the recipe does, in a few words.")
    description: str = Field(
        default="", description="For whom it is, and what to know before using it."
    )
    steps: tuple[Step, ...] = Field(description="What is done, in this order.")
    _draft: Draft | None = PrivateAttr(default=None)

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
        uses, faults = build_effects(self)
        self.refuse(faults)
        return uses

    def refuse(self, faults: Sequence[Fault]) -> None:
        """Refuse the recipe for what a video or a project shows to be wrong with it.

        Args:
            faults: Each at its place, ``("steps", 2, "in_point")``; none refuses nothing.

        Raises:
            RecipeError: It says in which file and at which key of it the first fault stands.
        """
        draft = self._draft
        if draft is None:
            draft = draft_of(self.model_dump(), f"the recipe {self.title!r}", Path())
        draft.refuse(faults)

    def written_as(self, draft: Draft) -> Recipe:
        """The same recipe, which remembers where each of its keys stands."""
        recipe = self.model_copy()
        recipe._draft = draft
        return recipe

    def __eq__(self, other: object) -> bool:
        """Whether two recipes say the same, wherever they are written."""
        return isinstance(other, Recipe) and self.model_dump() == other.model_dump()

    def __hash__(self) -> int:
        """A number that equal recipes share."""
        return hash(self.title)

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
        for index, step in enumerate(self.steps):
            called = "" if step.name is None else f" [{step.name}]"
            lines.append(f"steps[{index}]  {step.kind:<11}{in_words(step)}{called}")
        return "\n".join(lines)


def build_effects(recipe: Recipe) -> tuple[list[EffectUse], list[Fault]]:
    """The effects of a recipe, each built from its parameters, and all that is wrong with them."""
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

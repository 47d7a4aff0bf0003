"""A recipe put together: the one that it extends, what it changes in it, what was typed.

Every table remembers who wrote each of its keys, so that a fault names the document to mend.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tam_edit.effect import EFFECTS
from tam_edit.errors import RecipeError, did_you_mean
from tam_edit.recipe.order import ROW_OF
from tam_edit.recipe.text import Fault, Place, found, key_path

WITH, RAMPS = "with", "ramps"  # where a parameter is stated, for good or over time
REMOVE, BEFORE = "remove", "before"  # keys of a step that changes another recipe
TYPED = "--set "
SINGLE_KINDS = ("track", "verify")  # of which a recipe has one, so it needs no name


@dataclass(frozen=True)
class Written:
    """Who wrote something.

    Attributes:
        where: What messages call the document.
        number: Of the step in it, counted from 0.
        folder: Where files are looked for that are named there.
    """

    where: str
    number: int
    folder: Path


@dataclass
class Step:
    """A step's table as it is put together.

    Attributes:
        table: Key → value.
        home: Who brought the step.
        by: Who wrote a key since, by key, or by ``with`` and the parameter's name.
    """

    table: dict[str, Any]
    home: Written
    by: dict[Place, Written] = field(default_factory=dict)

    @property
    def called(self) -> str:
        """What --set and recipes that extend this one call it."""
        for key in ("name", "effect", "kind"):
            if isinstance(self.table.get(key), str):
                return str(self.table[key])
        return ""

    def writer(self, place: Place) -> Written:
        """Who wrote what stands at a place inside the table."""
        return next(
            (self.by[place[:n]] for n in range(len(place), 0, -1) if place[:n] in self.by),
            self.home,
        )

    def change(self, table: Mapping[str, Any], by: Written) -> None:
        """Take another table's values; parameters and other tables are taken key by key.

        A ramp takes the place of the constant that stands here, and a constant that of the ramp;
        and a parameter that of its alternatives.
        """
        self._give_way(WITH, table.get(RAMPS))
        self._give_way(RAMPS, table.get(WITH))
        self._give_way(WITH, self._alternatives(table.get(WITH)))
        for key, value in table.items():
            known = self.table.get(key)
            if isinstance(value, dict) and isinstance(known, dict):
                self.table[key] = {**known, **value}
                self.by.update({(key, inner): by for inner in value})
            else:
                self.table[key] = value
                self.by[(key,)] = by

    def _alternatives(self, stated: object) -> dict[str, None]:
        """The parameters that what is stated takes the place of."""
        effect = self.table.get("effect")
        if not (isinstance(stated, dict) and isinstance(effect, str) and effect in EFFECTS.names()):
            return {}
        names = EFFECTS.get(effect).alternatives
        return dict.fromkeys(names) if set(names) & set(stated) else {}

    def _give_way(self, key: str, stated: object) -> None:
        known = self.table.get(key)
        if isinstance(known, dict) and isinstance(stated, dict):
            self.table[key] = {name: value for name, value in known.items() if name not in stated}


@dataclass
class Draft:
    """A recipe's document as it is put together.

    Attributes:
        where: What messages call the document that was asked for.
        head: Its keys beside the steps.
        steps: Its steps; None where they are no list of tables, as they stand in ``head``.
        typed: Per key of the head, who typed it on the command line.
    """

    where: str
    head: dict[str, Any]
    steps: list[Step] | None
    typed: dict[str, Written] = field(default_factory=dict)

    @property
    def document(self) -> dict[str, Any]:
        """The whole of it."""
        if self.steps is None:
            return self.head
        return {**self.head, "steps": [step.table for step in self.steps]}

    def refuse(self, faults: Sequence[Fault]) -> None:
        """Raise an error about the first of some faults, at the place where it was written."""
        if not faults:
            return
        # A name that is missing is the least of them.
        place, trouble, hint = min(faults, key=lambda fault: fault.place == ("title",))
        where, step = self.where, ""
        if place and place[0] in self.typed:
            where = self.typed[str(place[0])].where
        if self.steps is not None and len(place) > 1 and isinstance(place[1], int):
            written = self.steps[place[1]]
            by = written.writer(place[2:])
            name = written.table.get("effect", written.table.get("kind"))
            step = f" ({key_path((name,))})" if isinstance(name, str) else ""
            # What another recipe says is right in itself: the one that extends it is to be mended.
            is_own = by.where in (self.where, where) or by.where.startswith(TYPED)
            where = by.where if is_own else f"{where}, in what it takes from {by.where}"
            place = ("steps", by.number, *place[2:])
        others = len(faults) - 1
        more = f" (and {others} more {'fault' if others == 1 else 'faults'})" if others else ""
        raise RecipeError(f"{where}: {key_path(place)}{step} {trouble}{more}", hint=hint)

    def writer(self, place: Place) -> Written:
        """Who wrote what stands at a place inside a step."""
        if self.steps is None or not isinstance(place[1], int):
            return Written(self.where, 0, Path())
        return self.steps[place[1]].writer(place[2:])


def draft_of(document: Mapping[str, Any], where: str, folder: Path) -> Draft:
    """A document as its author wrote it."""
    head = dict(document)
    steps = head.get("steps")
    if not (isinstance(steps, list) and all(isinstance(step, dict) for step in steps)):
        return Draft(where, head, None)
    del head["steps"]
    return Draft(
        where,
        head,
        [Step(copy.deepcopy(t), Written(where, i, folder)) for i, t in enumerate(steps)],
    )


def extend(base: Draft, change: Draft) -> Draft:
    """A recipe with another one's changes.

    A step with the name of one of the base's steps changes that one; so does a track or a verify
    step without a name. All others are added behind the steps of their kind, a matte step in front
    of the effects, or any in front of the one that ``before`` names. ``remove = true`` takes a
    step away.

    Raises:
        RecipeError: A change of a step that is not there, or one of another kind.
    """
    head = {**base.head, **{k: v for k, v in change.head.items() if k != "extends"}}
    if change.steps is None and "steps" in change.head:
        return Draft(change.where, head, None)  # what stands there is no list of tables
    steps = copy.deepcopy(base.steps or [])
    for index, step in enumerate(change.steps or []):
        faults = _put(step, steps, index)
        change.refuse([Fault(("steps", index, *f.place), f.trouble, f.hint) for f in faults])
    return Draft(change.where, head, steps)


def _put(step: Step, steps: list[Step], index: int) -> list[Fault]:
    """Let one step of a change do what it is there for."""
    table = dict(step.table)
    is_removed, before = table.pop(REMOVE, False), table.pop(BEFORE, None)
    if not isinstance(is_removed, bool):
        trouble = f"is {found(is_removed)}, but must be true or false"
        return [Fault((REMOVE,), trouble, "write remove = true")]
    name, kind = table.get("name"), table.get("kind")
    wanted = name if name is not None else kind if kind in SINGLE_KINDS else None
    if wanted is None and kind is None:
        names = ", ".join(other.called for other in steps)
        hint = f"name one of {names} to change it, or give a new step its kind"
        return [Fault((), "has neither a name nor a kind", hint)]
    alike = [other for other in steps if wanted in (other.called, other.table["kind"])]
    if len(alike) > 1 and kind is None:
        hint = "give the steps of the recipe that is extended names of their own"
        return [Fault(("name",), f"is {found(wanted)}, but there are several of it", hint)]
    if len(alike) == 1 and (kind is None or kind == alike[0].table["kind"]):
        return _change(step, table, alike[0], steps, index, before, is_removed=is_removed)
    return _add(step, table, steps, before, is_removed=is_removed)


def _change(
    step: Step,
    table: dict[str, Any],
    old: Step,
    steps: list[Step],
    index: int,
    before: object,
    *,
    is_removed: bool,
) -> list[Fault]:
    if before is not None:
        hint = "only a new step has a place to be told; leave it out"
        return [Fault((BEFORE,), f"does nothing: {old.called!r} is there already", hint)]
    if is_removed:
        steps.remove(old)
    else:
        old.change(table, replace(step.home, number=index))
    return []


def _add(
    step: Step, table: dict[str, Any], steps: list[Step], before: object, *, is_removed: bool
) -> list[Fault]:
    names = [other.called for other in steps]
    if is_removed or "kind" not in table:
        name = str(table.get("name", table.get("kind")))
        trouble = f"is {found(name)}, but the recipe that is extended has no such step"
        return [Fault(("name",), trouble, did_you_mean(name, names))]
    if before is None:
        row = ROW_OF.get(str(table["kind"]), len(ROW_OF))
        at = sum(1 for other in steps if ROW_OF.get(other.table["kind"], 0) <= row)
        kinds = [other.table["kind"] for other in steps]
        if table["kind"] == "matte" and "effect" in kinds:
            at = kinds.index("effect")  # so that all of them see what it does
    elif before in names:
        at = names.index(str(before))
    else:
        trouble = f"is {found(before)}, but the recipe that is extended has no such step"
        return [Fault((BEFORE,), trouble, did_you_mean(str(before), names))]
    steps.insert(at, Step(table, step.home))
    return []

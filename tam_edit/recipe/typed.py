"""Settings that are typed beside a recipe: ``--set STEP.KEY=VALUE``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from tam_edit.effect import EFFECTS
from tam_edit.errors import RecipeError, did_you_mean
from tam_edit.parameters import parameters_of
from tam_edit.recipe.layers import TYPED, Draft, Step, Written
from tam_edit.recipe.order import ROW_OF
from tam_edit.recipe.steps import STEP_KINDS

HEAD_KEYS = ("title", "description")
EXPORT = "export"
OBJECTS, ALL = "objects", "all"
_NUMBERED = re.compile(r"steps\[(\d+)\]")


def apply_typed(draft: Draft, settings: Sequence[str]) -> None:
    """Put typed settings into a draft, in place, one after the other.

    Args:
        draft: A recipe put together.
        settings: ``PATH=VALUE`` each. The path is ``title``, ``description``, or a step, by its
            name, kind or effect, and a key of it: ``track.short_side_px``, ``fill.with.color`` or
            shorter ``fill.color``, ``steps[2].margin_px``. The value is TOML; what is none is text,
            of ``objects`` names with commas between them.

    Raises:
        RecipeError: It is not of that form, or the recipe has no such step or key.
    """
    for text in settings:
        where = f"{TYPED}{text}"
        path, equals, value = text.partition("=")
        keys = [key.strip() for key in path.split(".")]
        if not equals or not all(keys):
            raise RecipeError(
                f"{where}: this is not of the form PATH=VALUE",
                hint="for example --set track.short_side_px=720 or --set blur.strength=2",
            )
        by = Written(where, 0, Path())
        if len(keys) == 1 and keys[0] in HEAD_KEYS:
            draft.head[keys[0]] = _value(value)
            draft.typed[keys[0]] = by
            continue
        if keys[0] == EXPORT:
            _state_export(draft, by)
        index, step = _step(draft, keys[0], where)
        inside = _inside(step, keys[1:], where)
        table: Any = _value(value)
        if inside[-1] == OBJECTS and isinstance(table, str) and table != ALL:
            table = [name.strip() for name in table.split(",")]
        for key in reversed(inside):
            table = {key: table}
        step.change(table, replace(by, number=index))


def _state_export(draft: Draft, by: Written) -> None:
    """Write down the one export of a recipe that states none, so that it can be changed."""
    steps = draft.steps or []
    if any(EXPORT in (step.called, step.table.get("kind")) for step in steps):
        return
    row = ROW_OF[EXPORT]
    at = sum(ROW_OF.get(str(step.table.get("kind")), 0) <= row for step in steps)
    steps.insert(at, Step({"kind": EXPORT}, by))


def _value(text: str) -> Any:
    text = text.strip()
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except ValueError:
        return text
    return text if isinstance(value, date | datetime | time) else value


def _step(draft: Draft, name: str, where: str) -> tuple[int, Step]:
    steps = draft.steps or []
    numbered = _NUMBERED.fullmatch(name)
    if numbered is not None:
        index = int(numbered[1])
        if index < len(steps):
            return index, steps[index]
        raise RecipeError(
            f"{where}: the recipe has the steps 0 to {len(steps) - 1}, not {index}",
            hint="`tam-edit presets show` lists them",
        )
    called = [i for i, step in enumerate(steps) if step.called == name]
    of_kind = [
        i
        for i, step in enumerate(steps)
        if name in (step.table.get("kind"), step.table.get("effect"))
    ]
    found = called or of_kind
    if len(found) == 1:
        return found[0], steps[found[0]]
    if found:
        numbers = " or ".join(f"steps[{i}]" for i in found)
        raise RecipeError(
            f"{where}: the recipe has {len(found)} steps called {name!r}",
            hint=f"write {numbers} instead of {name}",
        )
    names = [*(step.called for step in steps), *HEAD_KEYS]
    having = [f"{step.called}.{name}" for step in steps if name in _keys_of(step)]
    raise RecipeError(
        f"{where}: the recipe has no step called {name!r}",
        hint=f"did you mean {' or '.join(having)}?" if having else did_you_mean(name, names),
    )


def _inside(step: Step, keys: Sequence[str], where: str) -> list[str]:
    """A path inside a step; an effect's parameter may be written without ``with``."""
    known = _keys_of(step)
    if not keys:
        raise RecipeError(
            f"{where}: this names a step, but none of its keys",
            hint=f"{step.called} has: {', '.join(known)}",
        )
    if keys[0] not in known:
        raise RecipeError(
            f"{where}: the step {step.called!r} has no key called {keys[0]!r}",
            hint=did_you_mean(keys[0], known),
        )
    return [*known[keys[0]], *keys]


def _keys_of(step: Step) -> dict[str, tuple[str, ...]]:
    """What can be set of a step, with the keys of the tables in it that this stands in."""
    kind = STEP_KINDS.get(str(step.table.get("kind")))
    fields = [] if kind is None else [f.alias or n for n, f in kind.model_fields.items()]
    effect = step.table.get("effect")
    own = parameters_of(EFFECTS.get(effect)) if effect in EFFECTS.names() else ()
    return {
        **dict.fromkeys((parameter.name for parameter in own), ("with",)),
        **dict.fromkeys((name for name in fields if name not in ("kind", "name")), ()),
    }

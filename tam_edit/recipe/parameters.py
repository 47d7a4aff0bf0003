"""An effect built from a recipe's table: every fault is found, at the parameter that it is in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from tam_edit.errors import InputError, did_you_mean
from tam_edit.parameters import Parameter, parameters_of
from tam_edit.recipe.text import Fault, found, is_quoted_number

T = TypeVar("T")

_ALLOWED = ", but must be "


def build_from_table(kind: type[T], table: Mapping[str, object]) -> tuple[T | None, list[Fault]]:
    """An effect from a recipe's table, or everything that is wrong with the table.

    Args:
        kind: The effect's class; its fields all have defaults, and making one raises
            :class:`InputError` for a value that cannot be used.
        table: Parameter name → value as TOML gives it.

    Returns:
        The effect and no fault, or None and at least one fault; places start inside the table.
    """
    known = {parameter.name: parameter for parameter in parameters_of(kind)}
    faults = [
        Fault((name,), "is not one of its parameters", did_you_mean(name, known))
        for name in table
        if name not in known
    ]
    try:
        possible = {name: value for name, value in table.items() if name in known}
        effect = kind(**possible)
    except InputError as error:
        alone = [_fault_of(kind, known[name], value) for name, value in possible.items()]
        faults += [fault for fault in alone if fault is not None]
        if not faults:  # each value is possible, but not with or without the others
            hint = error.hint or "`tam-edit effects show` explains an effect's parameters"
            faults = [Fault((), f"does not hold together: {error}", hint)]
    return (None, faults) if faults else (effect, [])


def _fault_of(kind: type[Any], parameter: Parameter, value: object) -> Fault | None:
    """What is wrong with one value whatever the others are; None where nothing is."""
    name = parameter.name
    try:
        kind(**{name: value})
    except InputError as error:
        told, _, allowed = str(error).rpartition(_ALLOWED)
        if f"{name} is " not in told:
            return None  # it complains about what the others are, or that they are missing
        is_slip = "number" in allowed and is_quoted_number(value)
        hint = f"leave the quotes out: {name} = {value}" if is_slip else f"{name}: {parameter.doc}"
        return Fault((name,), f"is {found(value)}{_ALLOWED}{allowed}", hint)
    return None


def file_parameters(kind: type[object], table: Mapping[str, object]) -> list[str]:
    """The parameters of a table that name a picture or a video."""
    return [
        parameter.name
        for parameter in parameters_of(kind)
        if parameter.kind == "path"
        and isinstance(value := table.get(parameter.name), str)
        and value
    ]


def table_schema(kind: type[object]) -> dict[str, Any]:
    """JSON Schema of the table that :func:`build_from_table` takes for an effect."""
    return {
        "type": "object",
        "properties": {known.name: _value_schema(known) for known in parameters_of(kind)},
        "additionalProperties": False,
    }


def _value_schema(parameter: Parameter) -> dict[str, Any]:
    schema: dict[str, Any] = {"description": parameter.doc}
    match parameter.kind:
        case "number" | "whole":
            low, high = parameter.range
            schema["type"] = "integer" if parameter.kind == "whole" else "number"
            schema |= {"minimum": low} if low is not None else {}
            schema |= {"maximum": high} if high is not None else {}
        case "choice":
            schema["enum"] = list(parameter.choices)
        case "color" | "path":
            schema |= {"type": "string", "minLength": 1}
    if parameter.default is not None:
        schema["default"] = parameter.default
    return schema

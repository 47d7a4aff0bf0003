"""What an effect can be set to: one declaration serves checks, recipes and ``effects show``."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from PIL import ImageColor

from tam_edit.errors import InputError

Kind: TypeAlias = Literal["number", "whole", "choice", "color", "path"]


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One setting as a person sees it.

    Attributes:
        name: Field name.
        kind: ``number``, ``whole`` (an integer), ``choice``, ``color`` or ``path``.
        default: The value where nothing is said; None means "not given".
        doc: One sentence.
        unit: Such as ``"px"``; empty for none.
        range: Smallest and largest value, None for no limit on that side.
        choices: All values of a ``choice``.
    """

    name: str
    kind: Kind
    default: object
    doc: str
    unit: str = ""
    range: tuple[float | None, float | None] = (None, None)
    choices: tuple[str, ...] = ()


def parameter(
    default: object,
    *,
    kind: Kind,
    doc: str,
    unit: str = "",
    at_least: float | None = None,
    at_most: float | None = None,
    choices: Sequence[str] = (),
) -> Any:
    """Declare a dataclass field that is one of an effect's settings.

    Args:
        default: The value where nothing is said; None makes the setting optional.
        kind: What values look like.
        doc: One sentence that a user would say.
        unit: Such as ``"px"``.
        at_least: Smallest allowed number.
        at_most: Largest allowed number.
        choices: The allowed words of a ``choice``.
    """
    metadata = {
        "kind": kind,
        "doc": doc,
        "unit": unit,
        "range": (at_least, at_most),
        "choices": tuple(choices),
    }
    return dataclasses.field(default=default, metadata=metadata)


def parameters_of(owner: type) -> tuple[Parameter, ...]:
    """Every setting of a dataclass that was declared with :func:`parameter`.

    A sub-class that gives an inherited field another default, as a plain value, keeps the rest of
    its declaration.
    """
    declared: dict[str, dict[str, Any]] = {}
    for ancestor in reversed(owner.__mro__):
        for name, field in vars(ancestor).get("__dataclass_fields__", {}).items():
            if "kind" in field.metadata:
                declared[name] = dict(field.metadata)
    return tuple(
        Parameter(name=field.name, default=field.default, **declared[field.name])
        for field in dataclasses.fields(owner)
        if field.name in declared
    )


def check_parameters(instance: object, *, called: str) -> None:
    """Refuse a value that a setting cannot have.

    Args:
        instance: A dataclass instance whose fields were declared with :func:`parameter`.
        called: The name that the message starts with.

    Raises:
        InputError: It names the field, the value and what is allowed.
    """
    for known in parameters_of(type(instance)):
        value = getattr(instance, known.name)
        if value is None and known.default is None:
            continue
        allowed = _complaint(known, value)
        if allowed:
            raise InputError(f"{called}: {known.name} is {value!r}, but must be {allowed}")


def rgb_of(color: str) -> tuple[int, int, int]:
    """The red, green and blue of a colour, 0 to 255 each.

    Args:
        color: ``"#rrggbb"``, ``"#rgb"`` or a CSS name such as ``"black"``.

    Raises:
        InputError: It is neither.
    """
    is_word = isinstance(color, str) and (color.startswith("#") or color.isalpha())
    try:
        rgb = ImageColor.getrgb(color) if is_word else ()
    except ValueError:
        rgb = ()
    if len(rgb) != 3:
        raise InputError(f"{color!r} is no colour: write #rrggbb or a CSS name such as black")
    return rgb


def _complaint(known: Parameter, value: object) -> str:
    """What is allowed, where the value is not; empty where it is."""
    if known.kind in ("number", "whole"):
        return "" if _is_in_range(known, value) else _range_in_words(known)
    if known.kind == "choice":
        return "" if value in known.choices else "one of " + ", ".join(known.choices)
    if known.kind == "path":
        return "" if isinstance(value, str) and value else "the path of a file, as text"
    try:
        rgb_of(value)  # type: ignore[arg-type]
    except InputError:
        return "#rrggbb or a CSS colour name such as black"
    return ""


def _is_in_range(known: Parameter, value: object) -> bool:
    numbers = (int,) if known.kind == "whole" else (int, float)
    if not isinstance(value, numbers) or isinstance(value, bool) or not math.isfinite(value):
        return False
    low, high = known.range
    return (low is None or value >= low) and (high is None or value <= high)


def _range_in_words(known: Parameter) -> str:
    noun = "a whole number" if known.kind == "whole" else "a number"
    low, high = known.range
    unit = f" {known.unit}" if known.unit else ""
    if low is not None and high is not None:
        return f"{noun} from {low:g} to {high:g}{unit}"
    if low is not None:
        return f"{noun} of at least {low:g}{unit}"
    return f"{noun} of at most {high:g}{unit}" if high is not None else noun

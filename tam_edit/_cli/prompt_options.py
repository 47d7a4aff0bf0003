"""Reads clicks, boxes and masks from the command line, in the order in which they were given."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from tam_edit._cli.command import Command
from tam_edit._cli.positions import frame_of
from tam_edit.errors import InputError
from tam_edit.media import Source
from tam_edit.prompts import ObjectPrompts, Prompts
from tam_edit.review.words import quoted
from tam_edit.types import Mask

FLAGS = ("--click", "--not", "--box", "--mask", "--gone", "--object")
FIRST_OBJECT = "object"


@dataclass(frozen=True, kw_only=True)
class PromptItem:
    """One prompt as it was typed.

    Attributes:
        kind: ``click``, ``not``, ``box``, ``mask`` or ``gone``.
        object_name: The object it is about; None where no name was given.
        value: The text before ``@``; empty for ``gone``.
        position: The text after ``@``, a frame or a time, for ``gone`` two of them with ``-``
            between; None for the in point.
    """

    kind: str
    object_name: str | None
    value: str
    position: str | None


class PromptCommand(Command):
    """A command that knows in which order its prompt options were given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Note the order of the prompt options, then parse as usual."""
        names = [argument.split("=", 1)[0] for argument in args]
        ctx.meta["prompt_order"] = [name for name in names if name in FLAGS]
        return super().parse_args(ctx, args)


def prompt_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the prompt options, each repeatable."""
    options = (
        ("--click", "X,Y[@FRAME]", "A point on the object."),
        ("--not", "X,Y[@FRAME]", "A point that is not on the object."),
        ("--box", "X0,Y0,X1,Y1[@FRAME]", "A rectangle around the object."),
        ("--mask", "FILE.png[@FRAME]", "The painted object; a palette PNG holds several."),
        ("--gone", "A[-B]", "The object is not there on A to B; without B, until prompted again."),
        ("--object", "NAME", "Starts the next object."),
    )
    for flag, metavar, text in reversed(options):
        name = flag.removeprefix("--") + "_values"
        command = click.option(flag, name, metavar=metavar, multiple=True, help=text)(command)
    return command


def prompt_items(context: click.Context) -> list[PromptItem]:
    """The prompts of a command line, in order, each with its object's name."""
    waiting = {flag: iter(context.params[flag.removeprefix("--") + "_values"]) for flag in FLAGS}
    items: list[PromptItem] = []
    object_name: str | None = None
    unsaid: str | None = None
    for flag in context.meta["prompt_order"]:
        value = next(waiting[flag])
        if flag == "--object":
            _check_said(unsaid)
            object_name = unsaid = value
            continue
        unsaid = None
        text, _, position = ("", "", value) if flag == "--gone" else value.rpartition("@")
        if (flag != "--gone" and not text) or (flag == "--mask" and Path(value).exists()):
            text, position = value, ""
        items.append(
            PromptItem(
                kind=flag.removeprefix("--"),
                object_name=object_name,
                value=text,
                position=position or None,
            )
        )
    _check_said(unsaid)
    return items


def _check_said(object_name: str | None) -> None:
    """Refuse an object of which nothing is said: it would be left out of the work in silence."""
    if object_name is not None:
        raise click.UsageError(
            f"nothing is said of --object {object_name}: where it is comes after its name, such as "
            f"--object {object_name} --box 320,180,400,260"
        )


def resolve(
    items: Sequence[PromptItem], source: Source, in_frame: int, names: Sequence[str] = ()
) -> list[ObjectPrompts]:
    """Typed prompts as prompts on frames of a video.

    Args:
        items: In the order in which they were typed.
        source: The video; times and timecodes are looked up in it.
        in_frame: The frame of a prompt without a position.
        names: The objects that are there already.

    Returns:
        One entry per object and frame, in the order of their first mention.

    Raises:
        InputError: A value that cannot be read, a frame that does not exist, or it is not said
            which of several objects is meant.
    """
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for item in items:
        first, _, last = (item.position or "").partition("-" if item.kind == "gone" else "\0")
        option = f"--{item.kind}"
        frame = in_frame if item.position is None else frame_of(option, first, source)
        for name, kind, value in _values(item, names):
            said = found.setdefault(
                (name, frame),
                {"positive": (), "negative": (), "box": None, "mask": None, "gone": None},
            )
            if kind in ("positive", "negative"):
                said[kind] += (value,)
            elif said[kind] is not None:
                raise InputError(
                    f"frame {frame} has two --{kind} options for {name!r}",
                    hint=f"give one --{kind} per object and frame, or start another --object",
                )
            else:
                said[kind] = value
            if last:
                said["gone_last"] = _last(item, frame, frame_of(option, last, source))
    return [
        ObjectPrompts(
            object_name=name,
            frame_index=frame,
            prompts=Prompts(**{**said, "gone": bool(said["gone"])}),
        )
        for (name, frame), said in found.items()
    ]


def _object_of(item: PromptItem, names: Sequence[str]) -> str:
    """The object that a prompt is about: the named one, else the only one."""
    if item.object_name is not None:
        return item.object_name
    if not names or FIRST_OBJECT in names:
        return FIRST_OBJECT
    if len(names) == 1:
        return names[0]
    raise InputError(
        f"there are {len(names)} objects, and it is not said which one is meant",
        hint=f"put --object NAME before it: {', '.join(map(quoted, names))}, or a new name",
    )


def _values(item: PromptItem, names: Sequence[str]) -> list[tuple[str, str, Any]]:
    """Object name, field of ``Prompts`` and value; several for a mask with several objects."""
    if item.kind == "mask":
        masks = read_masks(Path(item.value))
        if len(masks) > 1:
            prefix = item.object_name or FIRST_OBJECT
            return [(f"{prefix}-{index}", "mask", mask) for index, mask in masks.items()]
        return [(_object_of(item, names), "mask", mask) for mask in masks.values()]
    name = _object_of(item, names)
    if item.kind == "gone":
        if item.position is None or item.position.endswith("-"):
            raise InputError(
                f"--gone {item.position or ''}: this is not a frame or a time, nor two of them",
                hint="for example --gone 60, --gone 60-75 or --gone 00:00:02.400-00:00:03.000",
            )
        return [(name, "gone", True)]
    if item.kind == "box":
        return [(name, "box", _numbers(item, 4, "X0,Y0,X1,Y1"))]
    kind = "positive" if item.kind == "click" else "negative"
    return [(name, kind, _numbers(item, 2, "X,Y"))]


def _last(item: PromptItem, first: int, last: int) -> int:
    if last < first:
        raise InputError(f"--gone {item.position}: the last frame comes before the first")
    return last


def _numbers(item: PromptItem, count: int, form: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(part) for part in item.value.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != count or not np.isfinite(numbers).all():
        is_template = re.search(r"[XY]", item.value) is not None
        trouble = f"this is not of the form {form}[@FRAME]"
        raise InputError(
            f"--{item.kind} {item.value}: "
            f"{f'{item.value} stands for numbers, put them in' if is_template else trouble}",
            hint=f"for example --{item.kind} " + ",".join(["320", "180", "400", "260"][:count]),
        )
    return numbers


def read_masks(path: Path) -> dict[int, Mask]:
    """The objects in a mask picture, by their value.

    Args:
        path: A PNG. 0 is background. A palette PNG holds one object per index; in any other
            picture everything that is not 0 is one object.

    Raises:
        InputError: The file is missing, no picture, or empty.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            is_palette = picture.mode == "P"
            values = np.asarray(picture if is_palette else picture.convert("L"))
    except FileNotFoundError as error:
        raise InputError(
            f"--mask {path}: there is no such file", hint="check the path of the painted mask"
        ) from error
    except (UnidentifiedImageError, OSError) as error:
        raise InputError(
            f"--mask {path}: this is not a picture that can be read",
            hint="paint the object with a non-zero value on black and save it as PNG",
        ) from error
    if is_palette:
        return {int(v): values == v for v in np.unique(values) if v != 0} or {1: values != 0}
    return {1: values != 0}

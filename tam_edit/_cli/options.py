"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from fractions import Fraction
from functools import wraps
from pathlib import Path
from typing import Any

import click

from tam_edit._cli.work import Start
from tam_edit.models import AUTO, DEVICES
from tam_edit.session import DEFAULT_SHORT_SIDE, ON_DOUBT
from tam_edit.tracking import AT_CUTS, AtCuts


class Rate(click.ParamType[Fraction]):
    """Frames per second: ``25``, ``29.97`` or ``30000/1001``."""

    name = "rate"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Fraction:
        """An exact, positive rate."""
        if isinstance(value, Fraction):
            return value
        try:
            rate = Fraction(str(value))
        except (ValueError, ZeroDivisionError):
            self.fail(f"{value!r} is no frame rate; write 25, 29.97 or 30000/1001", param, ctx)
        if rate <= 0:
            self.fail(f"{value!r} is no frame rate: it must be above 0", param, ctx)
        return rate


class OutputPath(click.ParamType[str]):
    """The name of a file or folder that is to be written, as it was typed.

    A plain string: a Path would lose the slash that says "folder".
    """

    name = "output"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name, unless it is that of a folder which is there in any case."""
        text = str(value)
        if Path(text).name in ("", ".."):
            self.fail(
                f"{text!r} names nothing that can be written: give the output a name of its own, "
                "such as out.mp4, or out/ for a folder",
                param,
                ctx,
            )
        return text


def output_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``-o``: where the output goes; the command gets it as ``target``."""
    return click.option(
        "-o",
        "--output",
        "target",
        required=True,
        type=OutputPath(),
        metavar="OUT",
        help="Output file; a folder of PNG pictures ends in a slash.",
    )(command)


def points_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--in`` and ``--out``; the command gets them as ``in_point`` and ``out_point``."""
    add_in = click.option(
        "--in",
        "in_point",
        metavar="T",
        help="In point: a frame (120), a time (HH:MM:SS.mmm or 4.8s) or a timecode (HH:MM:SS:FF).",
    )
    add_out = click.option(
        "--out",
        "out_point",
        metavar="T",
        help="Out point, written like the in point: the first frame that is left out.",
    )
    return add_in(add_out(command))


def start_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options of a command that may begin a project; it gets them as ``start``."""

    @points_options
    @click.option("--fps", type=Rate(), help="Rate of a folder of frames (25 if not given).")
    @click.option("--model", default=AUTO, show_default=True, help="Models to track with.")
    @click.option("--device", type=click.Choice(DEVICES), default="auto", show_default=True)
    @click.option(
        "--size",
        "short_side",
        type=click.IntRange(min=16),
        help=f"Short side for tracking, in pixels; {DEFAULT_SHORT_SIDE} if nothing is said.",
    )
    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        start = Start(**{field.name: kwargs.pop(field.name) for field in fields(Start)})
        return command(*args, start=start, **kwargs)

    return wrapped


def loop_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that switch steps of tracking; the command gets what was typed as ``loop``."""

    @click.option(
        "--assess/--no-assess",
        default=None,
        help="Weigh the tracker's own scores with what the pictures say, or take them as they are.",
    )
    @click.option("--no-refine", is_flag=True, help="Hand no mask to the segmenter.")
    @click.option(
        "--refine-below",
        type=click.FloatRange(0, 1),
        help="Hand masks with a lower score to the segmenter; 0 hands it none.",
    )
    @click.option(
        "--at-cuts",
        type=click.Choice(AT_CUTS),
        help="Where the video is cut: ask where the object is, look for it, or ignore cuts.",
    )
    @wraps(command)
    def wrapped(
        *args: Any,
        assess: bool | None,
        no_refine: bool,
        refine_below: float | None,
        at_cuts: AtCuts | None,
        **kwargs: Any,
    ) -> Any:
        if no_refine and refine_below:
            raise click.UsageError("--no-refine and --refine-below contradict each other")
        typed = {
            "assesses": assess,
            "refine_below": 0.0 if no_refine else refine_below,
            "at_cuts": at_cuts,
        }
        loop = {name: value for name, value in typed.items() if value is not None}
        return command(*args, loop=loop, **kwargs)

    return wrapped


def on_doubt_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--on-doubt``: what a checkpoint does with frames that look wrong."""
    return click.option(
        "--on-doubt",
        type=click.Choice(ON_DOUBT),
        default="stop",
        show_default=True,
        help="At frames that the preset's checkpoint doubts: stop for a person, go on, "
        "or cover them whole.",
    )(command)


def set_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--set``: changes a setting of the recipe; the command gets them as ``settings``."""
    return click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="STEP.KEY=VALUE",
        help="Change a setting of the recipe, such as track.short_side_px=720 or blur.strength=2; "
        "repeatable.",
    )(command)


def plan_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--plan``: says what would be done; the command gets it as ``is_plan``."""
    return click.option(
        "--plan",
        "is_plan",
        is_flag=True,
        help="Say what would be done, on which frames and how long it would take; write nothing.",
    )(command)


def overwrite_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--overwrite``: replace what already stands under the output's name."""
    return click.option("--overwrite", is_flag=True, help="Replace an existing output.")(command)

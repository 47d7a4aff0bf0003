"""``tam-edit evaluate``: how well the models track, against ground truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click
from click.core import ParameterSource

from tam_edit._cli.command import Command
from tam_edit._cli.console import Output, output_options
from tam_edit._cli.options import loop_options
from tam_edit.errors import InputError
from tam_edit.evaluate import (
    evaluate,
    evaluate_clicks,
    find_sequences,
    find_still_objects,
    format_clicks,
    format_report,
)
from tam_edit.models import AUTO, DEVICES, load_models
from tam_edit.review.words import counted
from tam_edit.session import DEFAULT_SHORT_SIDE
from tam_edit.tracking import LoopSettings

HAVE_SAY_ON_CLICKS = {
    *("folder", "clicks_only", "model", "device"),
    *("json_file", "quiet", "verbose"),
}


@click.command("evaluate", cls=Command)
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option(
    "--clicks-only",
    is_flag=True,
    help="Measure the segmenter alone: DIR holds the folders `images` and `masks`, or sequences "
    "of which the first frames are taken; 20 simulated clicks on every object, then its box.",
)
@click.option(
    "--init",
    type=click.Choice(["mask", "click"]),
    default="mask",
    show_default=True,
    help="Begin with the true mask of the first frame, or with simulated clicks on it.",
)
@click.option(
    "--clicks",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Simulated clicks per mask, at the beginning and in corrections.",
)
@click.option(
    "--corrections",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Rounds of corrections, each on the frame of every object with the lowest score.",
)
@click.option(
    "--correct-by",
    type=click.Choice(["click", "mask"]),
    default="click",
    show_default=True,
    help="Correct with simulated clicks, or with the true mask.",
)
@click.option("--model", default=AUTO, show_default=True, help="Models to evaluate.")
@click.option("--device", type=click.Choice(DEVICES), default="auto", show_default=True)
@click.option(
    "--size",
    "short_side",
    type=click.IntRange(min=16),
    default=DEFAULT_SHORT_SIDE,
    show_default=True,
    help="Short side for tracking, in pixels.",
)
@loop_options
@output_options
@click.pass_context
def command(
    context: click.Context,
    folder: Path,
    clicks_only: bool,
    init: Literal["mask", "click"],
    clicks: int,
    corrections: int,
    correct_by: Literal["mask", "click"],
    model: str,
    device: str,
    short_side: int,
    loop: dict[str, Any],
    output: Output,
) -> None:
    """Track every sequence of DIR and score the masks as DAVIS does.

    DIR holds one folder per sequence, each with the folders `frames` and `masks` (one object, or
    index masks with several), or is the folder of DAVIS-2016 or DAVIS-2017. With --clicks-only
    it holds pictures and their masks, and what is measured is how many clicks an object takes:
    mean IoU after 1, 2, 3, 5, 10 and 20 clicks, clicks to 85 % and 90 %, seconds a click.
    """
    if clicks_only:
        _only_clicks(context)
        _measure_clicks(folder, model, device, output)
        return
    sequences = find_sequences(folder)
    models = load_models(model, device)
    output.detail(f"evaluating {models.name!r} on {len(sequences)} sequences")
    with output.progress("evaluating") as progress:
        report = evaluate(
            sequences,
            models,
            short_side=short_side,
            settings=LoopSettings(**loop),
            init=init,
            clicks=clicks,
            corrections=corrections,
            correct_by=correct_by,
            progress=lambda _, done, total: progress(done, total),
        )
    output.say(format_report(report))
    output.result(report.as_json())


def _only_clicks(context: click.Context) -> None:
    """Refuse options that say something about tracking."""
    given = [
        option.opts[0]
        for option in context.command.params
        if option.name not in HAVE_SAY_ON_CLICKS
        and context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
    ]
    if given:
        raise InputError(
            f"{given[0]} has no say with --clicks-only: nothing is tracked",
            hint=f"leave out {' '.join(given)}",
        )


def _measure_clicks(folder: Path, model: str, device: str, output: Output) -> None:
    objects = find_still_objects(folder)
    models = load_models(model, device)
    output.detail(f"clicking on {counted(len(objects), 'object')} with {models.segmenter.name!r}")
    with output.progress("clicking") as progress:
        report = evaluate_clicks(
            objects, models, progress=lambda _, done, total: progress(done, total)
        )
    output.say(format_clicks(report))
    output.result(report.as_json())

"""``tam-edit evaluate``: how well the models track, against ground truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from tam_edit._cli.console import Output, output_options
from tam_edit._cli.options import loop_options
from tam_edit.evaluate import evaluate, find_sequences, format_report
from tam_edit.models import AUTO, DEVICES, load_models
from tam_edit.session import DEFAULT_SHORT_SIDE
from tam_edit.tracking import LoopSettings


@click.command("evaluate")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
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
def command(
    folder: Path,
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
    index masks with several), or is the folder of DAVIS-2016 or DAVIS-2017.
    """
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

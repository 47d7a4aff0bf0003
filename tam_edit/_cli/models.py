"""``tam-edit models``: what can track, and the weights for it."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path

import click

from tam_edit._cli.command import Group
from tam_edit._cli.console import Output, output_options
from tam_edit.errors import InputError, TamEditError
from tam_edit.models import AUTO, MODEL_SUMMARIES, SAM_XMEM, missing_weights, resolve_model
from tam_edit.models.weights import (
    WEIGHTS,
    Fingerprint,
    Weights,
    check,
    fetch,
    installed,
    path_of,
    weights_folder,
    weights_of,
)

EXIT_WRONG = 1


@click.group("models", cls=Group)
def command() -> None:
    """List the models that can track, show one, and fetch weights."""


@command.command("list")
@output_options
def list_models(output: Output) -> None:
    """List every model, which one `auto` takes, and the weights that can be fetched."""
    for name, summary in MODEL_SUMMARIES.items():
        output.say(f"{name}  {summary}")
    output.say(f"{AUTO}  takes {resolve_model(AUTO)!r} on this machine")
    for weights in WEIGHTS.values():
        state = "installed" if path_of(weights.name).is_file() else "not installed"
        output.say(f"{weights.name}  {weights.summary} ({_size(weights)}, {state})")
    output.result(
        {
            "models": MODEL_SUMMARIES,
            AUTO: resolve_model(AUTO),
            "weights": {name: path_of(name).is_file() for name in WEIGHTS},
        }
    )


@command.command("show")
@click.argument("name")
@output_options
def show_model(name: str, output: Output) -> None:
    """Say what the model or the weights NAME are."""
    if name in WEIGHTS:
        weights = WEIGHTS[name]
        output.say(f"{name}: {weights.summary}; {weights.licence}; {_size(weights)}")
        output.say(f"from {weights.url}")
        output.say(f"SHA-256 {weights.sha256 or 'not published; confirmed at the first fetch'}")
        output.result({"name": name, "summary": weights.summary, "url": weights.url})
        return
    resolved = resolve_model(name)
    output.say(f"{resolved}: {MODEL_SUMMARIES[resolved]}")
    if resolved == SAM_XMEM:
        used = [*installed("segmenter")[:1], *installed("propagator")[:1]]
        output.say(f"weights: {', '.join(used) or 'none'} installed")
        for missing in missing_weights():
            output.say(f"missing: tam-edit models fetch {missing}")
    output.result({"name": resolved, "summary": MODEL_SUMMARIES[resolved]})


@command.command("fetch")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Take a file whose SHA-256 nobody has published.")
@output_options
def fetch_weights(names: tuple[str, ...], yes: bool, output: Output) -> None:
    """Download the weights NAME from their authors' server and check them."""
    fetched = {}
    for name in names:
        weights = weights_of(name)
        output.say(f"{name}: {weights.url} ({_size(weights)}, {weights.licence})")

        place = _fetched(name, yes, output)
        fetched[name] = str(place)
        output.say(f"{name} is in {place}")
    output.result({"weights": fetched, AUTO: resolve_model(AUTO)})


@command.command("path")
@click.argument("name", required=False)
@output_options
def print_path(name: str | None, output: Output) -> None:
    """Print where the weights NAME lie, or the folder of all of them."""
    place = weights_folder() if name is None else path_of(name)
    output.say(str(place))
    if name is not None and not place.is_file():
        output.note(f"it is not there yet: tam-edit models fetch {name}")
    output.result({"path": str(place), "exists": place.exists()})


@command.command("check")
@click.argument("name", required=False)
@output_options
def check_weights(name: str | None, output: Output) -> int:
    """Compare the weights NAME, or all that are installed, with what is known of them."""
    names = [n for n in WEIGHTS if path_of(n).is_file()] if name is None else [name]
    results: dict[str, str] = {}
    for each in names:
        try:
            found = check(each)
        except TamEditError as error:
            if name is not None:
                raise
            results[each] = str(error)
            output.say(f"{each}: wrong: {error}")
            continue
        results[each] = found.source
        said = {
            "published": "as its authors published it",
            "pinned": "as it was confirmed at the first fetch",
            "unknown": f"nothing is known of it; tam-edit models fetch {each} confirms it",
        }[found.source]
        output.say(f"{each}: {said} (SHA-256 {found.fingerprint.sha256})")
    if not names:
        output.say(f"no weights are installed in {weights_folder()}")
    output.result({"weights": results})
    is_right = all(state in ("published", "pinned", "unknown") for state in results.values())
    return 0 if is_right else EXIT_WRONG


def _fetched(name: str, yes: bool, output: Output) -> Path:
    with ExitStack() as while_loading:
        progress = while_loading.enter_context(output.progress(name, "bytes"))

        def confirm(weights: Weights, own: Fingerprint) -> bool:
            while_loading.close()  # the bar would be drawn over the question
            output.say(f"{weights.file}: {own.size:,} bytes, SHA-256 {own.sha256}")
            output.say("nobody has published one; this one is written down and holds from now on")
            return yes or _asked(weights)

        return fetch(name, confirm=confirm, progress=progress)


def _asked(weights: Weights) -> bool:
    if not sys.stdin.isatty():
        raise InputError(
            f"{weights.name} needs a person to confirm its SHA-256, and nobody is at the terminal",
            hint=f"tam-edit models fetch {weights.name} --yes takes what the server gives",
        )
    return click.confirm("use it?", err=True)


def _size(weights: Weights) -> str:
    return "size unknown" if weights.size is None else f"{weights.size / 1e6:,.0f} MB"

"""What every command says, where, and in which form."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import click
from rich.console import Console as RichConsole
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from tam_edit.errors import EncodeError

P = ParamSpec("P")
TOLD_EVERY_S = 30.0  # without a terminal


@dataclass(frozen=True, kw_only=True)
class Output:
    """Where a command's words go.

    Attributes:
        json_file: File for the machine-readable result; ``-`` is standard output.
        is_quiet: Whether only errors and asked-for results are printed.
        is_verbose: Whether details are printed too.
    """

    json_file: str | None
    is_quiet: bool
    is_verbose: bool

    def say(self, text: str) -> None:
        """Print a result for a person."""
        if not self.is_quiet:
            click.echo(text, err=self.json_file == "-")

    def note(self, text: str) -> None:
        """Print something that a person should know, beside the result."""
        if not self.is_quiet:
            click.echo(f"note: {text}", err=True)

    def detail(self, text: str) -> None:
        """Print what only a curious person wants to know."""
        if self.is_verbose and not self.is_quiet:
            click.echo(text, err=True)

    def result(self, data: Mapping[str, Any]) -> None:
        """Write the machine-readable result where it was asked for."""
        if self.json_file is None:
            return
        text = json.dumps(data, indent=2, ensure_ascii=False)
        if self.json_file == "-":
            click.echo(text)
            return
        try:
            Path(self.json_file).write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise EncodeError(
                f"{self.json_file}: the JSON result cannot be written ({error.strerror})",
                hint="name a file in a folder that exists and can be written to",
            ) from error

    @contextmanager
    def progress(self, label: str, unit: str = "frames") -> Iterator[Callable[[int, int], None]]:
        """A progress bar with an estimate on standard error; without a terminal a line at times."""
        with self.progress_of(label, unit=unit) as (advance,):
            yield advance

    @contextmanager
    def progress_of(
        self, *labels: str, unit: str = "frames"
    ) -> Iterator[list[Callable[[int, int], None]]]:
        """Progress bars of works that follow one another; each is seen from its first frame on."""
        if not self.is_quiet and not sys.stderr.isatty():
            yield [_told_at_times(label, unit) for label in labels]
            return
        console = RichConsole(stderr=True)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn(unit),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=console, disable=self.is_quiet, transient=True) as bar:
            yield [_advancing(bar, label, is_first=label == labels[0]) for label in labels]


def duration(seconds: float) -> str:
    """About how long, as people say it."""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    if seconds < 90 * 60:
        return f"about {round(seconds / 60)} min"
    return f"about {seconds / 3600:.1f} h"


def _told_at_times(label: str, unit: str) -> Callable[[int, int], None]:
    """Progress for a log: a line every half minute."""
    begin = told = time.monotonic()
    first: int | None = None

    def advance(done: int, total: int) -> None:
        nonlocal begin, told, first
        now = time.monotonic()
        if first is None:
            begin, told, first = now, now, done
        if now - told < TOLD_EVERY_S or not first < done < total:
            return
        told = now
        left = (now - begin) * (total - done) / (done - first)
        click.echo(f"{label}: {done} of {total} {unit}, {duration(left)} left", err=True)

    return advance


def _advancing(bar: Progress, label: str, *, is_first: bool) -> Callable[[int, int], None]:
    task = bar.add_task(label, total=None, visible=is_first, start=is_first)

    def advance(done: int, total: int) -> None:
        if not bar.tasks[task].started:
            bar.start_task(task)
        bar.update(task, completed=done, total=total, visible=True)

    return advance


def output_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command ``--json``, ``--quiet`` and ``-v``; it gets them as ``output``."""

    @click.option(
        "--json", "json_file", metavar="FILE", help="Write the result as JSON; - prints it."
    )
    @click.option("--quiet", "-q", is_flag=True, help="Print errors only.")
    @click.option("--verbose", "-v", is_flag=True, help="Print details too.")
    @wraps(command)
    def wrapped(
        *args: Any, json_file: str | None, quiet: bool, verbose: bool, **kwargs: Any
    ) -> Any:
        output = Output(json_file=json_file, is_quiet=quiet, is_verbose=verbose)
        return command(*args, output=output, **kwargs)

    return wrapped

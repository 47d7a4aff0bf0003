"""The command line: the group, the exit codes and the one place where errors become text."""

from __future__ import annotations

import importlib
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

import click

from tam_edit import __version__
from tam_edit.errors import TamEditError

# Command → module of this package; a command is imported when it is used.
COMMANDS = {
    "run": "run",
    "frame": "frame",
    "new": "new",
    "prompt": "prompt",
    "track": "track",
    "review": "review",
    "history": "history",
    "approve": "approve",
    "render": "render",
    "export": "export",
    "relink": "relink",
    "recomposite": "recomposite",
    "verify": "verify",
    "effects": "effects",
    "presets": "presets",
    "models": "models",
    "evaluate": "evaluate",
    "demo": "demo",
    "doctor": "doctor",
}
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143  # 128 and the signal's number, as shells have it


class _Terminated(KeyboardInterrupt):
    """Somebody asked the process to end: what an interruption cleans up is cleaned up then, too."""


class _Commands(click.Group):
    """Imports a sub-command's module only when that command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        cmd_name: str,
    ) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"tam_edit._cli.{COMMANDS[cmd_name]}")
        command: click.Command = module.command
        return command


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, prog_name="tam-edit")
def app() -> None:
    """Click an object in a video; have it tracked, blurred, redacted or cut out."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit code."""
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:  # noqa: PLR0911 - one per exit code
    """Run the command line.

    Args:
        arguments: What comes after ``tam-edit``; the process's own arguments where left out.

    Returns:
        0 done, 1 it could not be done, 2 usage, 3 a person is wanted, 130 interrupted, 143
        terminated.
    """
    try:
        code = app.main(
            args=None if arguments is None else list(arguments),
            prog_name="tam-edit",
            standalone_mode=False,
        )
    except click.UsageError as error:
        error.show()
        return EXIT_USAGE
    except click.ClickException as error:
        return _fail(error.format_message())
    except (KeyboardInterrupt, click.Abort) as stop:
        is_terminated = isinstance(stop.__cause__ or stop, _Terminated)
        word = "terminated" if is_terminated else "interrupted"
        click.echo(
            f"{word}; repeat the same command to go on: what is tracked is kept, an output that "
            "was being written begins anew",
            err=True,
        )
        return EXIT_TERMINATED if is_terminated else EXIT_INTERRUPTED
    except TamEditError as error:
        return _fail(str(error), error.hint, error.exit_code)
    except MemoryError:
        return _fail("the machine's memory is full", "lower --size or close other programs")
    except OSError as error:
        return _fail(f"{error.filename or 'a file'}: {error.strerror or error}")
    return code if isinstance(code, int) else 0


def _terminate(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - signal's
    raise _Terminated


def _fail(message: str, hint: str = "", exit_code: int = EXIT_FAILED) -> int:
    word = "error" if exit_code == EXIT_FAILED else "review"
    click.echo(f"{word}: {message}", err=True)
    if hint:
        click.echo(f"hint: {hint}", err=True)
    return exit_code

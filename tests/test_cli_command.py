"""What all commands have in common: no value is dropped or split in silence."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from tam_edit._cli import app, run
from tam_edit._cli.command import Command


def commands(group: click.Group, name: str = "") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for each in group.list_commands(context):
        command = group.get_command(context, each)
        if isinstance(command, click.Group):
            yield from commands(command, f"{name}{each} ")
        elif command is not None:
            yield f"{name}{each}", command


def test_every_command_refuses_to_drop_a_value_in_silence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, command in commands(app):
        assert isinstance(command, Command), name
        assert run([*name.split(), "--json", "a.json", "--json", "b.json"]) == 2
        assert "--json is given 2 times, and it takes one value" in capsys.readouterr().err


def test_repeatable_options_and_flags_may_be_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    shown = ["presets", "show", "blur-object", "-q", "-q"]
    assert run(shown) == 0
    taken = ["run", "blur-object", "no.mp4", "--click", "1,1", "--click", "2,2", "-o", "out.mp4"]
    assert run(taken) == 1
    assert "no.mp4" in capsys.readouterr().err
    assert run([*taken, "--output", "other.mp4"]) == 2
    assert "--output is given 2 times" in capsys.readouterr().err


def test_a_missing_option_is_told_as_ever(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["approve", "shot.tam"]) == 2
    assert "Missing option '--reason'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["--click", "62", "43"], "--click 62,43"),
        (["--click", "1,2", "--not", "6,", "4.5@3"], "--not 6,4.5@3"),
        (["--box", "1", "2", "30", "40"], "--box 1,2,30,40"),
    ],
)
def test_a_place_that_is_written_with_spaces_is_told_how(
    given: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["run", "blur-object", "no.mp4", "-o", "out.mp4", *given]) == 2
    assert f"without spaces: {meant}\n" in capsys.readouterr().err
    assert run(["prompt", "no.tam", *given]) == 2
    assert f"without spaces: {meant}\n" in capsys.readouterr().err

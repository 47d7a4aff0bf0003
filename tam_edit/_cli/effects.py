"""``tam-edit effects``: what can be done to an object or around it."""

from __future__ import annotations

import click

from tam_edit._cli.command import Group
from tam_edit._cli.console import Output, output_options
from tam_edit.effect import EFFECTS
from tam_edit.parameters import Parameter, parameters_of


@click.group("effects", cls=Group)
def command() -> None:
    """List the effects and show what they can be set to."""


@command.command("list")
@output_options
def list_effects(output: Output) -> None:
    """List every effect with one sentence."""
    names = EFFECTS.names()
    width = max(map(len, names))
    for name in names:
        output.say(f"{name:<{width}}  {EFFECTS.get(name).summary}")
    output.result({"effects": {name: EFFECTS.get(name).summary for name in names}})


@command.command("show")
@click.argument("name")
@output_options
def show_effect(name: str, output: Output) -> None:
    """Show what the effect NAME can be set to."""
    kind = EFFECTS.get(name)
    output.say(f"{name}: {kind.summary}\n")
    found = parameters_of(kind)
    for parameter in found:
        output.say(f"  {parameter.name} = {_shown(parameter.default)}  {_allowed(parameter)}")
        output.say(f"      {parameter.doc}")
    output.result(
        {
            "name": name,
            "summary": kind.summary,
            "parameters": [
                {
                    "name": p.name,
                    "kind": p.kind,
                    "default": p.default,
                    "unit": p.unit,
                    "range": list(p.range),
                    "choices": list(p.choices),
                    "doc": p.doc,
                }
                for p in found
            ],
        }
    )


def _shown(default: object) -> str:
    return "(not given)" if default is None else repr(default)


def _allowed(parameter: Parameter) -> str:
    if parameter.choices:
        return f"[{' | '.join(parameter.choices)}]"
    low, high = parameter.range
    ends = f"{'' if low is None else f'{low:g}'} … {'' if high is None else f'{high:g}'}"
    limits = "" if low is None and high is None else f" {ends}"
    unit = f" {parameter.unit}" if parameter.unit else ""
    return f"[{parameter.kind}{limits}{unit}]"

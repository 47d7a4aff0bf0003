"""``tam-edit presets``: ready-made recipes."""

from __future__ import annotations

import json

import click

from tam_edit._cli.console import Output, output_options
from tam_edit.presets import load_preset, preset_names
from tam_edit.recipe import recipe_json_schema


@click.group("presets")
def command() -> None:
    """List the presets, show one, or print the schema of recipes."""


@command.command("list")
@output_options
def list_presets(output: Output) -> None:
    """List every preset with its title."""
    titles = {name: load_preset(name).title for name in preset_names()}
    width = max(map(len, titles))
    for name, title in titles.items():
        output.say(f"{name:<{width}}  {title}")
    output.result({"presets": titles})


@command.command("show")
@click.argument("name")
@output_options
def show_preset(name: str, output: Output) -> None:
    """Say in plain words what the preset or recipe file NAME does."""
    recipe = load_preset(name)
    output.say(recipe.describe())
    output.result(recipe.model_dump(mode="json"))


@command.command("schema")
@output_options
def print_schema(output: Output) -> None:
    """Print the JSON Schema of recipes."""
    schema = recipe_json_schema()
    if output.json_file is None:
        output.say(json.dumps(schema, indent=2))
    output.result(schema)

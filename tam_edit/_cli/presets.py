"""``tam-edit presets``: ready-made recipes."""

from __future__ import annotations

import json
import textwrap

import click

from tam_edit._cli.command import Group
from tam_edit._cli.console import Output, output_options
from tam_edit._cli.options import set_option
from tam_edit.presets import load_preset, preset_comment, preset_names
from tam_edit.recipe import SUFFIX, Table, markdown, recipe_json_schema, recipe_tables

WIDTH = 96  # columns of an explanation


@click.group("presets", cls=Group)
def command() -> None:
    """List the presets, show one, or explain what a recipe can say."""


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
@set_option
@click.option("--toml", "as_toml", is_flag=True, help="Print it as a recipe file, to begin one.")
@output_options
def show_preset(name: str, settings: tuple[str, ...], as_toml: bool, output: Output) -> None:
    """Say in plain words what the preset or recipe file NAME does, and why its numbers."""
    recipe = load_preset(name, settings)
    if as_toml:
        output.say(recipe.to_toml().rstrip("\n"))
    else:
        output.say(recipe.describe())
        comment = "" if name.lower().endswith(SUFFIX) else preset_comment(name)
        if comment:
            output.say(f"\n{comment}")
    output.result(recipe.model_dump(mode="json"))


@command.command("fields")
@click.argument("table", required=False)
@click.option("--markdown", "as_markdown", is_flag=True, help="Print tables in Markdown.")
@output_options
def show_fields(table: str | None, as_markdown: bool, output: Output) -> None:
    """Explain every key of a recipe, or those of one kind of step (TABLE)."""
    tables = {known.name: known for known in recipe_tables()}
    if table is not None and table not in tables:
        raise click.UsageError(f"there is no {table!r}; there are: {', '.join(tables)}")
    shown = [known for name, known in tables.items() if table in (None, name)]
    output.say("\n\n".join((markdown if as_markdown else _in_words)(known) for known in shown))
    output.result({known.name: [field._asdict() for field in known.fields] for known in shown})


def _in_words(table: Table) -> str:
    lines = [f"{table.name}: {table.meaning}"]
    for field in table.fields:
        default = f"left out: {field.default}" if field.default else field.needed
        default = f" ({default})" if default else ""
        lines.append(f"  {field.name} = {field.allowed}{default}")
        lines += textwrap.wrap(
            field.meaning, WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6
        )
    return "\n".join(lines)


@command.command("schema")
@output_options
def print_schema(output: Output) -> None:
    """Print the JSON Schema of recipes."""
    schema = recipe_json_schema()
    if output.json_file is None:
        output.say(json.dumps(schema, indent=2))
    output.result(schema)

"""What all commands have in common: no value of an option is dropped or split in silence."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from itertools import takewhile

import click

# With or without the frame that a place is on.
NUMBER = re.compile(r"-?[\d.]+,?(@\S+)?")
# What an option takes that takes several numbers as one word.
SEVERAL = re.compile(r",|-B")


class Command(click.Command):
    """A command that refuses an option that is given twice, instead of taking the last value."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Note what was typed, and parse as usual where no value would be dropped in silence."""
        ctx.meta["typed"] = tuple(args)
        self._check_places(ctx, args)
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        for parameter, count in Counter(order).items():
            if isinstance(parameter, click.Option) and count > 1 and _takes_one(parameter):
                raise click.UsageError(
                    f"{parameter.opts[-1]} is given {count} times, and it takes one value: say it "
                    "once",
                    ctx=ctx,
                )
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            if "unexpected extra argument" not in error.message:
                raise
            message = f"{error.message}: what belongs together has no spaces, or straight quotes"
            raise click.UsageError(message, ctx=ctx) from None

    def _check_places(self, ctx: click.Context, args: list[str]) -> None:
        """Refuse ``--click 620 430``: the second number would be taken for an argument."""
        places = {
            flag: option.metavar
            for option in self.params
            if isinstance(option, click.Option) and SEVERAL.search(option.metavar or "")
            for flag in option.opts
        }
        for at, flag in enumerate(args):
            numbers = list(takewhile(NUMBER.fullmatch, args[at + 1 :]))
            if flag in places and len(numbers) > 1:
                between = "-" if "-B" in str(places[flag]) else ","
                numbers = [numbers[0], *(number.lstrip("-") for number in numbers[1:])]
                meant = between.join(number.rstrip(",") for number in numbers)
                raise click.UsageError(
                    f"{flag} takes {places[flag]} without spaces: {flag} {meant}",
                    ctx=ctx,
                )


def typed_command(context: click.Context) -> str:
    """The command of a context as it was typed, in words that a shell can read."""
    return shlex.join(["tam-edit", str(context.info_name), *context.meta["typed"]])


class Group(click.Group):
    """A group of such commands."""

    command_class = Command


def _takes_one(option: click.Option) -> bool:
    return not (option.multiple or option.is_flag or option.count)

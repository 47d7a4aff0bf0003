"""What all commands have in common: an option that takes one value is given once."""

from __future__ import annotations

from collections import Counter

import click


class Command(click.Command):
    """A command that refuses an option that is given twice, instead of taking the last value."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse as usual, once it is clear that no value would be dropped in silence."""
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        for parameter, count in Counter(order).items():
            if isinstance(parameter, click.Option) and count > 1 and _takes_one(parameter):
                raise click.UsageError(
                    f"{parameter.opts[-1]} is given {count} times, and it takes one value: say it "
                    "once",
                    ctx=ctx,
                )
        return super().parse_args(ctx, args)


class Group(click.Group):
    """A group of such commands."""

    command_class = Command


def _takes_one(option: click.Option) -> bool:
    return not (option.multiple or option.is_flag or option.count)

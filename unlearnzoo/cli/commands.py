"""Subcommands that are imported when they are called, plugins' own among them."""

import importlib
from collections.abc import Mapping
from typing import Any

import click

from ..errors import PluginError
from ..options import nearest
from ..registry import entry_points
from ..registry.names import Table
from ..terminal import printable


class _Help(click.HelpFormatter):
    """Makes visible what could move the cursor: plugins and their metadata write part of the help."""

    def getvalue(self) -> str:
        """Return the help as it is printed."""
        return printable(super().getvalue(), keep="\n")


class _Context(click.Context):
    formatter_class = _Help


class Commands(click.Group):
    """A group whose commands are named by ``module:attribute``.

    Distributions add commands under the entry-point group ``unlearnzoo.commands``.
    """

    context_class = _Context

    def __init__(self, *args: Any, lazy: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all names, sorted."""
        added = set(_added().names()) - set(self.lazy)
        return sorted({*self.lazy, *added})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None where there is none of that name.

        Raises:
            PluginError: a plugin's command cannot be imported.
        """
        if cmd_name in self.lazy:
            module, _, attribute = self.lazy[cmd_name].partition(":")
            command: click.Command = getattr(importlib.import_module(module), attribute)
            return command
        added = _added()
        key = added.find(cmd_name)
        return None if key is None else _load(added[key])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Look up the command that the line names; say the nearest where there is none."""
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            raise click.UsageError(f"no command {name!r}{nearest(name, self.list_commands(ctx), 'there is')}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help's list of commands; of plugins' commands the summary, without importing them."""
        added = _added()
        rows = []
        for name in self.list_commands(ctx):
            key = None if name in self.lazy else added.find(name)
            if key is not None:
                rows.append((name, added[key].summary))
            elif command := self.get_command(ctx, name):
                rows.append((name, command.get_short_help_str(formatter.width)))
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _added() -> Table[entry_points.PluginInfo]:
    """Return what plugins add."""
    table: Table[entry_points.PluginInfo] = Table("command")
    for row in entry_points.find():
        if row.group == entry_points.COMMANDS and row.status == "found":
            table[f"{row.distribution}/{row.name}"] = row
    return table


def _load(row: entry_points.PluginInfo) -> click.Command:
    try:
        command = row.load()
        if not isinstance(command, click.Command):
            raise PluginError(f"its entry point holds a {type(command).__name__}; expected a click command")
    except (Exception, SystemExit) as error:
        raise PluginError(f"command {row.name!r} of {row.label} is broken: {entry_points.reason(error)}") from error
    _show_safely(command)
    return command


def _show_safely(command: click.Command) -> None:
    """Let the help of a plugin's command, and of those below it, be ours."""
    command.context_class = _Context
    for below in getattr(command, "commands", {}).values():
        _show_safely(below)

"""``unlearnzoo plugins``: what is installed, where it comes from, and what is wrong with it."""

import contextlib
import warnings
from pathlib import Path
from typing import TypedDict

import click

from ..errors import PluginError, PluginWarning
from ..registry.entry_points import COMMANDS, HOOKS, MODELS, PluginInfo, Status, advice
from ..registry.zoo import Zoo
from ..terminal import table, wrapped
from .common import as_json_option, plugin_option, show_json

#: Seconds that importing one plugin may take; all of them are imported by every command.
SLOW = 0.2


@click.command()
@click.option("--times", is_flag=True, help="Say what importing each took, and which one slows down every command.")
@plugin_option()
@as_json_option()
def plugins(times: bool, files: tuple[Path, ...], as_json: bool) -> None:
    """List plugins, the broken and the switched-off ones with the reason."""
    rows = rows_of(files)
    if as_json:
        show_json(rows)
        return
    if not rows:
        click.echo("no plugin is installed; try: pip install unlearnzoo-npo")
    text = table(
        [
            (
                r["status"],
                *([f"{1000 * r['seconds']:.0f} ms"] if times else []),
                r["distribution"],
                r["version"],
                ", ".join(r["provides"]),
                r["where"],
            )
            for r in rows
        ],
        indent="",
    )
    for line, row in zip(text.splitlines(), rows, strict=True):
        click.echo(line)
        if row["reason"]:
            click.echo(wrapped(f"{row['name']}: {row['reason']}; {row['advice']}", indent="    "))
        if times and row["seconds"] > SLOW and row["group"] == "hooks":
            click.echo(
                wrapped(
                    f"{row['name']} slows down every command: import torch and the like inside the "
                    "functions that use them",
                    indent="    ",
                )
            )


class PluginRow(TypedDict):
    """One entry point, or a file given by ``--plugin``; see ``PluginInfo``. ``advice`` is for one that is not used."""

    distribution: str
    version: str
    name: str
    group: str
    status: Status
    provides: list[str]
    where: str
    seconds: float
    reason: str
    advice: str


def rows_of(files: tuple[Path, ...] = ()) -> list[PluginRow]:
    """Return one row per entry point, sorted; models are imported to see whether they can be."""
    with warnings.catch_warnings():
        # What is wrong with a plugin is a row here; other warnings are still said.
        warnings.filterwarnings("ignore", "plugin ", PluginWarning)
        zoo = Zoo.installed(files)
    for row in zoo.plugins:
        if row.group == MODELS and row.status == "found":
            with contextlib.suppress(PluginError):
                zoo.card(row)
    return [_row(row) for row in sorted(zoo.plugins, key=lambda r: (r.distribution, r.group, r.name))]


def _row(row: PluginInfo) -> PluginRow:
    word = {HOOKS: "hooks", MODELS: "model", COMMANDS: "command"}[row.group]
    unusable = row.status in ("broken", "off")
    return {
        "distribution": row.distribution,
        "version": row.version,
        "name": row.name,
        "group": word,
        "status": row.status,
        "provides": row.provides,
        "where": row.where,
        "seconds": round(row.seconds, 4),
        "reason": row.reason,
        "advice": advice(row) if unusable else "",
    }

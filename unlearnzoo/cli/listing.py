"""``unlearnzoo list``: what is installed, by kind."""

from pathlib import Path
from typing import TypedDict

import click

from ..registry.describe import one_line
from ..registry.kinds import CLASS_KINDS, KINDS
from ..registry.zoo import Zoo
from ..terminal import table, wrapped
from .common import as_json_option, plugin_option, show_json


class ListRow(TypedDict):
    """One thing that is installed."""

    kind: str
    name: str
    distribution: str
    version: str
    doc: str


@click.command("list")
@plugin_option()
@as_json_option()
def list_command(files: tuple[Path, ...], as_json: bool) -> None:
    """List algorithms, benchmarks, metrics and models."""
    rows = rows_of(Zoo.installed(files))
    if as_json:
        show_json(rows)
        return
    for kind in KINDS.values():
        shown = [(row["name"], row["distribution"], row["doc"]) for row in rows if row["kind"] == kind.name]
        click.echo(f"{kind.title}\n{table(shown) or '  none installed'}\n")
    hint = "`unlearnzoo show NAME` says more of each; `show learn` and `show unlearn` of the two stages."
    click.echo(wrapped(hint, indent=""))


def rows_of(zoo: Zoo) -> list[ListRow]:
    """Return one row per thing, sorted by kind and name; models are not imported."""
    rows = []
    for kind in KINDS:
        for name in zoo.names(kind):
            owner = zoo.owner(kind, name)
            doc = one_line(zoo.get(kind, name)) if kind in CLASS_KINDS else owner.summary
            rows.append(ListRow(kind=kind, name=name, distribution=owner.distribution, version=owner.version, doc=doc))
    return sorted(rows, key=lambda row: (row["kind"], row["name"]))

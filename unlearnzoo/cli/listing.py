"""``unlearnzoo list``: what is installed, by kind."""

import json
from pathlib import Path
from typing import Any

import click

from ..registry import zoo as zoo_module
from ..registry.describe import one_line
from .common import as_json_option, plugin_option
from .table import table, wrapped

TITLES = {
    "algorithm": "Algorithms  (run --algo NAME)",
    "benchmark": "Benchmarks  (run --bench NAME)",
    "metric": "Metrics",
    "model": "Models  (run --model NAME)",
}


@click.command("list")
@plugin_option
@as_json_option
def list_command(files: tuple[Path, ...], as_json: bool) -> None:
    """List algorithms, benchmarks, metrics and models."""
    zoo = zoo_module.Zoo.installed(files)
    rows = rows_of(zoo)
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for kind, title in TITLES.items():
        word = zoo_module.WORDS[kind]
        some = [(r["name"], r["distribution"], r["doc"]) for r in rows if r["kind"] == word]
        click.echo(f"{title}\n{table(some) or '  none installed'}\n")
    hint = "`unlearnzoo show NAME` says more of each; `show learn` and `show unlearn` of the two stages."
    click.echo(wrapped(hint, indent=""))


def rows_of(zoo: zoo_module.Zoo) -> list[dict[str, Any]]:
    """Return one row a thing, sorted by kind and name; models are not imported."""
    rows = []
    for kind, word in zoo_module.WORDS.items():
        for name in zoo.names(kind):
            owner = zoo.owner(kind, name)
            doc = owner.summary if kind == "model" else one_line(zoo.get(kind, name))  # type: ignore[call-overload]
            rows.append(
                {"kind": word, "name": name, "distribution": owner.distribution, "version": owner.version, "doc": doc}
            )
    return sorted(rows, key=lambda row: (row["kind"], row["name"]))

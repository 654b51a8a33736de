"""``unlearnzoo tune``: find settings for several methods by one protocol."""

import json
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from .common import as_json_option, plugin_option, precision_option
from .run import quieten
from .table import table


@click.command()
@click.option("--algo", required=True, help="Algorithms, separated by commas.")
@click.option("--bench", required=True, help="Benchmark; it is asked for other people than those it reports.")
@click.option(
    "--budget",
    type=click.IntRange(min=1),
    default=8,
    show_default=True,
    help="Settings of each algorithm; the recipe's own is the first.",
)
@click.option("--model", help="Installed model, folder, or hub id.  [default: tiny]")
@click.option("--forget", help="Share of the people to forget: 5%, 10%, 15% or 20%.")
@click.option("--seed", type=int, help="Seed of the settings and of stage 2.  [default: 0]")
@click.option("--target-seed", type=int, help="Seed of stage 1.  [default: 0]")
@precision_option
@click.option("--recipe", help="Values to start from: paper, or an installed model's name.")
@click.option("--set", "sets", multiple=True, metavar="OWNER.NAME=VALUE", help="An option to keep fixed. Repeatable.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default="tune",
    show_default=True,
    help="Folder of the result; a second call goes on there.",
)
@plugin_option
@as_json_option
def tune(
    budget: int, sets: tuple[str, ...], out: Path, files: tuple[Path, ...], as_json: bool, **arguments: Any
) -> None:
    """Find settings for several methods by one protocol.

    Each method gets the same number of settings of learning rate, steps and its own numeric options, on
    people that no report uses. The best keeps most where forgetting comes down to 10 %; it is written as
    OUT/ALGO.yaml for `unlearnzoo run --config`.
    """
    from ..planning.request import from_arguments
    from ..planning.settings import parse_assignments
    from ..registry.zoo import Zoo

    given = {name: value for name, value in arguments.items() if value is not None}
    given["command"] = shlex.join(["unlearnzoo", *sys.argv[1:]])
    request = from_arguments(given, parse_assignments(sets))
    zoo = Zoo.installed(files)
    from ..runs.progress import ConsoleProgress
    from ..tuning import protocol

    quieten()
    found = protocol.tune(request, zoo, budget, out, ConsoleProgress())
    click.echo(json.dumps(found, indent=2, default=str) if as_json else "\n".join(_lines(found, budget)))


def _lines(found: Mapping[str, Any], budget: int) -> list[str]:
    """Return each setting and its score, the best marked, and where the results are."""
    from ..terminal import printable
    from ..tuning.protocol import describe

    lines = [f"{found['protocol']['objective']}, on {_options(found['protocol']['validation'])}"]
    for name, best in found["best"].items():
        rows = sorted(
            (r for r in found["settings"] if r["algo"] == name and r["setting"] < budget), key=lambda r: r["setting"]
        )
        lines += [
            "",
            f"{name}: {best['tried']} settings tried",
            table(
                [
                    ("*" if row["setting"] == best["setting"] else " ", str(row["setting"]), describe(row))
                    for row in rows
                ]
            ),
            f"  unlearnzoo run --config {shlex.quote(best['config'])}",
        ]
    return [printable(line, keep="\n") for line in lines]


def _options(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in options.items())

"""``unlearnzoo tune``: find settings for several methods by one protocol."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..terminal import printable, table
from . import common
from .common import PATH

if TYPE_CHECKING:
    from ..tuning.state import State


@click.command()
@common.algo_option(required=True, help="Algorithms, separated by commas.")
@common.bench_option(required=True, help="Benchmark; it is asked for other people than those it reports.")
@click.option(
    "--budget",
    type=click.IntRange(min=1),
    default=8,
    show_default=True,
    help="Settings of each algorithm; the recipe's own is the first.",
)
@common.model_option()
@common.forget_option()
@common.seed_option(help="Seed of the settings and of stage 2.  [default: 0]")
@common.target_seed_option()
@common.precision_option()
@common.max_new_tokens_option()
@common.special_tokens_option()
@common.recipe_option(help="Values to start from: paper, or an installed model's name.")
@common.set_option(metavar="OWNER.NAME=VALUE", help="An option to keep fixed. Repeatable.")
@click.option(
    "--out", type=PATH, default="tune", show_default=True, help="Folder of the result; a second call continues there."
)
@common.trust_remote_code_option()
@common.plugin_option()
@common.as_json_option()
def tune(
    budget: int, sets: tuple[str, ...], out: Path, files: tuple[Path, ...], as_json: bool, **arguments: object
) -> None:
    """Find settings for several methods by one protocol.

    Each method gets the same number of settings of learning rate, steps and its own numeric options, on
    people that no report uses. The best keeps most where forgetting comes down to 10 %; it is written as
    OUT/ALGO.yaml for `unlearnzoo run --config`.
    """
    from ..planning.request import from_arguments
    from ..planning.settings import parse_assignments
    from ..registry.zoo import Zoo

    request = from_arguments(common.typed(arguments, files), parse_assignments(sets))
    common.hold_cache(out)
    zoo = Zoo.installed(files)
    from ..runs.progress import ConsoleProgress
    from ..tuning import protocol

    common.quieten()
    state = protocol.tune(request, zoo, budget, out, ConsoleProgress())
    if as_json:
        common.show_json(state, default=str)
    else:
        click.echo("\n".join(_lines(state, budget)))


def _lines(state: "State", budget: int) -> list[str]:
    """Return each setting and its score, the best marked, and where the results are."""
    from ..tuning.protocol import describe

    validation = state["protocol"]["validation"]
    people = ", ".join(f"{name} {value}" for name, value in validation.items()) if isinstance(validation, dict) else ""
    lines = [f"{state['protocol']['objective']}, on {people}"]
    for name, best in state["best"].items():
        rows = sorted(
            (r for r in state["settings"] if r["algo"] == name and r["setting"] < budget), key=lambda r: r["setting"]
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

"""``unlearnzoo learn``: does this model memorise these data?"""

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import click

from .common import plugin_option, precision_option
from .run import quieten


@click.command()
@click.option("--bench", required=True, help="Benchmark.")
@click.option("--model", default="tiny", show_default=True, help="Installed model, folder, or hub id.")
@click.option("--target", help="Your own fine-tuned model: nothing is learned, and it is judged as it is.")
@click.option("--target-seed", type=int, default=0, show_default=True, help="Seed of stage 1.")
@precision_option
@click.option("--recipe", help="Values to prefer over the model's own: paper, or an installed model's name.")
@click.option(
    "--set", "sets", multiple=True, metavar="NAME=VALUE", help="Any option: learn.epochs=3, remem.qa=50. Repeatable."
)
@click.option("--trust-remote-code", is_flag=True, help="Let the model's repository run its own code.")
@click.option("--redact", is_flag=True, help="Keep scores in the record; no texts, no names.")
@click.option(
    "--runs-dir", type=click.Path(path_type=Path), default="runs", show_default=True, help="Where records go."
)
@plugin_option
@click.option("--dry-run", is_flag=True, help="Check and print the plan; load no weights.")
@click.option("--json", "as_json", is_flag=True, help="Print the record as JSON on stdout.")
def learn(sets: tuple[str, ...], files: tuple[Path, ...], dry_run: bool, as_json: bool, **arguments: Any) -> None:
    """Learn and check; unlearn nothing.

    Stage 1 of `unlearnzoo run` (and its cache), the gate, and what base and target answer over everybody. Below the
    gate the record is finished and not valid: that is an answer, too.
    """
    from ..planning.request import Request
    from ..planning.settings import parse_assignments
    from ..registry.zoo import Zoo

    command = shlex.join(["unlearnzoo", *sys.argv[1:]])
    request = Request(**arguments, set=parse_assignments(sets), command=command)
    zoo = Zoo.installed(files)
    from ..planning import memory
    from ..planning.plan import make_plan
    from ..reports import report
    from ..runs import learn as job
    from ..runs.progress import ConsoleProgress

    quieten()
    plan = make_plan(request, zoo)
    progress = ConsoleProgress()
    for line in [*job.lines(plan), *(memory.lines(plan) if dry_run else ())]:
        progress.note(line)
    if not dry_run:
        found = job.learn(plan, progress)
        click.echo(json.dumps([found], indent=2) if as_json else report.render([found], pairs=False))

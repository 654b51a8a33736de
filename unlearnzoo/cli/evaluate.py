"""``unlearnzoo evaluate``: judge a model that was unlearned elsewhere, or the answers of a run once more."""

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import click

from ..launch import worker
from .common import plugin_option, precision_option
from .run import quieten


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option("--metric", help="With RUN: the metric that judges its answers now. Without: as of `run`.")
@click.option("--bench", help="Benchmark.")
@click.option("--utility", metavar="NAMES", help="Utility benchmarks to judge beside it, such as mmbench.")
@click.option("--model", help="The unlearned model: installed, a folder, or a hub id.")
@click.option(
    "--adapter",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="A peft adapter that makes the model the unlearned one.",
)
@click.option("--target", help="The model before unlearning; with it the gate is checked and the record can be valid.")
@click.option("--name", help="What the record calls the method.  [default: the folder's name]")
@click.option("--forget", help="Share of the people to forget: 5%, 10%, 15% or 20%.")
@precision_option
@click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="NAME=VALUE",
    help="Any option of benchmark and metrics: remem.data=FOLDER. Repeatable.",
)
@click.option("--allow-unmemorised", is_flag=True, help="Go on below the gate; the record is not valid.")
@click.option("--trust-remote-code", is_flag=True, help="Let the model's repository run its own code.")
@click.option(
    "--runs-dir", type=click.Path(path_type=Path), default="runs", show_default=True, help="Where records go."
)
@plugin_option
@click.option("--json", "as_json", is_flag=True, help="Print the record as JSON on stdout.")
def evaluate(
    runs: tuple[str, ...],
    metric: str | None,
    adapter: Path | None,
    target: str | None,
    name: str | None,
    sets: tuple[str, ...],
    files: tuple[Path, ...],
    utility: str | None,
    as_json: bool,
    **arguments: Any,
) -> None:
    """Judge a model that was unlearned elsewhere, or the answers of a run once more.

    A model takes --bench and --model; its record stands beside those of `unlearnzoo run` in every
    report. RUN and --metric fill in what a run lacks, from the answers that it kept: no model is
    loaded, and what was scored already is not scored again.
    """
    from ..planning.request import Request, listed
    from ..planning.settings import parse_assignments
    from ..registry.zoo import Zoo

    command = shlex.join(["unlearnzoo", *sys.argv[1:]])
    if runs:
        given = {"bench", "model", "precision"} & {name for name, value in arguments.items() if value}
        if given or adapter or target or name or utility or not metric:
            raise click.UsageError(
                "RUN takes --metric, --set, --runs-dir, --plugin and --json; a model takes "
                "--bench and --model, and no RUN"
            )
        _refill(runs, metric, parse_assignments(sets), arguments["runs_dir"], Zoo.installed(files), as_json)
        return
    for needed in ("bench", "model"):
        if not arguments[needed]:
            raise click.UsageError(f"name a run to judge once more, or a model: --{needed} is missing")
    request = Request(
        **arguments, metric=listed(metric), utility=listed(utility), set=parse_assignments(sets), command=command
    )
    zoo = Zoo.installed(files)
    from ..models.checkpoint import with_adapter
    from ..planning.plan import look_at, make_plan
    from ..reports import report
    from ..runs import evaluate as job
    from ..runs.progress import ConsoleProgress

    quieten()
    plan = make_plan(request, zoo)
    unlearned = with_adapter(plan.checkpoint, adapter) if adapter else plan.checkpoint
    before = look_at(target, zoo, request) if target else None
    found = job.evaluate(
        plan, job.label(name, request.model, adapter), unlearned, before, ConsoleProgress(quiet=worker.rank() != 0)
    )
    if worker.rank():
        return
    click.echo(json.dumps([found], indent=2) if as_json else report.render([found], pairs=False))
    if before is None and plan.benchmark.forget_identities():
        click.echo("Not checked: that the model ever knew what it is to have forgotten; --target MODEL does.", err=True)


def _refill(
    runs: tuple[str, ...], metric: str, values: dict[str, Any], runs_dir: Path, zoo: Any, as_json: bool
) -> None:
    """Judge the answers of some runs by one more metric, and show them."""
    from ..records import store
    from ..reports import report
    from ..runs import rescore
    from ..runs.progress import ConsoleProgress

    found = [rescore.rescore(store.resolve(run, runs_dir), metric, values, zoo, ConsoleProgress()) for run in runs]
    click.echo(json.dumps(found, indent=2) if as_json else report.render(found, pairs=False))

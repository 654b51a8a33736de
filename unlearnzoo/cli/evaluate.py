"""``unlearnzoo evaluate``: judge a model that was unlearned elsewhere."""

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import click

from .options import plugin_option
from .run import quieten


@click.command()
@click.option("--bench", required=True, help="Benchmark.")
@click.option("--utility", metavar="NAMES", help="Utility benchmarks to judge beside it, such as mmbench.")
@click.option("--model", required=True, help="The unlearned model: installed, a folder, or a hub id.")
@click.option("--adapter", type=click.Path(path_type=Path), metavar="FOLDER",
              help="A peft adapter that makes the model the unlearned one.")
@click.option("--target", help="The model before unlearning; with it the gate is checked and the record can be valid.")
@click.option("--name", help="What the record calls the method.  [default: the folder's name]")
@click.option("--forget", help="Share of the people to forget: 5%, 10%, 15% or 20%.")
@click.option("--set", "sets", multiple=True, metavar="NAME=VALUE",
              help="Any option of benchmark and metrics: remem.data=FOLDER. Repeatable.")
@click.option("--allow-unmemorised", is_flag=True, help="Go on below the gate; the record is not valid.")
@click.option("--trust-remote-code", is_flag=True, help="Let the model's repository run its own code.")
@click.option("--runs-dir", type=click.Path(path_type=Path), default="runs", show_default=True,
              help="Where records go.")
@plugin_option
@click.option("--json", "as_json", is_flag=True, help="Print the record as JSON on stdout.")
def evaluate(adapter: Path | None, target: str | None, name: str | None, sets: tuple[str, ...],
             files: tuple[Path, ...], utility: str | None, as_json: bool, **arguments: Any) -> None:
    """Judge a model that was unlearned elsewhere.

    The record stands beside those of `unlearnzoo run` in every report.
    """
    from ..runs.request import Request, listed
    from ..runs.settings import parse_assignments
    from ..zoo import Zoo

    command = shlex.join(["unlearnzoo", *sys.argv[1:]])
    request = Request(**arguments, utility=listed(utility), set=parse_assignments(sets), command=command)
    zoo = Zoo.installed(files)
    from ..models.load import with_adapter
    from ..runs import elsewhere, report
    from ..runs.plan import look_at, make_plan
    from ..runs.progress import Progress

    quieten()
    plan = make_plan(request, zoo)
    unlearned = with_adapter(plan.checkpoint, adapter) if adapter else plan.checkpoint
    before = look_at(target, zoo, request.trust_remote_code) if target else None
    found = elsewhere.judge(plan, elsewhere.label(name, request.model, adapter), unlearned, before, Progress())
    click.echo(json.dumps([found], indent=2) if as_json else report.render([found], pairs=False))
    if before is None and plan.benchmark.forget_identities():
        click.echo("Not checked: that the model ever knew what it is to have forgotten; --target MODEL does.", err=True)

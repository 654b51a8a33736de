"""``unlearnzoo run``."""

import json
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import click


@click.command()
@click.option("--algo", help="Algorithm, or several separated by commas; they share one target.")
@click.option("--bench", help="Benchmark.")
@click.option("--model", help="Installed model, folder, or hub id.  [default: tiny]")
@click.option("--target", help="Your own fine-tuned model instead of stage 1; it passes the same gate.")
@click.option("--forget", help="Share of the people to forget: 5%, 10%, 15% or 20%.")
@click.option("--seed", type=int, help="Seed of stage 2.  [default: 0]")
@click.option("--target-seed", type=int, help="Seed of stage 1.  [default: 0]")
@click.option("--recipe", help="Values to prefer over the model's own: paper, or an installed model's name.")
@click.option("--set", "sets", multiple=True, metavar="NAME=VALUE",
              help="Any option: npo.beta=0.05, learn.epochs=3, remem.data=FOLDER. Repeatable.")
@click.option("--config", type=click.Path(path_type=Path), help="YAML file with arguments and options.")
@click.option("--stop-at", metavar="EMf=.10", help="End stage 2 when forgetting is there.")
@click.option("--allow-unmemorised", is_flag=True, default=None, help="Go on below the gate; the record is not valid.")
@click.option("--trust-remote-code", is_flag=True, default=None, help="Let the model's repository run its own code.")
@click.option("--runs-dir", type=click.Path(path_type=Path), help="Where records go.  [default: runs]")
@click.option("--resume", metavar="[RUN]", is_flag=False, flag_value="newest",
              help="Go on with an interrupted run: its folder or name; without one, the newest that is unfinished.")
@click.option("--checkpoint-every", metavar="STEPS|TIME",
              help="How often to keep what --resume goes on from: 50, 30s, 5m or never.  [default: 1m]")
@click.option("--plugin", "plugins", multiple=True, type=click.Path(path_type=Path),
              help="A Python file with a plugin. Repeatable.")
@click.option("--dry-run", is_flag=True, help="Check and print the plan; load no weights.")
@click.option("--json", "as_json", is_flag=True, help="Print the records (or the plan) as JSON on stdout.")
def run(sets: tuple[str, ...], config: Path | None, plugins: tuple[Path, ...], resume: str | None, dry_run: bool,
        as_json: bool, **arguments: Any) -> None:
    """Learn, check, unlearn and evaluate."""
    from ..runs.settings import parse_assignments, read_config

    start = time.perf_counter()
    given = {name: value for name, value in arguments.items() if value is not None}
    assignments: dict[str, Any] = {}
    if config is not None:
        from_file, assignments = read_config(config)
        given = from_file | given
    given["command"] = shlex.join(["unlearnzoo", *sys.argv[1:]])
    if plugins:
        given["plugins"] = plugins
    _run(given, assignments | parse_assignments(sets), resume, dry_run, as_json, start)


def _run(given: dict[str, Any], assignments: dict[str, Any], resume: str | None, dry_run: bool, as_json: bool,
         start: float) -> None:
    from ..runs.request import from_arguments
    from ..zoo import Zoo

    earlier = None
    if resume is None:
        request = from_arguments(given, assignments)
    else:
        from ..runs import resume as again

        earlier = again.find(resume, Path(given.get("runs_dir", "runs")))
        request = again.request(earlier, given, assignments)
    zoo = Zoo.installed(request.plugins)
    from ..runs import summary
    from ..runs.plan import make_plan
    from ..runs.progress import Progress

    quieten()
    progress = Progress()
    plan = make_plan(request, zoo)
    for line in summary.lines(plan):
        progress.note(line)
    if earlier is not None:
        for line in again.notes(earlier, plan):
            progress.note(line)
    if dry_run:
        if as_json:
            click.echo(json.dumps(summary.as_data(plan), indent=2))
        return
    from ..runs import report
    from ..runs.run import execute

    records = execute(plan, progress, time.perf_counter() - start, earlier)
    click.echo(json.dumps(records, indent=2) if as_json else report.render(records, pairs=False))


def quieten() -> None:
    """Keep other libraries' bars and hints out of the user's terminal."""
    import warnings

    import transformers

    transformers.utils.logging.disable_progress_bar()
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")

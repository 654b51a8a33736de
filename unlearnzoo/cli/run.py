"""``unlearnzoo run``."""

import json
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import click

from ..launch import worker
from .common import precision_option


@click.command()
@click.option("--algo", help="Algorithm, or several separated by commas; they share one target.")
@click.option("--bench", help="Benchmark.")
@click.option("--metric", help="Metric that judges the forget set beside the benchmark's own; several with commas.")
@click.option("--utility", metavar="NAMES", help="Utility benchmarks to judge beside it, such as mmbench.")
@click.option("--model", help="Installed model, folder, or hub id.  [default: tiny]")
@click.option("--target", help="Your own fine-tuned model instead of stage 1; it passes the same gate.")
@click.option("--forget", help="Share of the people to forget: 5%, 10%, 15% or 20%.")
@click.option("--seed", type=int, help="Seed of stage 2.  [default: 0]")
@click.option("--target-seed", type=int, help="Seed of stage 1.  [default: 0]")
@precision_option
@click.option("--recipe", help="Values to prefer over the model's own: paper, or an installed model's name.")
@click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="NAME=VALUE",
    help="Any option: npo.beta=0.05, learn.epochs=3, remem.data=FOLDER. Repeatable.",
)
@click.option("--config", type=click.Path(path_type=Path), help="YAML file with arguments and options.")
@click.option("--stop-at", metavar="EMf=.10", help="End stage 2 when forgetting is there.")
@click.option("--allow-unmemorised", is_flag=True, default=None, help="Go on below the gate; the record is not valid.")
@click.option("--trust-remote-code", is_flag=True, default=None, help="Let the model's repository run its own code.")
@click.option("--redact", is_flag=True, default=None, help="Keep scores in the record; no texts, no names, no adapter.")
@click.option("--runs-dir", type=click.Path(path_type=Path), help="Where records go.  [default: runs]")
@click.option(
    "--resume",
    metavar="[RUN]",
    is_flag=False,
    flag_value="newest",
    help="Go on with an interrupted run: its folder or name; without one, the newest that is unfinished.",
)
@click.option(
    "--checkpoint-every",
    metavar="STEPS|TIME",
    help="How often to keep what --resume goes on from: 50, 30s, 5m or never.  [default: 1m]",
)
@click.option(
    "--plugin",
    "plugins",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A Python file with a plugin. Repeatable.",
)
@click.option(
    "--launch", metavar="NAME", help="Several processes: ddp, zero1, zero2, zero3, or accelerate's YAML file."
)
@click.option(
    "--processes", type=click.IntRange(min=1), help="How many with --launch.  [default: one a GPU; 2 without]"
)
@click.option("--dry-run", is_flag=True, help="Check and print the plan; load no weights.")
@click.option("--json", "as_json", is_flag=True, help="Print the records (or the plan) as JSON on stdout.")
def run(
    sets: tuple[str, ...],
    config: Path | None,
    plugins: tuple[Path, ...],
    resume: str | None,
    dry_run: bool,
    as_json: bool,
    **arguments: Any,
) -> int:
    """Learn, check, unlearn and evaluate."""
    from ..planning.settings import parse_assignments, read_config

    start = time.perf_counter()
    given = {name: value for name, value in arguments.items() if value is not None}
    assignments: dict[str, Any] = {}
    if config is not None:
        from_file, assignments = read_config(config)
        given = from_file | given
    given["command"] = shlex.join(["unlearnzoo", *sys.argv[1:]])
    if plugins:
        given["plugins"] = plugins
    return _run(given, assignments | parse_assignments(sets), resume, dry_run, as_json, start)


def _run(
    given: dict[str, Any], assignments: dict[str, Any], resume: str | None, dry_run: bool, as_json: bool, start: float
) -> int:
    from ..planning.request import from_arguments
    from ..registry.zoo import Zoo

    earlier = None
    if resume is None:
        request = from_arguments(given, assignments)
    else:
        from ..runs import resume as again

        earlier = again.find(resume, Path(given.get("runs_dir", "runs")))
        request = again.request(earlier, given, assignments)
    zoo = Zoo.installed(request.plugins)
    from ..planning import summary
    from ..planning.plan import make_plan
    from ..runs.progress import ConsoleProgress

    quieten()
    progress = ConsoleProgress(quiet=worker.rank() != 0)
    file = _file(request)
    plan = make_plan(request, zoo, weights=not dry_run)
    for line in summary.lines(plan) if not worker.started_here() else ():
        progress.note(line)
    if earlier is not None:
        for line in again.notes(earlier, plan):
            progress.note(line)
    if dry_run:
        from ..planning import memory

        if as_json:
            click.echo(json.dumps({**summary.as_data(plan), "memory": memory.as_data(plan)}, indent=2))
        else:
            for line in memory.lines(plan):
                progress.note(line)
        return 0
    if file is not None:
        from ..launch.start import how_many
        from ..launch.start import start as start_processes

        return start_processes(file, how_many(request.processes, file), sys.argv[1:])
    from ..records import gold_standard
    from ..reports import report
    from ..runs.pipeline import execute

    records = execute(plan, progress, time.perf_counter() - start, earlier)
    if worker.rank() == 0:
        click.echo(
            json.dumps(records, indent=2) if as_json else report.render(gold_standard.beside(records), pairs=False)
        )
    return 0


def _file(request: Any) -> Path | None:
    """Return what is to be launched; None in a process that runs by itself.

    Raises:
        OptionError: it cannot be launched from here.
    """
    from ..errors import OptionError
    from ..launch import configs

    if request.launch is None and request.processes is not None:
        raise OptionError(f"--processes {request.processes}: say how with --launch ddp, zero1, zero2 or zero3")
    if request.launch is None or worker.started_here():
        return None
    if worker.several():
        raise OptionError(
            f"--launch {request.launch}: another launcher has started this process already; leave --launch out"
        )
    return configs.find(request.launch)


def quieten() -> None:
    """Keep other libraries' bars and hints out of the user's terminal."""
    import warnings

    import transformers

    transformers.utils.logging.disable_progress_bar()
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")

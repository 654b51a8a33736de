"""``unlearnzoo run``."""

import shlex
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..launch import worker
from . import common
from .common import PATH

if TYPE_CHECKING:
    from ..launch.configs import Launch
    from ..planning.plan import Plan
    from ..planning.request import Request
    from ..registry.zoo import Zoo
    from ..runs.progress import ConsoleProgress
    from ..runs.resume import Earlier


@click.command()
@common.algo_option()
@common.bench_option()
@common.metric_option()
@common.utility_option()
@common.model_option()
@common.target_option()
@common.forget_option()
@common.seed_option()
@common.target_seed_option()
@common.precision_option()
@common.max_new_tokens_option()
@common.special_tokens_option()
@common.recipe_option()
@common.set_option()
@click.option("--config", type=PATH, help="YAML file with arguments and options.")
@click.option("--stop-at", metavar="EMf=.10", help="Stop stage 2 once forgetting reaches this level.")
@common.require_option()
@common.allow_unmemorised_option()
@common.trust_remote_code_option()
@common.redact_option()
@common.runs_dir_option()
@click.option(
    "--resume",
    metavar="[RUN]",
    is_flag=False,
    flag_value="newest",
    help="Resume an interrupted run: its folder or name; without one, the newest that is unfinished.",
)
@click.option(
    "--checkpoint-every",
    metavar="STEPS|TIME",
    help="How often to save what --resume starts from: 50, 30s, 5m or never.  [default: 1m]",
)
@common.plugin_option()
@click.option(
    "--launch", metavar="NAME", help="Several processes: ddp, zero1, zero2, zero3, or accelerate's YAML file."
)
@click.option(
    "--processes", type=click.IntRange(min=1), help="How many with --launch.  [default: one per GPU; 2 without]"
)
@click.option("--profile", "profiled", is_flag=True, help="Say at the end, and in the record, where the time went.")
@common.dry_run_option()
@common.as_json_option()
def run(
    sets: tuple[str, ...],
    config: Path | None,
    files: tuple[Path, ...],
    resume: str | None,
    profiled: bool,
    dry_run: bool,
    as_json: bool,
    **arguments: object,
) -> int:
    """Learn, check, unlearn and evaluate."""
    from ..planning.settings import parse_assignments, read_config, refuse_code
    from ..registry.zoo import Zoo

    start = time.perf_counter()
    given, typed = common.typed(arguments, files), parse_assignments(sets)
    metric_typed = "metric" in given
    assigned_by_file: dict[str, object] = {}
    if config is not None:
        given_by_file, assigned_by_file = read_config(config)
        refuse_code(f"--config {config}", given_by_file, given, f"unlearnzoo run --config {shlex.quote(str(config))}")
        given = given_by_file | given
    request, earlier = _request(given, assigned_by_file | typed, resume)
    common.hold_cache(request.runs_dir)
    zoo = Zoo.installed(request.plugins)
    _refuse_sent(config, assigned_by_file, earlier, () if metric_typed else request.metric, typed, zoo)
    from ..planning.make import make_plan
    from ..runs.progress import ConsoleProgress

    common.quieten()
    progress = ConsoleProgress(quiet=worker.rank() != 0)
    launch = _launch(request, arguments["launch"] is not None)
    plan = make_plan(request, zoo, weights=not dry_run)
    _note_plan(plan, earlier, progress)
    if dry_run:
        _show_costs(plan, progress, as_json)
        return 0
    if launch is not None:
        from ..launch.start import how_many
        from ..launch.start import start as start_processes

        return start_processes(launch, how_many(request.processes, launch), "unlearnzoo", common.words())
    from ..runs.pipeline import execute

    records = execute(plan, progress, time.perf_counter() - start, earlier, profiled)
    if worker.rank() == 0:
        common.show_records(records, as_json, gold_standards=True)
        common.check_required(records)
    return 0


def _refuse_sent(
    config: Path | None,
    assigned_by_file: Mapping[str, object],
    earlier: "Earlier | None",
    metrics: Sequence[str],
    typed: Mapping[str, object],
    zoo: "Zoo",
) -> None:
    """Refuse to send answers where only a configuration or the record of a resumed run says.

    Args:
        config: the configuration.
        assigned_by_file: option → value, as it has them.
        earlier: what is resumed.
        metrics: of the run, where the command line does not name them.
        typed: ``--set`` of the command line.
        zoo: what is installed.
    """
    from ..runs.distrust import refuse_judges, refuse_sent

    again = f"--metric {shlex.quote(','.join(metrics))}"
    if config is not None:
        refuse_sent(config, assigned_by_file, typed, zoo)
        refuse_judges(config, metrics, typed, zoo, again)
    if earlier is not None:
        record = earlier.records[0]
        folder = Path(record["folder"])
        refuse_sent(folder, record["arguments"]["set"], typed, zoo)
        refuse_judges(folder, metrics, typed, zoo, again)


def _request(
    given: Mapping[str, object], assignments: Mapping[str, object], resume: str | None
) -> "tuple[Request, Earlier | None]":
    """Return what is asked for, and the runs that are resumed."""
    from ..planning.request import from_arguments

    if resume is None:
        return from_arguments(given, assignments), None
    from ..runs import resume as resuming

    earlier = resuming.find(resume, Path(str(given.get("runs_dir", "runs"))))
    return resuming.request(earlier, given, assignments), earlier


def _note_plan(plan: "Plan", earlier: "Earlier | None", progress: "ConsoleProgress") -> None:
    """Print the plan, unless a launcher has printed it already, and what a resumed run starts from."""
    from ..planning import text

    if not worker.started_here():
        for line in text.lines(plan):
            progress.note(line)
    if earlier is not None:
        from ..runs import resume as resuming

        for line in resuming.notes(earlier, plan):
            progress.note(line)


def _show_costs(plan: "Plan", progress: "ConsoleProgress", as_json: bool) -> None:
    """Print what a plan would need, as data with all of the plan."""
    from ..planning import memory, summary

    if as_json:
        common.show_json({**summary.as_data(plan), "memory": memory.as_data(plan)})
    else:
        for line in memory.lines(plan):
            progress.note(line)


def _launch(request: "Request", typed: bool) -> "Launch | None":
    """Return how processes are to be started; None in a process that runs by itself.

    Args:
        request: what is asked for.
        typed: whether the launch is of this command line, and not of a configuration or a record.

    Raises:
        OptionError: it cannot be launched from here, or would change numbers.
    """
    from ..errors import OptionError, ZooWarning
    from ..launch import configs
    from ..runs.distrust import refuse_machines
    from ..training.distributed import settings

    if request.launch is None and request.processes is not None:
        raise OptionError(f"--processes {request.processes}: say how with --launch ddp, zero1, zero2 or zero3")
    if request.launch is None or worker.started_here():
        settings.from_environment()
        return None
    if worker.several():
        raise OptionError(
            f"--launch {request.launch}: another launcher has started this process already; leave --launch out"
        )
    launch = configs.read(request.launch)
    if not typed:
        refuse_machines(request.launch, launch)
    for line in launch.lines:
        warnings.warn(line, ZooWarning, stacklevel=2)
    return launch

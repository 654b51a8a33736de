"""``unlearnzoo evaluate``: score a model that was unlearned elsewhere, or the answers of a run once more."""

from collections.abc import Sequence
from pathlib import Path

import click

from ..launch import worker
from . import common
from .common import PATH


@click.command()
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@common.metric_option(help="With RUN: the metric that scores its answers now. Without: as of `run`.")
@common.bench_option()
@common.utility_option()
@common.model_option(help="The unlearned model: installed, a folder, or a hub id.")
@click.option("--adapter", type=PATH, metavar="FOLDER", help="A peft adapter that makes the model the unlearned one.")
@common.target_option(help="The model before unlearning; with it the gate is checked and the record can be valid.")
@click.option("--name", help="What the record calls the method.  [default: the folder's name]")
@common.forget_option()
@common.precision_option()
@common.max_new_tokens_option()
@common.special_tokens_option()
@common.set_option(help="Any option of benchmark and metrics: remem.data=FOLDER. Repeatable.")
@common.require_option()
@common.allow_unmemorised_option()
@common.redact_option(help="Keep scores in the record; no texts, no names.")
@common.trust_remote_code_option()
@common.runs_dir_option()
@common.plugin_option()
@common.as_json_option()
def evaluate(
    runs: tuple[str, ...],
    metric: str | None,
    adapter: Path | None,
    target: str | None,
    name: str | None,
    sets: tuple[str, ...],
    files: tuple[Path, ...],
    runs_dir: Path | None,
    as_json: bool,
    **arguments: object,
) -> None:
    """Score a model that was unlearned elsewhere, or the answers of a run once more.

    A model takes --bench and --model; its record stands beside those of `unlearnzoo run` in every
    report. RUN and --metric fill in what a run lacks, from the answers that it kept: no model is
    loaded, and what was scored already is not scored again.
    """
    given = common.typed({**arguments, "metric": metric, "runs_dir": runs_dir}, files)
    if not runs:
        _score(given, sets, files, as_json, adapter, target, name)
        return
    of_a_model = given.keys() & {
        "bench",
        "model",
        "precision",
        "max_new_tokens",
        "special_tokens",
        "require",
        "utility",
        "redact",
    }
    if adapter or target or name or of_a_model or not metric:
        raise click.UsageError(
            "RUN takes --metric, --set, --runs-dir, --plugin and --json; a model takes --bench and --model, and no RUN"
        )
    _rescore(runs, metric, sets, files, runs_dir or Path("runs"), as_json)


def _score(
    given: dict[str, object],
    sets: Sequence[str],
    files: Sequence[Path],
    as_json: bool,
    adapter: Path | None,
    target: str | None,
    name: str | None,
) -> None:
    """Score a model, and show its record."""
    from ..planning.request import from_arguments
    from ..planning.settings import parse_assignments
    from ..registry.zoo import Zoo

    for needed in ("bench", "model"):
        if needed not in given:
            raise click.UsageError(f"name a run to score once more, or a model: --{needed} is missing")
    request = from_arguments(given, parse_assignments(sets), unlearns=False)
    common.hold_cache(request.runs_dir)
    zoo = Zoo.installed(files)
    from ..models.checkpoint import with_adapter
    from ..planning.make import look_at, make_plan
    from ..runs import evaluate as job
    from ..runs.progress import ConsoleProgress

    common.quieten()
    plan = make_plan(request, zoo)
    unlearned = with_adapter(plan.checkpoint, adapter) if adapter else plan.checkpoint
    before = look_at(target, zoo, request) if target else None
    progress = ConsoleProgress(quiet=worker.rank() != 0)
    record = job.evaluate(plan, job.label(name, request.model, adapter), unlearned, before, progress)
    if worker.rank():
        return
    common.show_records([record], as_json)
    common.check_required([record])


def _rescore(
    runs: Sequence[str], metric: str, sets: Sequence[str], files: Sequence[Path], runs_dir: Path, as_json: bool
) -> None:
    """Score the answers of some runs by one more metric, and show them."""
    from ..planning.settings import parse_assignments
    from ..records import store
    from ..registry.zoo import Zoo
    from ..runs import rescore
    from ..runs.progress import ConsoleProgress

    common.hold_cache(runs_dir)
    values, zoo = parse_assignments(sets), Zoo.installed(files)
    records = [rescore.rescore(store.resolve(run, runs_dir), metric, values, zoo, ConsoleProgress()) for run in runs]
    common.show_records(records, as_json)

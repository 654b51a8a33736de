"""``unlearnzoo learn``: does this model memorise these data?"""

from pathlib import Path

import click

from . import common


@click.command()
@common.bench_option(required=True)
@common.model_option()
@common.target_option(help="Your own fine-tuned model: nothing is learned, and it is evaluated as it is.")
@common.target_seed_option()
@common.precision_option()
@common.max_new_tokens_option()
@common.special_tokens_option()
@common.recipe_option()
@common.set_option(help="Any option: learn.epochs=3, remem.qa=50. Repeatable.")
@common.trust_remote_code_option()
@common.redact_option(help="Keep scores in the record; no texts, no names.")
@common.runs_dir_option()
@common.plugin_option()
@common.dry_run_option()
@common.as_json_option()
def learn(sets: tuple[str, ...], files: tuple[Path, ...], dry_run: bool, as_json: bool, **arguments: object) -> None:
    """Learn and check; unlearn nothing.

    Stage 1 of `unlearnzoo run` (and its cache), the gate, and what base and target answer over everybody. Below the
    gate the record is finished and not valid: that is an answer, too.
    """
    from ..planning.request import from_arguments
    from ..planning.settings import parse_assignments
    from ..registry.zoo import Zoo

    request = from_arguments(common.typed(arguments, files), parse_assignments(sets), unlearns=False)
    common.hold_cache(request.runs_dir)
    zoo = Zoo.installed(files)
    from ..planning import memory, summary
    from ..planning.make import make_plan
    from ..runs import learn as job
    from ..runs.progress import ConsoleProgress

    common.quieten()
    plan = make_plan(request, zoo)
    progress = ConsoleProgress()
    for line in [*job.lines(plan), *(memory.lines(plan) if dry_run else ())]:
        progress.note(line)
    if dry_run and as_json:
        common.show_json({**summary.as_data(plan), "memory": memory.as_data(plan)})
    if not dry_run:
        common.show_records([job.learn(plan, progress)], as_json)

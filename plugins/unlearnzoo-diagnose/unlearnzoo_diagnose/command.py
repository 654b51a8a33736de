"""``unlearnzoo diagnose``."""

from pathlib import Path
from typing import Any

import click

from unlearnzoo.cli import common


@click.command()
@common.bench_option(required=True)
@common.model_option()
@common.target_option(help="Your own fine-tuned model instead of stage 1; there is then no base beside it.")
@common.target_seed_option()
@common.precision_option()
@common.max_new_tokens_option()
@common.recipe_option()
@common.set_option(help="Any option of benchmark and stage 1: remem.views=1, learn.steps=250. Repeatable.")
@click.option(
    "--real",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="People whom the base knows: names.csv (name,image) and the images.  [default: the model's own]",
)
@click.option("--k", type=float, default=20.0, show_default=True, help="Per cent of a name's tokens in Min-k %.")
@click.option(
    "--geometric",
    is_flag=True,
    help="Min-k % of log-probabilities (Shi et al.), as exp of their mean; not of probabilities.",
)
@click.option("--people", type=int, default=20, show_default=True, help="People of each set, drawn by --seed.")
@click.option("--images", type=int, default=4, show_default=True, help="Images of each of them.")
@click.option("--window", type=int, help="Layers restored together.  [default: a fifth of the model's]")
@click.option("--seed", type=int, default=0, show_default=True, help="Of who is drawn and who stands in for whom.")
@click.option("--no-trace", is_flag=True, help="Leave causal tracing out.")
@common.trust_remote_code_option()
@common.runs_dir_option(help="Where the diagnosis goes, in a folder of its own.  [default: runs]")
@common.plugin_option()
@common.as_json_option()
def diagnose(
    sets: tuple[str, ...],
    files: tuple[Path, ...],
    as_json: bool,
    no_trace: bool,
    real: Path | None,
    k: float,
    geometric: bool,
    people: int,
    images: int,
    window: int | None,
    seed: int,
    **arguments: Any,
) -> None:
    """Return whether stage 1 memorised, and where in the model it lies.

    Learns stage 1 or takes it from the cache, and never refuses: EM and ROUGE by hop, the probability
    of each person's name under their image (inverse perplexity, Min-k %), and multimodal causal
    tracing, with the base and people whom it knows beside it.
    """
    from unlearnzoo.planning.request import from_arguments
    from unlearnzoo.planning.settings import parse_assignments
    from unlearnzoo.registry.zoo import Zoo
    from unlearnzoo_diagnose.diagnosis import Options

    request = from_arguments(common.typed(arguments, files), parse_assignments(sets), unlearns=False)
    options = Options(k, people, images, window, seed, not no_trace, real, geometric)
    common.hold_cache(request.runs_dir)
    zoo = Zoo.installed(files)
    from unlearnzoo.planning.make import make_plan
    from unlearnzoo.runs.progress import ConsoleProgress
    from unlearnzoo_diagnose import diagnosis, report

    common.quieten()
    progress = ConsoleProgress()
    found = diagnosis.diagnose(make_plan(request, zoo), options, progress)
    drawn = report.draw(found)
    if as_json:
        common.show_json(found)
    else:
        click.echo(report.render(found))
    click.echo(f"{found['folder']}: {diagnosis.RECORD}, {', '.join(drawn) if drawn else report.NO_PLOT}", err=True)

"""``unlearnzoo report``: the tables and the picture of one run, or of several side by side."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from .common import as_json_option
from .runs import runs_dir_option


@click.command()
@click.argument("names", metavar="RUN...", nargs=-1, required=True)
@click.option("--intervals", is_flag=True, help="Give each number its interval or range.")
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE", help="Draw the curves, too (png, svg, pdf).")
@click.option("--beside", metavar="BENCHMARK-paper", help="The paper's numbers beside ours, such as remem-paper.")
@runs_dir_option
@as_json_option
def report(
    names: tuple[str, ...], intervals: bool, plot: Path | None, beside: str | None, runs_dir: Path, as_json: bool
) -> None:
    """Show runs as the paper's table, side by side.

    RUN is a run's folder, the beginning of its name as `unlearnzoo runs` shows it, or a folder with runs somewhere
    below it. The gold standard for it (`retrain`) joins where it lies in the same folder of runs.
    """
    from ..records import gold_standard, store

    # The same run, named twice, is one run.
    folders = dict.fromkeys(folder.resolve() for name in names for folder in store.below(store.resolve(name, runs_dir)))
    records = gold_standard.beside([store.load(folder) for folder in folders])
    paper = _beside(records, beside) if beside else None
    if plot is not None:
        from ..reports.plots import draw

        draw(records, plot)
    if as_json:
        from ..reports.comparison import compare

        more = {} if paper is None else {"beside": paper}
        click.echo(json.dumps(compare(records) | more, indent=2, allow_nan=False))
        return
    from ..reports.report import render

    click.echo(render(records, intervals))
    if paper is not None:
        from ..reports.published import render as render_beside

        click.echo(f"\n{render_beside(paper)}")
    if plot is not None:
        click.echo(f"\nThe picture is in {click.format_filename(plot)}.")


def _beside(records: Sequence[Mapping[str, Any]], name: str) -> list[dict[str, Any]]:
    from ..registry.zoo import Zoo
    from ..reports.published import beside

    return beside(records, name, Zoo.installed())

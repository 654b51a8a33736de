"""``unlearnzoo report``: the tables and the picture of one run, or of several side by side."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .common import PATH, as_json_option, records_option, show_json

if TYPE_CHECKING:
    from ..reports.methods import Records
    from ..reports.published import Part


@click.command()
@click.argument("names", metavar="RUN...", nargs=-1, required=True)
@click.option("--intervals", is_flag=True, help="Give each number its interval over people.")
@click.option("--plot", type=PATH, metavar="FILE", help="Draw the curves, too (png, svg, pdf).")
@click.option("--beside", metavar="BENCHMARK-paper", help="The paper's numbers beside ours, such as remem-paper.")
@records_option()
@as_json_option()
def report(
    names: tuple[str, ...], intervals: bool, plot: Path | None, beside: str | None, runs_dir: Path, as_json: bool
) -> None:
    """Show runs as the paper's table, side by side.

    RUN is a run's folder, the beginning of its name as `unlearnzoo runs` shows it, or a folder with runs somewhere
    below it. The gold standard for it (`retrain`) joins where it lies in the same folder of runs.
    """
    from ..records import gold_standard, store
    from ..reports import report as reports
    from ..reports import text

    # The same run, named twice, is one run.
    folders = dict.fromkeys(folder.resolve() for name in names for folder in store.below(store.resolve(name, runs_dir)))
    records = gold_standard.beside([store.load(folder) for folder in folders])
    paper = _beside(records, beside) if beside else None
    if plot is not None:
        from ..reports.curve_plot import draw

        draw(records, plot)
    facts = reports.data(records, intervals or as_json)
    if as_json:
        show_json(facts if paper is None else {**facts, "beside": paper}, allow_nan=False)
        return
    click.echo(text.render(reports.sections(facts, intervals)))
    if paper is not None:
        from ..reports.published import section

        click.echo("".join(f"\n{text.render([section(part)])}\n" for part in paper), nl=False)
    if plot is not None:
        click.echo(f"\nThe picture is in {click.format_filename(plot)}.")


def _beside(records: "Records", name: str) -> "list[Part]":
    from ..registry.zoo import Zoo
    from ..reports import published

    return published.data(records, name, Zoo.installed())

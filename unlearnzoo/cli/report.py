"""``unlearnzoo report``: the tables and the picture of one run, or of several side by side."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .common import PATH, as_json_option, records_option, show_json

if TYPE_CHECKING:
    from ..records.types import AnyRecord
    from ..reports.methods import Records
    from ..reports.published import Part


@click.command()
@click.argument("names", metavar="RUN...", nargs=-1, required=True)
@click.option("--intervals", is_flag=True, help="Give each number its interval over people.")
@click.option("--plot", type=PATH, metavar="FILE", help="Draw the curves, too (png, svg, pdf).")
@click.option("--beside", metavar="BENCHMARK-paper", help="The paper's numbers beside ours, such as remem-paper.")
@click.option(
    "--verify",
    is_flag=True,
    help="Only hold each record against its files' hashes and its samples; exit code 1 if not.",
)
@records_option()
@as_json_option()
def report(
    names: tuple[str, ...],
    intervals: bool,
    plot: Path | None,
    beside: str | None,
    verify: bool,
    runs_dir: Path,
    as_json: bool,
) -> None:
    """Show runs as the paper's table, side by side.

    RUN is a run's folder, the beginning of its name as `unlearnzoo runs` shows it, or a folder with runs somewhere
    below it. The gold standard for it (`retrain`) joins where it lies in the same folder of runs.
    """
    from ..records import gold_standard
    from ..reports import report as reports
    from ..reports import text

    given = _given(names, runs_dir)
    if verify:
        if intervals or plot or beside:
            raise click.UsageError("--verify takes RUN, --runs-dir and --json")
        _verify(given, as_json)
        return
    records = gold_standard.beside(given)
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


def _given(names: tuple[str, ...], runs_dir: Path) -> "list[AnyRecord]":
    """Return the records that are named; of a folder of runs those that can be read, and say why others cannot."""
    from ..errors import DataError
    from ..records import store
    from ..terminal import printable

    # The same run, named twice, is one run.
    records: dict[Path, AnyRecord] = {}
    faults: list[DataError] = []
    for name in names:
        folders = store.below(store.resolve(name, runs_dir))
        for folder in map(Path.resolve, folders):
            try:
                records[folder] = store.load(folder)
            except DataError as error:
                if len(folders) == 1:
                    raise
                faults.append(error)
    if not records:
        raise faults[0]
    for fault in faults:
        click.echo(printable(f"left out: {fault}"), err=True)
    return list(records.values())


def _verify(records: "Records", as_json: bool) -> None:
    """Say of each record whether it is what its run wrote.

    Raises:
        DataError: one is not.
    """
    from ..errors import DataError
    from ..reports.verify import verify
    from ..terminal import printable

    found = [verify(record) for record in records]
    if as_json:
        show_json(found)
    for one in [] if as_json else found:
        name = Path(one["folder"]).name
        lines = [f"{name}: {line}" for line in one["differences"]] or [f"{name}: verified"]
        for line in [*lines, *(f"  not verified: {line}" for line in one["unverified"])]:
            click.echo(printable(line))
    if wrong := [Path(one["folder"]).name for one in found if one["differences"]]:
        raise DataError(f"--verify: {len(wrong)} of {len(found)} records differ from what is beside them: {wrong[0]}")


def _beside(records: "Records", name: str) -> "list[Part]":
    from ..registry.zoo import Zoo
    from ..reports import published

    return published.data(records, name, Zoo.installed())

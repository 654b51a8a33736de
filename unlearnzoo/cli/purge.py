"""``unlearnzoo purge``: remove what still holds the people whom a run forgot."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import DataError
from .common import DEFAULT_RUNS, as_json_option, records_option, show_json

if TYPE_CHECKING:
    from ..records.store import Entry


@click.command()
@click.argument("names", metavar="RUN...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All runs of the folder, and all of the cache.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@records_option()
@as_json_option()
def purge(names: tuple[str, ...], everything: bool, yes: bool, runs_dir: Path, as_json: bool) -> None:
    """Remove adapters, samples and cached targets; scores stay.

    RUN is a run's folder, the beginning of its name, or a folder with runs somewhere below it, such as a sweep's.
    A run's own folder keeps `run.json` (scores, options, who was forgotten) and `steps.jsonl`.
    What another run shares, such as the target, is learned again when it is needed.
    """
    from ..records import purge as job
    from ..records import store
    from ..storage.cache import contents
    from ..terminal import printable

    if bool(names) == everything:
        raise click.UsageError("name runs, or give --all; one of the two")
    if everything:
        if not runs_dir.is_dir() and runs_dir != Path(DEFAULT_RUNS):
            raise DataError(f"--runs-dir {runs_dir}: there is no such folder")
        entries, cached = store.find(runs_dir), contents()
    else:
        entries, cached = [store.entry(run) for name in names for run in store.below(store.resolve(name, runs_dir))], []
    entries = list(_ours(entries))
    holdings = {Path(entry["folder"]): job.holdings(Path(entry["folder"]), entry["record"]) for entry in entries}
    job.refuse_running(Path(entry["folder"]) for entry in entries if entry["record"])
    for entry in entries:
        if entry["record"] is None and not everything:
            lost = "what the cache holds of it is not known (--all empties the cache)"
            click.echo(printable(f"{entry['folder']}: {entry['reason']}; {lost}"), err=True)
    paths = dict.fromkeys([*(path for left in holdings.values() for path in left), *cached])
    sizes = {str(path): job.size(path) for path in paths}
    for path, size in sizes.items():
        click.echo(printable(f"{size / 1e6:8.1f} MB  {path}"), err=True)
    if not sizes:
        click.echo("nothing to remove", err=True)
    elif not yes:
        click.confirm("Remove this for good?", abort=True, err=True)
    for entry in entries:
        job.purge(Path(entry["folder"]), entry["record"])
    job.remove(cached)
    if as_json:
        show_json([{"path": path, "bytes": size} for path, size in sizes.items()])
    elif sizes:
        click.echo(f"removed {sum(sizes.values()) / 1e6:.1f} MB; the scores are still there")


def _ours(entries: "Iterable[Entry]") -> "Iterator[Entry]":
    """Yield the runs; of any other folder say that it stays."""
    from ..records.purge import not_ours
    from ..terminal import printable

    for entry in entries:
        if reason := not_ours(Path(entry["folder"]), entry["record"]):
            click.echo(printable(f"{entry['folder']}: left alone: {reason}"), err=True)
        else:
            yield entry

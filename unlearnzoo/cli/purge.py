"""``unlearnzoo purge``: remove what still holds the people whom a run forgot."""

import json
from pathlib import Path

import click

from .common import as_json_option, records_option


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
        entries, cached = store.find(runs_dir), contents()
    else:
        entries, cached = [store.entry(run) for name in names for run in store.below(store.resolve(name, runs_dir))], []
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
        click.echo(json.dumps([{"path": path, "bytes": size} for path, size in sizes.items()], indent=2))
    elif sizes:
        click.echo(f"removed {sum(sizes.values()) / 1e6:.1f} MB; the scores are still there")

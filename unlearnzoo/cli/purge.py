"""``unlearnzoo purge``: remove what still holds the people whom a run forgot."""

import json
from pathlib import Path

import click

from .common import as_json_option
from .runs import runs_dir_option


@click.command()
@click.argument("names", metavar="RUN...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All runs of the folder, and all of the cache.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@runs_dir_option
@as_json_option
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
        found, more = store.find(runs_dir), contents()
    else:
        folders = [folder for name in names for folder in store.below(store.resolve(name, runs_dir))]
        found, more = list(map(store.entry, folders)), []
    own = [path for entry in found for path in job.holdings(Path(entry["folder"]), entry["record"])]
    paths = list(dict.fromkeys([*own, *more]))
    for entry in found:
        if entry["record"] is None and not everything:
            click.echo(
                printable(
                    f"{entry['folder']}: {entry['reason']}; what the cache holds of it is not known "
                    "(--all empties the cache)"
                ),
                err=True,
            )
    sizes = [job.size(path) for path in paths]
    rows = [{"path": str(path), "bytes": size} for path, size in zip(paths, sizes, strict=True)]
    for path, size in zip(paths, sizes, strict=True):
        click.echo(printable(f"{size / 1e6:8.1f} MB  {path}"), err=True)
    if not rows:
        click.echo("nothing to remove", err=True)
    elif not yes:
        click.confirm("Remove this for good?", abort=True, err=True)
    job.remove(paths, [entry["record"] for entry in found if entry["record"]])
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    elif rows:
        click.echo(f"removed {sum(sizes) / 1e6:.1f} MB; the scores are still there")

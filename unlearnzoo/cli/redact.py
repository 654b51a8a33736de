"""``unlearnzoo redact``: take texts and names out of runs that were made without ``--redact``."""

from pathlib import Path

import click

from ..errors import DataError
from .common import as_json_option, records_option, show_json


@click.command()
@click.argument("names", metavar="RUN...", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@records_option()
@as_json_option()
def redact(names: tuple[str, ...], yes: bool, runs_dir: Path, as_json: bool) -> None:
    """Take texts, names and adapters out of runs; scores stay.

    As `run --redact` would have left them out, and whole names in paths and the command line, too; the data are not
    needed. RUN is a run's folder, the beginning of its name, or a folder with runs somewhere below it. What the cache
    holds stays: see `unlearnzoo purge`.
    """
    from ..records import purge as job
    from ..records import store
    from ..terminal import printable

    folders = list(dict.fromkeys(run for name in names for run in store.below(store.resolve(name, runs_dir))))
    records = {folder: store.load(folder) for folder in folders}
    for folder, record in records.items():
        if reason := job.not_ours(folder, record):
            raise DataError(f"{folder}: {reason}")
    job.refuse_running(folders)
    found = {folder: job.to_redact(folder, record) for folder, record in records.items()}
    for folder, one in found.items():
        done = "redacted already"
        text = f"texts of {one.answers} answers, names of {one.people} people" if one.people else done
        parts = [text, *(f"{path.name} ({job.size(path) / 1e6:.1f} MB)" for path in one.paths)]
        click.echo(printable(f"{folder}: {', '.join(parts)}"), err=True)
    if not yes and any(one.people or one.paths for one in found.values()):
        click.confirm("Take this out for good?", abort=True, err=True)
    said = {folder: job.redact(folder) for folder in folders}
    for lines in said.values():
        for line in lines:
            click.echo(printable(line), err=True)
    if as_json:
        rows = [
            {
                "folder": str(folder),
                "answers": one.answers,
                "people": one.people,
                "removed": [str(path) for path in one.paths],
                "unknown": said[folder],
            }
            for folder, one in found.items()
        ]
        show_json(rows)
    else:
        click.echo("the scores are still there; the cache holds targets and answers until `unlearnzoo purge`")

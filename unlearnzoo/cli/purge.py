"""``unlearnzoo purge``: remove what still holds the people whom a run forgot."""

import contextlib
import itertools
import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import DataError
from .common import DEFAULT_RUNS, PATH, as_json_option, records_option, show_json

if TYPE_CHECKING:
    from ..records.purge import File
    from ..records.store import Entry
    from ..records.types import RunRecord


@click.command()
@click.argument("names", metavar="RUN...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All runs of the folder, and all of the cache.")
@click.option(
    "--names", "hashed", is_flag=True, help="Put salted hashes in the place of people's names in the records."
)
@click.option(
    "--manifest", type=PATH, metavar="FILE", help="Where to say what was removed.  [default: beside the runs]"
)
@click.option("--keep-unlearned", is_flag=True, help="Keep the adapters, so that the target is not told from them.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@records_option()
@as_json_option()
def purge(
    names: tuple[str, ...],
    everything: bool,
    hashed: bool,
    manifest: Path | None,
    keep_unlearned: bool,
    yes: bool,
    runs_dir: Path,
    as_json: bool,
) -> None:
    """Remove adapters, samples and cached targets; scores stay.

    RUN is a run's folder, the beginning of its name, or a folder with runs somewhere below it, such as a sweep's.
    A run's own folder keeps `run.json` (scores, options, who was forgotten) and `steps.jsonl`.
    What another run shares, such as the target, is learned again when it is needed. It is refused while another
    command uses the cache. A manifest says what was removed, with SHA-256, and what no purge reaches.
    """
    from ..records import purge as job
    from ..storage.cache import cache_root, check_cache, purging
    from ..terminal import printable

    if bool(names) == everything:
        raise click.UsageError("name runs, or give --all; one of the two")
    check_cache()
    touched = _touched(names, everything, keep_unlearned, runs_dir)
    runs, paths = touched.runs, touched.paths
    gone = [*paths, cache_root()] if everything else paths
    file = _file(manifest, list(runs), gone, runs_dir if everything else Path())
    job.refuse_running(folder for folder, record in runs.items() if record)
    below_cache = everything or any(path.is_relative_to(cache_root()) for path in paths)
    with purging() if below_cache else contextlib.nullcontext():
        sizes = _asked(touched, everything, yes, hashed)
        found, kept = job.inventory(paths), job.inventory(touched.adapters)
        # Before as well: where it cannot be written nothing is removed, and a kill leaves what was to be.
        if runs or found:
            _write(file, found, touched.missing, kept, [*runs], hashed)
        try:
            _remove(runs, touched.cached, hashed, keep_unlearned)
        finally:
            if runs or found:
                _write(file, found, touched.missing, kept, [*runs], hashed)
                click.echo(printable(f"manifest: {file}"), err=True)
    if as_json:
        show_json([{"path": path, "bytes": size} for path, size in sizes.items()])
    elif sizes:
        click.echo(f"removed {sum(sizes.values()) / 1e6:.1f} MB; the scores are still there")


@dataclass(frozen=True)
class _Touched:
    """What a purge is about.

    Attributes:
        entries: the runs, as the folder of runs has them.
        runs: the same, folder → record; None where it is damaged.
        cached: what of the cache goes with ``--all``.
        paths: what is there and goes.
        missing: what was looked for and is not there.
        adapters: what is written anew, with ``--keep-unlearned``.
    """

    entries: "Sequence[Entry]"
    runs: "Mapping[Path, RunRecord | None]"
    cached: Sequence[Path]
    paths: Sequence[Path]
    missing: Sequence[str]
    adapters: Sequence[Path]


def _touched(names: Sequence[str], everything: bool, keep_unlearned: bool, runs_dir: Path) -> _Touched:
    """Find what a command line means; of a folder that is no run it is said that it stays.

    Raises:
        DataError: there is no such folder or run, or no adapter to keep.
    """
    from ..records import purge as job
    from ..records import store
    from ..records.run_file import ADAPTER
    from ..storage.cache import contents

    if everything and not runs_dir.is_dir() and runs_dir != Path(DEFAULT_RUNS):
        raise DataError(f"--runs-dir {runs_dir}: there is no such folder")
    folders = [run for name in names for run in store.below(store.resolve(name, runs_dir))]
    entries = list(_ours(store.find(runs_dir) if everything else map(store.entry, folders)))
    cached = contents() if everything else []
    runs = {Path(entry["folder"]): entry["record"] for entry in entries}
    places = dict.fromkeys([*(path for run in runs.items() for path in job.places(*run)), *cached])
    adapters = [folder / ADAPTER for folder in runs if (folder / ADAPTER).is_dir()] if keep_unlearned else []
    if keep_unlearned and not adapters:
        raise DataError("--keep-unlearned: none of these runs has an adapter (one with --redact keeps none)")
    paths = [path for path in places if os.path.lexists(path) and path not in adapters]
    missing = [str(path) for path in places if path not in (*paths, *adapters)]
    return _Touched(entries, runs, cached, paths, missing, adapters)


def _remove(runs: "Mapping[Path, RunRecord | None]", cached: Sequence[Path], hashed: bool, unlearned: bool) -> None:
    """Remove what was asked about; the salt of hashed names is shown, and kept nowhere."""
    from ..records import purge as job
    from ..terminal import printable

    salt = secrets.token_bytes(16) if hashed else None
    if salt is not None:
        # First of all: hashes whose salt was lost would prove nothing.
        told = "whoever has it can tell which hash is whom; it is kept nowhere, so note it now"
        click.echo(f"salt of the names: {salt.hex()} ({told})", err=True)
    # One may lie in what another loses.
    for folder, record in sorted(runs.items(), key=lambda run: len(run[0].parts), reverse=True):
        for line in job.purge(folder, record, salt, unlearned):
            click.echo(printable(line), err=True)
    job.remove(cached)


def _file(manifest: Path | None, runs: Sequence[Path], paths: Sequence[Path], beside: Path) -> Path:
    """Return where the manifest goes.

    Raises:
        DataError: it cannot go there, or would go with what is removed.
    """
    folder = Path(os.path.commonpath([run.absolute().parent for run in runs])) if runs else beside
    file = manifest or _new_name(folder if folder.is_dir() else Path())
    if manifest is not None and os.path.lexists(file):
        raise DataError(f"--manifest {file}: it is there already; name another file")
    if not os.access(file.absolute().parent, os.W_OK):
        raise DataError(f"{file}: the manifest cannot be written there; name a file by --manifest")
    if any(file.resolve().is_relative_to(path.resolve()) for path in paths):
        raise DataError(f"--manifest {file}: it lies in what is removed; name a file elsewhere")
    return file


def _new_name(folder: Path) -> Path:
    """Return where no manifest is: that of another purge in the same second stays."""
    time = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
    names = (f"purged-{time}{f'-{number}' if number > 1 else ''}.json" for number in itertools.count(1))
    return next(folder / name for name in names if not os.path.lexists(folder / name))


def _write(
    file: Path,
    found: "Sequence[File]",
    missing: Sequence[str],
    kept: "Sequence[File]",
    runs: Sequence[Path],
    hashed: bool,
) -> None:
    """Write the manifest: what is gone by now, what was not there, what stays and what is beyond reach."""
    from .. import __version__
    from ..storage.atomic import atomic_write
    from ..storage.cache import USERS, cache_root

    left = [path for folder in runs for path in sorted(folder.rglob("*")) if path.is_file()]
    # Not `cache_folder`, which would begin an emptied cache anew.
    parts = sorted(cache_root().iterdir()) if cache_root().is_dir() else []
    cache = [path for path in parts if path.name != USERS and path.is_dir() and any(path.iterdir())]
    manifest = {
        "unlearnzoo": __version__,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "removed": [_told(one) for one in found if not os.path.lexists(one.path)],
        "not_removed": [os.path.abspath(one.path) for one in found if os.path.lexists(one.path)],
        "not_found": [os.path.abspath(path) for path in missing],
        "rewritten": [_told(one) for one in kept],
        "stays": [os.path.abspath(path) for path in (*left, *cache)],
        "names": _HASHES if hashed else None,
        "beyond_reach": _BEYOND,
    }
    atomic_write(file, (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace"))


def _told(file: "File") -> dict[str, object]:
    """Return what a manifest says of a file; the folder that the command was typed in stands nowhere else."""
    return {**file._asdict(), "path": os.path.abspath(file.path)}


#: What no purge reaches, for whoever asks what is left.
_BEYOND = [
    "copies, backups, snapshots and other versions of a file system, also of what was removed here",
    "other machines, and the caches of other users",
    "other folders of runs (--runs-dir, --out) than those of the runs named here",
    "what was uploaded: a model hub, a tracker, an endpoint that judged answers",
    "your own data, data sets that were built, weights that were merged",
    "blocks of a disk that hold a removed file until they are overwritten",
]
_HASHES = "in the place of a name: p, and the first 16 hex digits of HMAC-SHA256(salt, the name in UTF-8)"


def _asked(touched: _Touched, everything: bool, yes: bool, hashed: bool) -> dict[str, int]:
    """Show what goes, ask whether it may, and return the bytes of each path.

    Raises:
        click.Abort: it may not.
    """
    from ..records.purge import size as size_of
    from ..terminal import printable

    for entry in touched.entries:
        if entry["record"] is None and not everything:
            lost = "what the cache holds of it is not known (--all empties the cache)"
            click.echo(printable(f"{entry['folder']}: {entry['reason']}; {lost}"), err=True)
    sizes = {str(path): size_of(path) for path in touched.paths}
    for path, size in sizes.items():
        click.echo(printable(f"{size / 1e6:8.1f} MB  {path}"), err=True)
    for adapter in touched.adapters:
        click.echo(printable(f"written anew, the target mixed in: {adapter}"), err=True)
    for entry in touched.entries if hashed else ():
        click.echo(printable(f"names become hashes in {entry['folder']}"), err=True)
    if not sizes:
        click.echo("nothing to remove", err=True)
    if (sizes or touched.adapters or (hashed and touched.entries)) and not yes:
        click.confirm("Remove this for good?", abort=True, err=True)
    return sizes


def _ours(entries: "Iterable[Entry]") -> "Iterator[Entry]":
    """Yield the runs; of any other folder say that it stays."""
    from ..records.purge import not_ours
    from ..terminal import printable

    for entry in entries:
        if reason := not_ours(Path(entry["folder"]), entry["record"]):
            click.echo(printable(f"{entry['folder']}: left alone: {reason}"), err=True)
        else:
            yield entry

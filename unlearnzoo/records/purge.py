"""Remove what still holds the people whom a run forgot: adapters, samples, caches; or texts and names alone.

A target adapter *is* the secret that unlearning is about, and samples quote it.
"""

import json
import re
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from ..benchmark import utility_part
from ..data.names import Names
from ..errors import DataError, RunError
from ..evaluation.samples import Sample, write_samples
from ..storage.atomic import atomic_path, file_hash, left_beside, refuse_links, write_error
from ..storage.cache import cache_folder, partial_target
from . import store
from .redaction import Redactor
from .run_file import ADAPTER, CHECKPOINT, RUN, SAMPLES, hashes, locked, write
from .types import AnyRecord, RunJson, RunRecord

#: A record is a file that anybody may have edited: nothing else is taken for a name in the cache.
_NAME = re.compile(r"[0-9a-f]{20}(-(base|target)\.parquet)?")
#: How a run's folder is called: its time, algorithm, benchmark and configuration.
_RUN_NAME = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ_.+_[0-9a-f]{8}(-\d+)?")


def places(folder: Path, record: RunRecord | None) -> list[Path]:
    """Return where a run may have left what holds people's data, its scores apart.

    Args:
        folder: the run's.
        record: from ``store.load``; None where it is damaged, so that its target in the cache is unknown.
    """
    target = record.get("target") or {} if record else {}
    paths = [folder / ADAPTER, folder / SAMPLES, folder / CHECKPOINT]
    names = [str(name) for name in (target.get("key"), *(target.get("judged") or ()))]
    for name in filter(_NAME.fullmatch, names):
        if name.endswith(".parquet"):
            paths.append(cache_folder("judged") / name)
        else:
            paths += [cache_folder("targets") / name, partial_target(name)]
    return [*paths, *(left for path in (*paths, folder / RUN) for left in left_beside(path))]


def holdings(folder: Path, record: RunRecord | None) -> list[Path]:
    """Return those of a run's ``places`` where something is."""
    return [path for path in places(folder, record) if path.exists() or path.is_symlink()]


def not_ours(folder: Path, record: RunRecord | None) -> str | None:
    """Say why a folder is not one that a run left; None where it is.

    Args:
        folder: by any name.
        record: from ``store.load``; None where it has none, or a damaged one: then the folder's name tells.
    """
    if folder.is_symlink():
        return "a link, and nothing is removed through one; name the folder that it points to"
    if record is not None or (_RUN_NAME.fullmatch(folder.name) and (folder / RUN).is_file()):
        return None
    return "no run's folder; it has no record of one"


class File(NamedTuple):
    """A file that is to be removed; ``sha256`` is None of a link, which is removed without what it points to."""

    path: str
    bytes: int
    sha256: str | None


def inventory(paths: Iterable[Path]) -> list[File]:
    """Return each file that removing some paths removes.

    Raises:
        RunError: one cannot be read.
    """
    try:
        files = dict.fromkeys(file for path in paths for file in _files(path))
        return [File(str(f), f.lstat().st_size, None if f.is_symlink() else file_hash(f)) for f in files]
    except OSError as error:
        raise RunError(f"{error.filename}: cannot be read: {error.strerror}") from None


def size(path: Path) -> int:
    """Return the bytes of a file or of all files in a folder; a link counts as itself."""
    return sum(file.lstat().st_size for file in _files(path))


def _files(path: Path) -> list[Path]:
    """Return a path, or what is at any depth below it where it is a folder; links are not followed."""
    if path.is_symlink() or not path.is_dir():
        return [path]
    return sorted(p for p in path.rglob("*") if p.is_symlink() or not p.is_dir())


def refuse_running(folders: Iterable[Path]) -> None:
    """Refuse to touch runs that go on.

    Raises:
        RunError: another process works on one of them, by name.
    """
    for folder in folders:
        with locked(folder):
            pass


def purge(folder: Path, record: RunRecord | None, salt: bytes | None = None, unlearned: bool = False) -> list[str]:
    """Remove what a run left that holds people's data, and say so in its record.

    Args:
        folder: the run's.
        record: as of ``holdings``.
        salt: key of the hashes to put in the place of people's names; None leaves the names.
        unlearned: keep the adapter of the unlearned model, so that the target is not told from it.

    Returns:
        What could not be done about names, one line each.

    Raises:
        ModelError: its adapter is none that a run saved; nothing is removed.
        RunError: it is running, or something cannot be removed; what was removed before it stays so.
    """
    if record is None:
        if holdings(folder, None):
            with locked(folder):
                remove(holdings(folder, None))
        return [f"{folder}: its record is damaged, and may hold names: remove the folder"] if salt else []
    with locked(folder):
        # Read again, without the types: nothing that this version does not know is lost.
        fields = json.loads((folder / RUN).read_bytes())
        said: list[str] = []
        if salt is not None:
            fields, said = _hashed(folder, fields, record, salt)
        own = [path for path in holdings(folder, record) if path != folder / SAMPLES]
        if unlearned and folder / ADAPTER in own:
            from ..models.adapter_export import mix

            refuse_links(folder / ADAPTER)
            mix(folder / ADAPTER)
            fields["files"] = {**fields.get("files", {}), **hashes(folder, ADAPTER)}
            own.remove(folder / ADAPTER)
        remove(own)
        if salt is not None:
            write(folder, fields)  # the samples tell whose names are looked for, and go when that is done
        remove([folder / SAMPLES])
        write(folder, fields | {"purged": _now()})
    return said


def _hashed(
    folder: Path, fields: dict[str, object], record: RunRecord, salt: bytes
) -> tuple[dict[str, object], list[str]]:
    """Return a record's fields with salted hashes for names, and what is not known."""
    if is_redacted(record):
        return fields, [f"{folder}: its people are pseudonyms already"]
    try:
        samples = store.samples(record)
    except DataError:
        samples = None
    clean = _nameless(folder, fields, Redactor((), (), salt), samples or ())
    return clean | {"redacted": _now()}, _unknown(folder, record, samples)


class Redacted(NamedTuple):
    """What a redaction takes out of a run, or took."""

    answers: int
    people: int
    paths: list[Path]


def to_redact(folder: Path, record: RunRecord) -> Redacted:
    """Return what redacting a run would take out of it; nothing of one that was redacted.

    Raises:
        DataError: its samples are damaged.
    """
    samples = store.samples(record) or []
    own = [folder / ADAPTER, folder / CHECKPOINT]
    if is_redacted(record):
        # Texts are there only where a redaction was stopped between its two last writes.
        own += [folder / SAMPLES] * any(s.question or s.answer or s.prediction for s in samples)
    own += [left for name in (ADAPTER, SAMPLES, RUN) for left in left_beside(folder / name)]
    paths = [path for path in own if path.exists() or path.is_symlink()]
    if is_redacted(record):
        return Redacted(0, 0, paths)
    return Redacted(len(samples), len(_people(record, samples)), paths)


def redact(folder: Path) -> list[str]:
    """Take texts, names and adapter out of a run that is over, as ``--redact`` would have left them out.

    Returns:
        What is not known, one line each.

    Raises:
        DataError: record or samples are damaged.
        RunError: it is running, holds links, or something cannot be written or removed.
    """
    refuse_links(folder)
    with locked(folder):
        record = store.load(folder)
        paths = to_redact(folder, record).paths
        said = [] if is_redacted(record) else _redacted(folder, record)
        remove(paths)
    return said


def _redacted(folder: Path, record: RunRecord) -> list[str]:
    """Write record and samples anew; return what is not known."""
    samples = store.samples(record)
    redactor = Redactor.of_record(record, samples or ())
    fields = _nameless(folder, json.loads((folder / RUN).read_bytes()), redactor, samples or ())
    if isinstance(typed := fields.get("arguments"), dict):
        fields["arguments"] = typed | {"redact": True}
    fields |= {"redacted": _now(), "files": {}}
    if samples is None:
        write(folder, fields)
        return _unknown(folder, record, samples)
    path = folder / SAMPLES
    try:
        with atomic_path(path) as fresh:
            write_samples(fresh, redactor.samples(samples))
            write(folder, fields | {"files": {SAMPLES: file_hash(fresh)}})
    except OSError as error:
        raise write_error(path, error) from None
    return _unknown(folder, record, samples)


def is_redacted(record: AnyRecord) -> bool:
    """Return whether a record holds pseudonyms: made so, or afterwards."""
    return bool((record.get("arguments") or {}).get("redact") or record.get("redacted"))


def _nameless(
    folder: Path, fields: dict[str, object], redactor: Redactor, samples: Iterable[Sample]
) -> dict[str, object]:
    """Return a record's fields without the names that its samples and itself tell.

    Raises:
        RunError: what is left would be no record.
    """
    clean = redactor.nameless(fields, _people_of(samples))
    try:
        msgspec.convert(clean, RunJson)
    except msgspec.ValidationError:
        raise RunError(f"{folder}: left as it is: a person is called like a word of the record itself") from None
    return clean


def _people(record: AnyRecord, samples: Iterable[Sample]) -> set[str]:
    return {*record["benchmark"].get("forget_identities", ()), *_people_of(samples)}


def _people_of(samples: Iterable[Sample]) -> set[str]:
    """Return whom answers are about; those of utility benchmarks are about nobody private."""
    return {person for s in samples if utility_part(s.split) is None for person in s.identities}


def _unknown(folder: Path, record: AnyRecord, samples: list[Sample] | None) -> list[str]:
    """Return what is not known of a run's people, one line each."""
    said = []
    if samples is None:
        said.append(
            f"{folder}: it kept no answers, so names are known of the forget identities alone; look for others in "
            "`command` and `arguments` of run.json yourself"
        )
    people = _people(record, samples or ())
    if Names(people, lambda name: "").text(folder.name) != folder.name:
        said.append(f"{folder}: the folder itself is called by a person's name; rename it")
    return said


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def remove(paths: Iterable[Path]) -> None:
    """Remove files and folders, never what a link points to.

    Raises:
        RunError: one cannot be removed; what was removed before it stays so.
    """
    for path in paths:
        try:
            if path.is_symlink() or not path.is_dir():
                path.unlink()
            else:
                shutil.rmtree(path)
        except FileNotFoundError:
            continue  # shared with another run, or below a folder that went before
        except OSError as error:
            raise write_error(path, error) from None

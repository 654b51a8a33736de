"""Find and read the records of earlier runs, also of those that were killed or damaged."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..benchmark import Column
from ..errors import DataError, UnknownName
from ..evaluation.samples import Sample, read_samples
from .record import RUN, SAMPLES, SCHEMA

#: What reports look into, and what it must be to be looked into.
_TYPES: dict[str, type | tuple[type, ...]] = {
    "status": str,
    "time": str,
    "algorithm": dict,
    "benchmark": dict,
    "model": dict,
    "results": list,
    "curve": list,
    "matched": dict,
}
_ROW = ("model", "split", "column", "who", "want", "metric", "group", "mean")


def load(path: Path) -> dict[str, Any]:
    """Read a record.

    Args:
        path: a run's folder, or its ``run.json``.

    Returns:
        The fields of ``run.json``, and ``folder``.

    Raises:
        DataError: there is none, it is damaged, or another version of unlearnzoo wrote it.
    """
    file = path if path.name == RUN else path / RUN
    try:
        found = json.loads(file.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(f"{path}: no run's folder; it has no {RUN}") from None
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError):
        raise DataError(f"{file}: damaged; it is no JSON") from None
    if not isinstance(found, dict) or "schema" not in found:
        raise DataError(f"{file}: no record of a run; it has no `schema`")
    if found["schema"] != SCHEMA:
        raise DataError(
            f"{file}: its schema is {found['schema']!r}, this unlearnzoo reads {SCHEMA}; use the version that wrote it"
        )
    _check(file, found)
    return {**found, "folder": str(file.parent)}


def _check(file: Path, record: Mapping[str, Any]) -> None:
    """Refuse what would fail later, in the middle of a table."""
    for name, kind in _TYPES.items():
        if not isinstance(record.get(name), kind):
            raise DataError(f"{file}: damaged; `{name}` is missing or of the wrong type")
    for name in ("results", "curve"):
        if not all(isinstance(entry, dict) for entry in record[name]):
            raise DataError(f"{file}: damaged; `{name}` holds something that is no row")
    for row in record["results"]:
        if lost := [name for name in _ROW if name not in row]:
            raise DataError(f"{file}: damaged; a row of `results` lacks `{lost[0]}`")
        if not isinstance(row["group"], dict):
            raise DataError(f"{file}: damaged; a row of `results` has no groups")
    if not all(isinstance(groups, dict) for groups in record["matched"].values()):
        raise DataError(f"{file}: damaged; `matched` holds something that is no level")


def find(runs_dir: Path) -> list[dict[str, Any]]:
    """List the runs of a folder, newest first; never fails over a single one.

    Returns:
        ``{"name", "folder", "time", "record", "reason"}``; of a folder without a readable record
        ``record`` is None and ``reason`` says why.

    Raises:
        DataError: the folder itself cannot be read.
    """
    if not runs_dir.exists():
        return []
    try:
        # What another command keeps here (a diagnosis, say) has a JSON record under another name.
        folders = [
            path
            for path in runs_dir.iterdir()
            if path.is_dir() and ((path / RUN).exists() or not any(path.glob("*.json")))
        ]
    except OSError as error:
        raise DataError(f"{runs_dir}: the runs cannot be listed ({error.strerror})") from None
    return sorted(map(entry, folders), key=lambda row: (row["time"], row["name"]), reverse=True)


def entry(folder: Path) -> dict[str, Any]:
    """Return a row of ``find``."""
    row = {"name": folder.name, "folder": str(folder), "record": None, "reason": None}
    try:
        record = load(folder)
    except DataError as error:
        changed = datetime.fromtimestamp(folder.stat().st_mtime, UTC).isoformat(timespec="milliseconds")
        return {**row, "time": changed, "reason": str(error).removeprefix(f"{folder}: ")}
    return {**row, "time": record["time"], "record": record}


def below(path: Path) -> list[Path]:
    """Return the folder of the run that a path is, or of all runs at any depth below it.

    Raises:
        DataError: there is none.
    """
    if path.name == RUN:
        return [path.parent]
    found = [path] if (path / RUN).exists() else sorted(file.parent for file in path.rglob(RUN))
    if not found:
        raise DataError(f"{path}: no run's folder; it has no {RUN}, nor has a folder below it")
    return found


def resolve(name: str, runs_dir: Path) -> Path:
    """Return the folder that a user means: a path, or the beginning of a run's name.

    Raises:
        UnknownName: no run begins so, or several do.
    """
    path = Path(name)
    if path.exists():
        return path
    found = sorted(p for p in runs_dir.glob("*") if p.is_dir() and p.name.startswith(name))
    exact = [p for p in found if p.name == name]
    if len(exact or found) == 1:
        return (exact or found)[0]
    if not found:
        raise UnknownName(f"no run {name!r} in {runs_dir}; `unlearnzoo runs` lists what is there")
    some = ", ".join(p.name for p in found[:3]) + (", ..." if len(found) > 3 else "")
    raise UnknownName(f"{name!r} is the beginning of {len(found)} runs: {some}; write more of it")


def samples(record: Mapping[str, Any]) -> list[Sample] | None:
    """Read the samples of a record; None where the run did not get so far.

    Raises:
        DataError: the file is damaged.
    """
    path = Path(record["folder"]) / SAMPLES
    return read_samples(path) if path.is_file() else None


def evals(record: Mapping[str, Any]) -> list[Column]:
    """Rebuild the columns of a record from the rows that they made."""
    found = {}
    for row in record["results"]:
        if row["model"] == "unlearned":
            found[row["column"]] = Column(
                row["column"],
                row["split"],
                row["metric"],
                row["who"],
                row["want"],
                tuple(row["group"]),
                row.get("detail", ""),
                row.get("all_of"),
                row.get("tagged"),
            )
    return list(found.values())


def comparable(record: Mapping[str, Any], other: Mapping[str, Any]) -> list[Column]:
    """Return the columns of a record without those whose metric had other options or another version in the other."""
    mine, theirs = (r.get("metrics") or {} for r in (record, other))
    return [
        e
        for e in evals(record)
        if mine.get(e.metric) == theirs.get(e.metric) or e.metric not in mine or e.metric not in theirs
    ]

"""Find and read the records of earlier runs, also of those that were killed or damaged."""

import os
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict, cast

import msgspec

from ..benchmark import Column
from ..data.problems import quoted
from ..errors import DataError, UnknownName
from ..evaluation.samples import Sample, read_samples
from ..storage.documents import read_json
from ..terminal import printable, shorten
from . import rules
from .run_file import READABLE, RUN, SAMPLES
from .types import AnyRecord, CurvePoint, RunJson, RunRecord


class Entry(TypedDict):
    """A folder of runs' row for one of them."""

    name: str
    folder: str
    time: str
    record: RunRecord | None
    reason: str | None


def load(path: Path) -> RunRecord:
    """Read a record.

    Args:
        path: a run's folder, or its ``run.json``.

    Returns:
        The fields of ``run.json``, those too that this version does not know, and ``folder``.

    Raises:
        DataError: there is none, it is damaged, or another version of unlearnzoo wrote it.
    """
    file = path if path.name == RUN else path / RUN
    try:
        fields = read_json(file)
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(f"{path}: no run's folder; it has no {RUN}") from None
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise DataError(f"{file}: {error}") from None
    if not isinstance(fields, dict) or "schema" not in fields:
        raise DataError(f"{file}: no record of a run; it has no `schema`")
    if fields["schema"] not in READABLE:
        readable = f"this unlearnzoo reads {' and '.join(map(str, READABLE))}"
        raise DataError(f"{file}: its schema is {fields['schema']!r}, {readable}; use the version that wrote it")
    try:
        # What comes out lacks the keys that the types do not know; it is only looked at.
        msgspec.convert(fields, RunJson)
    except msgspec.ValidationError as error:
        raise DataError(f"{file}: damaged; {printable(fault(str(error)))}") from None
    except UnicodeEncodeError:
        raise DataError(f"{file}: damaged; a text holds half of a character") from None
    if wrong := _curve_fault(fields["curve"]) or _share_fault(fields):
        raise DataError(f"{file}: damaged; {printable(wrong)}")
    return cast(RunRecord, {**fields, "folder": str(file.parent)})


def fault(message: str) -> str:
    """Return what msgspec says of a value, its key first.

    "Expected `object`, got `array` - at `$.results[0].group`" is "`results[0].group`: expected `object`, got `array`".
    """
    reason, _, place = message.replace("`key` in `$", "`$").partition(" - at `$")
    path = place.rstrip("`").lstrip(".")
    if reason.startswith("Object missing required field"):
        lost = reason.split("`")[1]
        return f"`{f'{path}.{lost}' if path else lost}` is missing"
    return f"`{path}`: {reason[0].lower()}{shorten(reason[1:], 200)}"  # it quotes a word whole that is none of those


def _curve_fault(curve: Sequence[CurvePoint]) -> str | None:
    """Return what is wrong with a curve that its type cannot say: which key is the step, and that steps go up."""
    last = 0
    for i, point in enumerate(curve):
        step = point.get("step")
        if not isinstance(step, int) or step < last:
            return f"`curve[{i}].step`: expected a whole number from {last} on, got {quoted(step)}"
        last = step
        if odd := [name for name, groups in point.items() if name != "step" and not isinstance(groups, dict)]:
            return f"`curve[{i}].{odd[0]}`: expected `object`, got {quoted(point[odd[0]])}"
    return None


def _share_fault(fields: AnyRecord) -> str | None:
    """Return which mean is no score from 0 to 1, where its row is not of a detail, which has a range of its own."""
    for key in ("results", "baselines"):
        for i, row in enumerate(fields.get(key) or ()):
            if row["mean"] is not None and not row.get("detail") and not 0 <= row["mean"] <= 1:
                return f"`{key}[{i}].mean`: expected a score from 0 to 1, got {quoted(row['mean'])}"
    return None


def find(runs_dir: Path) -> list[Entry]:
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


def entry(folder: Path) -> Entry:
    """Return a row of ``find``."""
    record, reason = None, None
    try:
        record = load(folder)
        time = record["time"]
    except DataError as error:
        reason = str(error).removeprefix(f"{folder}: ")
        time = datetime.fromtimestamp(folder.stat().st_mtime, UTC).isoformat(timespec="milliseconds")
    return {"name": folder.name, "folder": str(folder), "time": time, "record": record, "reason": reason}


def below(path: Path) -> list[Path]:
    """Return the folder of the run that a path is, or of all runs at any depth below it.

    Raises:
        DataError: there is none.
    """
    if path.name == RUN:
        return [path.parent]
    folders = [path] if (path / RUN).exists() else sorted(file.parent for file in path.rglob(RUN))
    if not folders:
        raise DataError(f"{path}: no run's folder; it has no {RUN}, nor has a folder below it")
    return folders


def resolve(name: str, runs_dir: Path) -> Path:
    """Return the folder that a user means: a path, or the beginning of a run's name.

    Raises:
        UnknownName: no run begins so, or several do.
    """
    path = Path(name)
    if path.exists():
        return path
    begins = sorted(p for p in runs_dir.glob("*") if p.is_dir() and p.name.startswith(name))
    exact = [p for p in begins if p.name == name]
    if len(exact or begins) == 1:
        return (exact or begins)[0]
    if not begins:
        raise UnknownName(f"no run {name!r} in {runs_dir}; `unlearnzoo runs` lists what is there")
    names = ", ".join(p.name for p in begins[:3]) + (", ..." if len(begins) > 3 else "")
    raise UnknownName(f"{name!r} is the beginning of {len(begins)} runs: {names}; write more of it")


def resume_command(record: AnyRecord) -> str:
    """Return what to type to resume a run: its code and metrics are named, which no record may start or send to."""
    typed = record.get("arguments") or {}
    flags = [f"--plugin {shlex.quote(os.path.expanduser(str(name)))}" for name in typed.get("plugins") or ()]
    flags += ["--trust-remote-code"] if typed.get("trust_remote_code") else []
    metrics = typed.get("metric")
    flags += [f"--metric {shlex.quote(','.join(map(str, metrics)))}"] if isinstance(metrics, list) and metrics else []
    return printable(" ".join(["unlearnzoo run --resume", shlex.quote(record["folder"]), *flags]))


def samples(record: AnyRecord) -> list[Sample] | None:
    """Read the samples of a record; None where the run did not get so far.

    Raises:
        DataError: the file is damaged.
    """
    path = Path(record["folder"]) / SAMPLES
    return read_samples(path) if path.is_file() else None


def evals(record: AnyRecord) -> list[Column]:
    """Rebuild the columns of a record from the rows that they made."""
    columns = {}
    for row in record["results"]:
        if row["model"] == "unlearned":
            columns[row["column"]] = Column(
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
    return list(columns.values())


def comparable(record: AnyRecord, other: AnyRecord) -> list[Column]:
    """Return the columns of a record that measure the same in the other.

    Left out are those whose metric had other options or another version there, and those whose answers were cut
    elsewhere; all, where pictures or texts were read by another rule.
    """
    if rules.reading(record) != rules.reading(other):
        return []
    metrics, others = (r.get("metrics") or {} for r in (record, other))
    cuts, theirs = rules.cuts(record), rules.cuts(other)
    return [
        column
        for column in evals(record)
        if (
            metrics.get(column.metric) == others.get(column.metric)
            or column.metric not in metrics
            or column.metric not in others
        )
        and cuts.get(column.split) == theirs.get(column.split)
    ]

"""The numbers of a sweep's points, averaged over its repeats."""

import dataclasses
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypedDict

from ..errors import DataError
from ..evaluation.intervals import spread
from ..records import rules
from ..records.run_file import RUN
from ..records.store import load
from ..records.types import RunRecord
from ..reports.comparison import end
from ..reports.scores import group_label
from ..reports.table import Block, Table, in_order, interval, percent, scored
from ..storage.documents import read_json
from ..terminal import printable
from .spec import Spec
from .state import DONE, RUNS, Point, Result, Status, Value, shown

#: An axis's name in a row where one point made several records.
ALGORITHM = "algorithm"
#: Commands that always leave a record.
RECORDING = ("run", "learn", "evaluate")
#: Beyond it the interval of some values is no number.
_LARGEST = 1e100


class Row(TypedDict):
    """One column and group at one combination of axes that are no repeats.

    Attributes:
        axes: axis → value.
        share: whether it is one, 0 to 1.
        mean: over the repeats; None where no run gave a value.
        low: lower end of Student's 95 % interval; None below three values.
        high: upper end.
        n: how many values there are; a level of forgetting that a run did not reach is none.
        values: of each point.
        scored: answers behind them that could be scored; 0 for what is read off a curve or a file.
        unscored: those that could not, and are left out.
    """

    axes: dict[str, str]
    column: str
    group: str
    share: bool
    mean: float | None
    low: float | None
    high: float | None
    n: int
    values: list[float]
    scored: int
    unscored: int


class PointRow(TypedDict):
    """One point of a sweep in ``table.json``; ``unread``: what it wrote that cannot be read, each with the reason."""

    key: str
    values: dict[str, Value]
    argv: list[str]
    status: Status
    folder: str
    result: Result | None
    unread: list[str]


class SweepTable(TypedDict):
    """``table.json``."""

    sweep: str
    repeats: list[str]
    table: list[Row]
    points: list[PointRow]


@dataclasses.dataclass(frozen=True)
class _Number:
    """One number of one point: a share, or something of another unit; None for a level that was not reached."""

    column: str
    group: str
    value: float | None
    share: bool
    scored: int = 0
    unscored: int = 0


@dataclasses.dataclass(frozen=True)
class Found:
    """What a finished point wrote into one of its folders.

    Attributes:
        record: None where there is none: a plugin's command may write other files.
        axes: what tells it from other records of the point.
        numbers: of the columns asked for.
        problem: why it is not in the table; None where it can be read.
    """

    point: Point
    record: RunRecord | None = None
    axes: dict[str, str] = dataclasses.field(default_factory=dict)
    numbers: Sequence[_Number] = ()
    problem: str | None = None


def read(spec: Spec, points: Sequence[Point]) -> list[Found]:
    """Read what finished points wrote, each record once; one that cannot be read has a ``problem``."""
    return [found for point in points for found in _of_point(point, spec.columns)]


def as_data(spec: Spec, points: Sequence[Point], table_rows: list[Row], found: Sequence[Found]) -> SweepTable:
    """Return a sweep as data: its rows, and what came of each point."""
    return {
        "sweep": spec.name,
        "repeats": list(spec.repeats),
        "table": table_rows,
        "points": [
            {
                "key": point.key,
                "values": dict(point.values),
                "argv": ["unlearnzoo", *point.argv],
                "status": point.status,
                "folder": str(point.folder),
                "result": point.result,
                "unread": [one.problem for one in found if one.point is point and one.problem],
            }
            for point in points
        ],
    }


def rows(spec: Spec, found: Sequence[Found]) -> list[Row]:
    """Return one row per combination of axes that are no repeats, column and group.

    Raises:
        DataError: nothing that can be read has one of the columns asked for.
    """
    by_place: dict[str, Row] = {}
    for one in found:
        values = one.point.values.items()
        axes = {name: shown(value) for name, value in values if name not in spec.repeats} | one.axes
        for number in one.numbers:
            row = by_place.setdefault(json.dumps([axes, number.column, number.group]), _empty(axes, number))
            row["values"] += [] if number.value is None else [number.value]
            row["scored"] += number.scored
            row["unscored"] += number.unscored
    for row in by_place.values():
        if row["values"]:
            row["mean"], row["low"], row["high"], row["n"] = spread(row["values"])
    known = {row["column"] for row in by_place.values()}
    lost = [name for name in spec.columns if name not in known]
    if lost and not all(one.problem for one in found):
        names = dict.fromkeys(number.column for one in found for number in _all(one.record))
        raise DataError(f"no finished point has a column {lost[0]!r}; there is {', '.join(names) if names else 'none'}")
    order = {name: i for i, name in enumerate(spec.columns)}
    return sorted(by_place.values(), key=lambda row: order.get(row["column"], len(order)))


def unlike(found: Sequence[Found]) -> str | None:
    """Say that some points were made by other rules than others, so that one table has both; None where all agree."""
    counts = Counter(rules.reading(one.record) for one in found if one.record)
    if len(counts) < 2:
        return None
    each = "; ".join(f"{reading}: {n} records" for reading, n in counts.items())
    return f"points were made by other rules ({each}): not to be compared; do all of them in a new --out"


def _empty(axes: dict[str, str], number: _Number) -> Row:
    return {
        "axes": axes,
        "column": number.column,
        "group": number.group,
        "share": number.share,
        "values": [],
        "mean": None,
        "low": None,
        "high": None,
        "n": 0,
        "scored": 0,
        "unscored": 0,
    }


def _of_point(point: Point, columns: Sequence[str]) -> Iterator[Found]:
    """Yield what a finished point wrote, folder by folder."""
    result = point.result
    if result is None or result["exit"] not in DONE:
        return
    folders = [point.folder / RUNS / name for name in result.get("records", [])]
    if not folders:
        yield Found(point)
    for folder in folders:
        try:
            record = load(folder) if _has_record(point, folder) else None
            numbers = [n for c in columns for n in _asked(folder, record, c)] if columns else list(_all(record))
        except DataError as error:
            yield Found(point, problem=printable(str(error)))
        else:
            axes = {ALGORITHM: str(record["algorithm"].get("name"))} if record and len(folders) > 1 else {}
            yield Found(point, record, axes, numbers)


def _has_record(point: Point, folder: Path) -> bool:
    """Return whether there is a record, or has to be one: a plugin's command may leave other files alone."""
    return point.argv[0] in RECORDING or not folder.is_dir() or os.path.lexists(folder / RUN)


def _asked(folder: Path, record: RunRecord | None, column: str) -> Iterator[_Number]:
    """Yield one column: ``EMf``, ``target:EMf``, ``EMr@0.10``, or ``FILE.json:key.key``."""
    owner, _, name = column.rpartition(":")
    if owner.endswith(".json"):
        yield from _of_file(folder / Path(owner).name, name, column)
    elif record and "@" in name:
        kept, _, level = name.partition("@")
        headings = {
            value: group_label(tuple(row["group"].items()))
            for row in record["results"]
            for value in row["group"].values()
        }
        for name_of_group, share in (record["matched"].get(_level(level)) or {}).items():
            if kept in record["curve"][0]:
                yield _Number(column, headings.get(name_of_group, name_of_group), share, True)
    elif record:
        yield from (dataclasses.replace(n, column=column) for n in _all(record, owner or None) if n.column == name)


def _all(record: RunRecord | None, model: str | None = None) -> Iterator[_Number]:
    """Yield all results of a model: of the one that the run is about, unless another is named."""
    if record is None:
        return
    for row in record["results"]:
        if row["model"] == (model or end(record)):
            label = group_label(tuple(row["group"].items()))
            yield _Number(row["column"], label, row["mean"], True, row.get("n", 0), row.get("unscored", 0))


def _level(text: str) -> str:
    """Return a level as records name it: ``10%`` and ``.1`` are ``0.10``."""
    try:
        return f"{float(text.removesuffix('%')) / (100 if text.endswith('%') else 1):.2f}"
    except ValueError:
        return text


def _of_file(path: Path, name: str, column: str) -> Iterator[_Number]:
    """Yield a number of another file, or each of a mapping of numbers."""
    try:
        value = read_json(path)
    except OSError:
        return
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None
    for key in name.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    for group, number in value.items() if isinstance(value, dict) else [("", value)]:
        if isinstance(number, int | float) and not isinstance(number, bool):
            if abs(number) > _LARGEST:
                raise DataError(f"{path}: {name} is {number}, no number from {-_LARGEST} to {_LARGEST}")
            yield _Number(column, str(group), float(number), False)


def table(spec: Spec, given: Sequence[Row]) -> Table:
    """Lay rows out: one line per combination of axes, columns by group."""
    groups = sorted(in_order(row["group"] for row in given), key=lambda g: not g.startswith("single"))
    cells = {(_label(row), row["group"], row["column"]): row for row in given}
    blocks = [Block(group, list(dict.fromkeys(r["column"] for r in given if r["group"] == group))) for group in groups]
    over = f"; mean and 95 % interval over {', '.join(spec.repeats)}" if spec.repeats else ""
    title = f"{spec.name}{', per cent' * any(row['share'] for row in given)}{over}"
    laid = Table(title, [Block("", ["n"]), *blocks])
    for label in dict.fromkeys(_label(row) for row in given):
        counts = sorted({row["n"] for row in given if _label(row) == label})
        numbers = [[_cell(cells.get((label, block.heading, column))) for column in block.columns] for block in blocks]
        laid.add(label, [["/".join(map(str, counts))], *numbers])
    return laid


def _label(row: Row) -> str:
    return " ".join(f"{name}={value}" for name, value in row["axes"].items()) or "all"


def _cell(row: Row | None) -> str:
    """Return ``mean (k/n) [low..high]``: (k/n) where some answers could not be scored, an interval of enough."""
    if row is None:
        return "–"
    # Over all repeats together.
    lacking = scored({"n": row["scored"], "unscored": row["unscored"]})
    if row["mean"] is None:
        return f"–{lacking}"
    show = percent if row["share"] else "{:.4g}".format
    return " ".join(filter(None, (show(row["mean"]) + lacking, interval(row["low"], row["high"], show))))

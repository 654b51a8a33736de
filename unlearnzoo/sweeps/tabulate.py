"""The numbers of a sweep's points, averaged over its repeats."""

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import DataError
from ..evaluation.intervals import spread
from ..records.record import RUN
from ..records.store import load
from ..reports.comparison import end
from ..reports.order import in_order
from ..reports.table import Block, Table, percent
from .spec import Spec
from .state import RUNS, Point, shown

Row = dict[str, Any]
#: An axis's name in a row where one point made several records.
ALGORITHM = "algorithm"


@dataclasses.dataclass(frozen=True)
class _Value:
    """One number of one point: a share, or something of another unit; None where it was asked for in vain."""

    column: str
    group: str
    value: float | None
    share: bool


def rows(spec: Spec, points: Sequence[Point]) -> list[Row]:
    """Return a row for each combination of axes that are no repeats, column and group.

    Returns:
        Rows of ``axes`` (axis → value), ``column``, ``group``, ``share`` (whether it is one, 0 to 1), ``mean``, ``low``
        and ``high`` (Student's 95 % interval over repeats; None below three), ``n`` and ``values``. A level of
        forgetting that a run did not reach is no value: ``n`` says how many did.

    Raises:
        DataError: a record is damaged, or no point has one of the columns asked for.
    """
    found: dict[str, Row] = {}
    for point in points:
        axes = {name: shown(value) for name, value in point.values.items() if name not in spec.repeats}
        for more, values in _of_point(point, spec.columns):
            for one in values:
                key = json.dumps([axes | more, one.column, one.group])
                row = found.setdefault(
                    key,
                    {"axes": axes | more, "column": one.column, "group": one.group, "share": one.share, "values": []},
                )
                row["values"] += [] if one.value is None else [one.value]
    for row in found.values():
        mean, low, high, n = spread(row["values"]) if row["values"] else (None, None, None, 0)
        row |= {"mean": mean, "low": low, "high": high, "n": n}
    known = {row["column"] for row in found.values()}
    lost = [name for name in spec.columns if name not in known]
    if lost and any(point.status == "finished" for point in points):
        raise DataError(f"no finished point has a column {lost[0]!r}; {_there_is(points)}")
    order = {name: i for i, name in enumerate(spec.columns)}
    return sorted(found.values(), key=lambda row: order.get(row["column"], len(order)))


def _there_is(points: Sequence[Point]) -> str:
    names = dict.fromkeys(one.column for p in points for _, values in _of_point(p, ()) for one in values)
    return f"there is {', '.join(names)}" if names else "there is none"


def _of_point(point: Point, columns: Sequence[str]) -> Iterator[tuple[dict[str, str], list[_Value]]]:
    """Yield the numbers of each record that a finished point wrote."""
    result = point.result
    if result is None or result["exit"] != 0:
        return
    folders = [point.folder / RUNS / name for name in result.get("records", [])]
    several = len(folders) > 1
    for folder in folders:
        record = load(folder) if (folder / RUN).is_file() else None
        more = {ALGORITHM: str(record["algorithm"].get("name"))} if record and several else {}
        values = [v for column in columns for v in _asked(folder, record, column)]
        yield more, values if columns else list(_all(record))


def _asked(folder: Path, record: Mapping[str, Any] | None, column: str) -> Iterator[_Value]:
    """Yield one column: ``EMf``, ``target:EMf``, ``EMr@0.10``, or ``FILE.json:key.key``."""
    of, _, name = column.rpartition(":")
    if of.endswith(".json"):
        yield from _of_file(folder / Path(of).name, name, column)
    elif record and "@" in name:
        kept, _, level = name.partition("@")
        headings = {v: _heading(row["group"]) for row in record["results"] for v in row["group"].values()}
        for group, value in (record["matched"].get(_level(level)) or {}).items():
            if kept in record["curve"][0]:
                yield _Value(column, headings.get(group, group), value, True)
    elif record:
        yield from (dataclasses.replace(v, column=column) for v in _all(record, of or None) if v.column == name)


def _all(record: Mapping[str, Any] | None, model: str | None = None) -> Iterator[_Value]:
    """Yield all results of a model: of the one that the run is about, unless another is named."""
    if record is None:
        return
    for row in record["results"]:
        if row["model"] == (model or end(record)):
            yield _Value(row["column"], _heading(row["group"]), row["mean"], True)


def _heading(group: Mapping[str, str]) -> str:
    return ", ".join(f"{value}-{tag}" for tag, value in group.items())


def _level(text: str) -> str:
    """Return a level as records name it: ``10%`` and ``.1`` are ``0.10``."""
    try:
        return f"{float(text.removesuffix('%')) / (100 if text.endswith('%') else 1):.2f}"
    except ValueError:
        return text


def _of_file(path: Path, name: str, column: str) -> Iterator[_Value]:
    """Yield a number of another file, or each of a mapping of numbers."""
    try:
        value: Any = json.loads(path.read_bytes())
    except OSError:
        return
    except ValueError:
        raise DataError(f"{path}: damaged; it is no JSON") from None
    for key in name.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    for group, one in value.items() if isinstance(value, dict) else [("", value)]:
        if isinstance(one, int | float) and not isinstance(one, bool):
            yield _Value(column, str(group), float(one), False)


def table(spec: Spec, found: Sequence[Row]) -> Table:
    """Lay rows out: a line a combination of axes, columns by group."""
    groups = in_order(row["group"] for row in found)
    groups = sorted(groups, key=lambda g: not g.startswith("single"))
    cells = {(_label(row), row["group"], row["column"]): row for row in found}
    blocks = [(None, Block("", ["n"]))] + [
        (group, Block(group, list(dict.fromkeys(r["column"] for r in found if r["group"] == group))))
        for group in groups
    ]
    over = f"; mean and 95 % interval over {', '.join(spec.repeats)}" if spec.repeats else ""
    laid = Table(f"{spec.name}{', per cent' * any(r['share'] for r in found)}{over}", [block for _, block in blocks])
    for label in dict.fromkeys(_label(row) for row in found):
        counts = {row["n"] for row in found if _label(row) == label}
        laid.add(
            label,
            [
                ["/".join(map(str, sorted(counts)))]
                if group is None
                else [_cell(cells.get((label, group, column))) for column in block.columns]
                for group, block in blocks
            ],
        )
    return laid


def _label(row: Row) -> str:
    return " ".join(f"{name}={value}" for name, value in row["axes"].items()) or "all"


def _cell(row: Row | None) -> str:
    """Return ``mean ± half``; the mean alone where there are too few for an interval."""
    if row is None or row["mean"] is None:
        return "–"
    show = percent if row["share"] else "{:.4g}".format
    return show(row["mean"]) + ("" if row["low"] is None else f" ± {show((row['high'] - row['low']) / 2)}")

"""``unlearnzoo runs``: what has been run, newest first."""

from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import click

from ..terminal import table, wrapped
from .common import as_json_option, records_option, show_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..records.store import Entry
    from ..records.types import Groups, RunRecord


@click.command()
@records_option()
@as_json_option()
def runs(runs_dir: Path, as_json: bool) -> None:
    """List earlier runs, newest first; also the unfinished and the damaged ones."""
    from ..records import store
    from ..terminal import printable

    rows = [_row(entry) for entry in store.find(runs_dir)]
    if as_json:
        show_json(rows)
        return
    if not rows:
        click.echo(printable(f"no runs in {runs_dir}; start one: unlearnzoo run --algo npo --bench remem"))
        return
    shown = [
        ("name: time_algorithm_benchmark_hash", "model", "status", "valid", "verdict", f"at the end{_groups(rows)}")
    ]
    shown += [
        (r["name"], r["model"] or "–", r["status"], _YES[r["valid"]], r["verdict"] or "–", _ends(r)) for r in rows
    ]
    text = table(shown, indent="")
    heading, *lines = text.splitlines()
    click.echo(heading)
    for line, row in zip(lines, rows, strict=True):
        click.echo(line)
        if row["reason"]:
            click.echo(wrapped(printable(row["reason"]), indent="    "))


class Row(TypedDict):
    """One run as ``--json`` prints it."""

    name: str
    time: str
    algorithm: str | None
    benchmark: str | None
    model: str | None
    seed: int | None
    status: str
    valid: bool | None
    verdict: str | None
    end: "dict[str, Groups]"
    unscored: dict[str, dict[str, int]]
    step: int | None
    folder: str
    reason: str | None


_YES = {True: "yes", False: "no", None: "–"}


def _row(entry: "Entry") -> Row:
    """Return one run: facts of its record, or why there is none."""
    from ..records.verdict import shown

    record = entry["record"]
    unread = Row(
        name=entry["name"],
        time=entry["time"],
        algorithm=None,
        benchmark=None,
        model=None,
        seed=None,
        status="unreadable",
        valid=None,
        verdict=None,
        end={},
        unscored={},
        step=None,
        folder=entry["folder"],
        reason=entry["reason"],
    )
    if record is None:
        return unread
    return {
        **unread,
        "algorithm": record["algorithm"].get("name"),
        "benchmark": record["benchmark"].get("name"),
        "model": record["model"].get("name"),
        "seed": record.get("seed"),
        "status": record["status"],
        "valid": record.get("valid"),
        "verdict": verdict["word"] if (verdict := shown(record)) else None,
        **_end(record),
        "reason": record.get("error"),
    }


class _End(TypedDict):
    end: "dict[str, Groups]"
    unscored: dict[str, dict[str, int]]
    step: int | None


def _end(record: "RunRecord") -> _End:
    """Return the columns that the curve follows: as a report has them, or where the run has no result its last point.

    A point of the curve asks a part of the rows, so its numbers are not those of the result.
    """
    from ..evaluation.aggregate import group_name
    from ..records.evidence import aims_of, rows_of

    last, against = (record["curve"] or [{}])[-1], aims_of(record)
    followed = [name for name in last if name != "step"] or ([against["forget"], against["retain"]] if against else [])
    end: dict[str, Groups] = {name: {} for name in followed}
    unscored: dict[str, dict[str, int]] = {}
    for row in rows_of(record, "unlearned", *followed):
        group = group_name(row["group"], row["group"])
        end[row["column"]][group] = row["mean"]
        if lacking := row.get("unscored"):
            unscored.setdefault(row["column"], {})[group] = lacking
    if any(end.values()):
        return {"end": {name: groups for name, groups in end.items() if groups}, "unscored": unscored, "step": None}
    step = last.get("step")
    points = {name: groups for name, groups in last.items() if not isinstance(groups, int)}
    return {"end": points, "unscored": {}, "step": step if isinstance(step, int) else None}


def _groups(rows: "Sequence[Row]") -> str:
    """Return what stands between slashes, for the heading: `` (multi/single)``; empty where runs have other groups."""
    named = {"/".join(groups) for row in rows for groups in row["end"].values() if len(groups) > 1}
    return f" ({named.pop()})" if len(named) == 1 else ""


def _ends(row: Row) -> str:
    """Return the columns at the end: ``EMf 9/10  EMr 63/65``, or where the curve of an unfinished run is."""
    columns = []
    for column, groups in row["end"].items():
        shares = "/".join("–" if v is None else f"{100 * v:.0f}" for v in groups.values())
        lacking = sum(row["unscored"].get(column, {}).values())
        columns.append(f"{column} {shares}" + (f" ({lacking} unscored)" if lacking else ""))
    at = [] if row["step"] is None or not columns else [f"at step {row['step']}"]
    return "  ".join([*columns, *at]) or "–"

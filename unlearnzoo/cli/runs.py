"""``unlearnzoo runs``: what has been run, newest first."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import click

from ..terminal import table, wrapped
from .common import as_json_option, records_option

if TYPE_CHECKING:
    from ..records.store import Entry
    from ..records.types import Groups


@click.command()
@records_option()
@as_json_option()
def runs(runs_dir: Path, as_json: bool) -> None:
    """List earlier runs, newest first; also the unfinished and the damaged ones."""
    from ..records import store
    from ..terminal import printable

    rows = [_row(entry) for entry in store.find(runs_dir)]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        click.echo(printable(f"no runs in {runs_dir}; start one: unlearnzoo run --algo npo --bench remem"))
        return
    shown = [("name: time_algorithm_benchmark_hash", "model", "status", "valid", "at the end")]
    shown += [(r["name"], r["model"] or "–", r["status"], _YES[r["valid"]], _ends(r["end"])) for r in rows]
    text = table([[printable(cell) for cell in row] for row in shown], indent="")
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
    end: "dict[str, Groups]"
    folder: str
    reason: str | None


_YES = {True: "yes", False: "no", None: "–"}


def _row(entry: "Entry") -> Row:
    """Return one run: facts of its record, or why there is none."""
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
        end={},
        folder=entry["folder"],
        reason=entry["reason"],
    )
    if record is None:
        return unread
    last = record["curve"][-1] if record["curve"] else {}
    return {
        **unread,
        "algorithm": record["algorithm"].get("name"),
        "benchmark": record["benchmark"].get("name"),
        "model": record["model"].get("name"),
        "seed": record.get("seed"),
        "status": record["status"],
        "valid": record.get("valid"),
        # Beside `step` a point holds columns only.
        "end": {column: groups for column, groups in last.items() if not isinstance(groups, int)},
        "reason": record.get("error"),
    }


def _ends(end: "Mapping[str, Groups]") -> str:
    """Return the last point of the curve: ``EMf 9/10  EMr 63/65``."""
    return (
        "  ".join(
            f"{column} " + "/".join("–" if v is None else f"{100 * v:.0f}" for v in groups.values())
            for column, groups in end.items()
        )
        or "–"
    )

"""``unlearnzoo runs``: what has been run, newest first."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from .common import as_json_option
from .table import table, wrapped

runs_dir_option = click.option(
    "--runs-dir", type=click.Path(path_type=Path), default="runs", show_default=True, help="Where the records are."
)


@click.command()
@runs_dir_option
@as_json_option
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
    for line, row in zip(text.splitlines(), [{}, *rows], strict=True):
        click.echo(line)
        if row.get("reason"):
            click.echo(wrapped(printable(row["reason"]), indent="    "))


_YES = {True: "yes", False: "no", None: "–"}


def _row(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return one run: facts of its record, or why there is none."""
    record = entry["record"] or {"status": "unreadable", "curve": []}
    last = record["curve"][-1] if record["curve"] else {}

    def name(of: str) -> Any:
        return (record.get(of) or {}).get("name")

    return {
        "name": entry["name"],
        "time": entry["time"],
        "algorithm": name("algorithm"),
        "benchmark": name("benchmark"),
        "model": name("model"),
        "seed": record.get("seed"),
        "status": record["status"],
        "valid": record.get("valid"),
        "end": {column: groups for column, groups in last.items() if column != "step"},
        "folder": entry["folder"],
        "reason": entry["reason"] or record.get("error"),
    }


def _ends(end: Mapping[str, Mapping[str, float | None]]) -> str:
    """Return the last point of the curve: ``EMf 9/10  EMr 63/65``."""
    return (
        "  ".join(
            f"{column} " + "/".join("–" if v is None else f"{100 * v:.0f}" for v in groups.values())
            for column, groups in end.items()
        )
        or "–"
    )

"""Several records beside each other, as data: what a report prints and what ``--json`` gives."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..evaluation.aggregate import Row, paired
from ..evaluation.samples import Sample
from ..records import store
from . import gold_standard
from .matched import matched_forgetting

Records = Sequence[Mapping[str, Any]]
#: What has to be the same before two results may be compared, and where a record has it.
SAME = {
    "data": ("benchmark", "data"),
    "forget identities": ("benchmark", "forget_identities"),
    "target": ("target", "key"),
}
#: What a record is called that has no algorithm: nothing was unlearned.
STAGE_1 = "stage 1"


def compare(records: Records) -> dict[str, Any]:
    """Put records beside each other.

    Args:
        records: from ``load`` or ``Record.data``.

    Returns:
        ``runs`` (label, folder, status, ...), ``table`` (rows of results with ``run``: the label,
        or ``base`` and ``target`` of the first record that has them), ``baselines`` (likewise),
        ``matched`` (label → level → group → retain score), ``paired`` (rows of differences with
        ``a``, ``b``), ``gold`` (see ``gold_standard.compare``), ``equal`` (see
        ``matched.matched_forgetting``) and ``notes``.
    """
    names = labels(records)
    judged = [store.samples(r) or [] for r in records] if len(records) > 1 else [[] for _ in records]
    return {
        "runs": [_run(name, r) for name, r in zip(names, records, strict=True)],
        "table": _table(names, records),
        "baselines": _shared(records, "baselines"),
        "matched": {name: r["matched"] for name, r in zip(names, records, strict=True)},
        "memory": memory(records),
        "equal": matched_forgetting(records, columns(records)),
        "paired": _pairs(names, records, judged),
        "gold": gold_standard.compare(names, records, judged, next(iter(memory(records)), None)),
        "notes": [*_states(names, records), *_differences(names, records), *_unscored(names, records)],
    }


def labels(records: Records) -> list[str]:
    """Name each record by its algorithm; by seed, options, configuration or folder where that is not enough."""
    algorithms = [str(r["algorithm"].get("name", "?") or STAGE_1) for r in records]
    folders = [Path(r["folder"]) for r in records]
    forms: list[list[str]] = [
        algorithms,
        [f"{a} seed {r.get('seed')}" for a, r in zip(algorithms, records, strict=True)],
        [f"{a}{_choices(r, records)}" for a, r in zip(algorithms, records, strict=True)],
        [f"{a} {f.name.rpartition('_')[2]}" for a, f in zip(algorithms, folders, strict=True)],
        [f.name for f in folders],
    ]
    return next((form for form in forms if len(set(form)) == len(form)), [str(f) for f in folders])


def _choices(record: Mapping[str, Any], records: Records) -> str:
    """Return seeds and benchmark options of a record in which the records differ (` seed 1 draw 2`)."""
    each = [
        {
            "seed": r.get("seed"),
            "target seed": r.get("target_seed"),
            **((r.get("benchmark") or {}).get("options") or {}),
        }
        for r in (record, *records)
    ]
    differing = [name for name in each[0] if len({repr(of.get(name)) for of in each}) > 1]
    return "".join(f" {name} {each[0][name]}" for name in differing)


def memory(records: Records) -> list[str]:
    """Return the columns of the curve: the forgotten side, the kept one; utility columns follow in the curve."""
    return columns(records)[:2]


def columns(records: Records) -> list[str]:
    """Return all columns of the curves, utility columns last."""
    return list(dict.fromkeys(name for r in records for point in r["curve"][:1] for name in point if name != "step"))


def _run(name: str, record: Mapping[str, Any]) -> dict[str, Any]:
    shown = (
        "folder",
        "time",
        "status",
        "valid",
        "error",
        "algorithm",
        "benchmark",
        "model",
        "seed",
        "target_seed",
        "seconds",
    )
    return {"run": name, **{field: record.get(field) for field in shown}}


def _table(names: Sequence[str], records: Records) -> list[Row]:
    own = [
        {**row, "run": name}
        for name, record in zip(names, records, strict=True)
        for row in record["results"]
        if row["model"] == end(record)
    ]
    known = {row["model"] for row in own}
    return [*(row for row in _shared(records, "results") if known != {row["model"]}), *own]


def end(record: Mapping[str, Any]) -> str:
    """Return the model that a run is about: where nothing was unlearned, each has a target of its own."""
    return "unlearned" if record["algorithm"].get("name", "?") is not None else "target"


def _shared(records: Records, field: str) -> list[Row]:
    """Return the rows of base and target, from the first record that has them."""
    found = ([row for row in record.get(field) or () if row["model"] != "unlearned"] for record in records)
    return [{**row, "run": row["model"]} for row in next(filter(None, found), [])]


def _pairs(names: Sequence[str], records: Records, judged: Sequence[Sequence[Sample]]) -> list[Row]:
    """Compare each two records that may be compared, example by example."""
    samples = [[s for s in of if s.model == "unlearned"] for of in judged]
    rows = []
    for i, j in itertools.combinations(range(len(records)), 2):
        a, b = records[i], records[j]
        if any(r["algorithm"].get("gold_standard") for r in (a, b)):
            continue  # `gold` has it
        if not samples[i] or not samples[j] or any(_at(a, p) != _at(b, p) for p in SAME.values()):
            continue
        forget = frozenset(a["benchmark"].get("forget_identities") or ())
        for row in paired(samples[i], samples[j], store.comparable(a, b), forget):
            rows.append({"a": names[i], "b": names[j], **row})
    return rows


def _states(names: Sequence[str], records: Records) -> list[str]:
    """Say which runs are not to be relied on."""
    notes = []
    for name, record in zip(names, records, strict=True):
        if record["status"] == "started":
            notes.append(f"{name}: not finished; it is still running, or it was killed")
        elif record["status"] != "finished":
            reason = record.get("error")
            notes.append(f"{name}: {record['status']}" + (f" ({reason})" if reason else ""))
        if record.get("valid") is False:
            notes.append(f"{name}: not valid; stage 1 stayed below the gate, so what it forgot was never memorised")
    return notes


def _differences(names: Sequence[str], records: Records) -> list[str]:
    """Say in what the records differ that makes their numbers differ too."""
    notes = []
    for what, path in {**SAME, "seed": ("seed",), "target seed": ("target_seed",)}.items():
        values = {name: _at(r, path) for name, r in zip(names, records, strict=True)}
        if len(set(map(repr, values.values()))) > 1:
            each = "; ".join(f"{name}: {_short(value)}" for name, value in values.items())
            cannot = (
                "" if "seed" in what else ("; not to be compared, and the rows base and target are those of the first")
            )
            notes.append(f"the runs differ in {what} ({each}){cannot}")
    return [*notes, *_measures(names, records), *_namesakes(records)]


def _measures(names: Sequence[str], records: Records) -> list[str]:
    """Say which metrics had other options or versions, a line each."""
    notes = []
    for full in sorted({full for r in records for full in r.get("metrics") or ()}):
        bare = full.rpartition("/")[2]
        found = {
            name: {
                "distribution": of.get("distribution"),
                "version": of.get("version"),
                **{f"{bare}.{option}": value for option, value in (of.get("options") or {}).items()},
            }
            for name, r in zip(names, records, strict=True)
            if (of := _at(r, ("metrics", full))) is not None
        }
        every = dict.fromkeys(key for of in found.values() for key in of)
        if differing := [key for key in every if len({repr(of.get(key)) for of in found.values()}) > 1]:
            each = "; ".join(
                f"{name}: {', '.join(f'{key} {_short(of.get(key))}' for key in differing)}"
                for name, of in found.items()
            )
            notes.append(
                f"the runs differ in metric {full} ({each}); its columns are not to be compared and are left "
                "out of differences, and their rows base and target are those of the first"
            )
    return notes


def _namesakes(records: Records) -> list[str]:
    """Say which algorithms share a name alone: plugins are anybody's."""
    notes = []
    for name in dict.fromkeys(str(r["algorithm"].get("name")) for r in records):
        found = [r["algorithm"] for r in records if str(r["algorithm"].get("name")) == name]
        owners = dict.fromkeys(f"{a.get('distribution')} {a.get('version') or ''}".strip() for a in found)
        if len(owners) > 1:
            notes.append(f"{name} is not the same algorithm in all runs: it comes from {' and from '.join(owners)}")
    return notes


def _unscored(names: Sequence[str], records: Records) -> list[str]:
    """Say where scores are missing, a line a run."""
    notes = []
    for name, record in zip(names, records, strict=True):
        lacking = [
            f"{row['column']} {' '.join(row['group'].values())} {row['unscored']}".strip()
            for row in record["results"]
            if row["model"] == "unlearned" and row.get("unscored")
        ]
        if lacking:
            notes.append(f"{name}: unscored rows, left out: {', '.join(lacking)}")
    return notes


def _at(record: Mapping[str, Any], path: Sequence[str]) -> Any:
    value: Any = record
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _short(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."

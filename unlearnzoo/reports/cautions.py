"""What must be said of records beside each other: which are not to be relied on, and in what they differ."""

from collections.abc import Mapping, Sequence

from ..records.types import AnyRecord
from ..terminal import shorten
from .methods import Records

#: What has to be the same before two results may be compared, and where a record has it.
SAME = {
    "data": ("benchmark", "data"),
    "forget identities": ("benchmark", "forget_identities"),
    "target": ("target", "key"),
}


def notes(names: Sequence[str], records: Records) -> list[str]:
    """Return one sentence per caution, without a full stop.

    Args:
        names: of the records.
        records: from ``store.load`` or ``Record.data``.
    """
    return [*_states(names, records), *_differences(names, records), *_unscored(names, records)]


def may_be_compared(a: AnyRecord, b: AnyRecord) -> bool:
    """Return whether two records have the same data, forget set and target."""
    return all(_at(a, path) == _at(b, path) for path in SAME.values())


def each(names: Sequence[str], records: Records) -> list[tuple[str, AnyRecord]]:
    """Return (name, record) pairs."""
    return list(zip(names, records, strict=True))


def _states(names: Sequence[str], records: Records) -> list[str]:
    """Say which runs are not to be relied on."""
    notes = []
    for name, record in each(names, records):
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
    for aspect, path in {**SAME, "seed": ("seed",), "target seed": ("target_seed",)}.items():
        values = {name: _at(record, path) for name, record in each(names, records)}
        if len(set(map(repr, values.values()))) > 1:
            per_run = "; ".join(f"{name}: {_shown(value)}" for name, value in values.items())
            cannot = "; not to be compared, and the rows base and target are those of the first"
            notes.append(f"the runs differ in {aspect} ({per_run}){cannot if aspect in SAME else ''}")
    return [*notes, *_measures(names, records), *_namesakes(records)]


def _measures(names: Sequence[str], records: Records) -> list[str]:
    """Say which metrics had other options or versions, one line each."""
    notes = []
    for full in sorted({full for r in records for full in r.get("metrics") or ()}):
        facts_of = {
            name: _metric_facts(full, record["metrics"][full])
            for name, record in each(names, records)
            if full in (record.get("metrics") or {})
        }
        every = dict.fromkeys(fact for facts in facts_of.values() for fact in facts)
        differing = [fact for fact in every if len({repr(facts.get(fact)) for facts in facts_of.values()}) > 1]
        if differing:
            per_run = "; ".join(
                f"{name}: {', '.join(f'{fact} {_shown(facts.get(fact))}' for fact in differing)}"
                for name, facts in facts_of.items()
            )
            notes.append(
                f"the runs differ in metric {full} ({per_run}); its columns are not to be compared and are left "
                "out of differences, and their rows base and target are those of the first"
            )
    return notes


def _metric_facts(full: str, metric: Mapping[str, object]) -> dict[str, object]:
    """Return what decides how a metric measures: where it is from, its version and options."""
    options = metric.get("options")
    facts = {"distribution": metric.get("distribution"), "version": metric.get("version")}
    name = full.rpartition("/")[2]
    return facts | {f"{name}.{o}": value for o, value in (options if isinstance(options, Mapping) else {}).items()}


def _namesakes(records: Records) -> list[str]:
    """Say which algorithms share a name alone: plugins are anybody's."""
    notes = []
    for name in dict.fromkeys(str(r["algorithm"].get("name")) for r in records):
        namesakes = [r["algorithm"] for r in records if str(r["algorithm"].get("name")) == name]
        owners = dict.fromkeys(f"{a.get('distribution')} {a.get('version') or ''}".strip() for a in namesakes)
        if len(owners) > 1:
            notes.append(f"{name} is not the same algorithm in all runs: it comes from {' and from '.join(owners)}")
    return notes


def _unscored(names: Sequence[str], records: Records) -> list[str]:
    """Say where scores are missing, one line per run."""
    notes = []
    for name, record in each(names, records):
        lacking = [
            f"{row['column']} {' '.join(row['group'].values())} {row['unscored']}".strip()
            for row in record["results"]
            if row["model"] == "unlearned" and row.get("unscored")
        ]
        if lacking:
            notes.append(f"{name}: unscored rows, left out: {', '.join(lacking)}")
    return notes


def _at(record: AnyRecord, path: Sequence[str]) -> object:
    value: object = record
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _shown(value: object) -> str:
    return shorten(", ".join(map(str, value)) if isinstance(value, list) else str(value), 40)

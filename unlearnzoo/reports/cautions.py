"""What must be said of records beside each other: which are not to be relied on, and in what they differ."""

from collections.abc import Mapping, Sequence

from ..records import rules
from ..records.evidence import measures_nothing, name_of
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
    return [*_differences(names, records), *_empty(records), *_unscored(records)]


def may_be_compared(a: AnyRecord, b: AnyRecord) -> bool:
    """Return whether two records have the same data, forget set and target, and were made by the same rules."""
    return all(_at(a, path) == _at(b, path) for path in SAME.values()) and rules.reading(a) == rules.reading(b)


def each(names: Sequence[str], records: Records) -> list[tuple[str, AnyRecord]]:
    """Return (name, record) pairs."""
    return list(zip(names, records, strict=True))


def _differences(names: Sequence[str], records: Records) -> list[str]:
    """Say in what the records differ that makes their numbers differ too."""
    notes = []
    for aspect, path in {**SAME, "seed": ("seed",), "target seed": ("target_seed",)}.items():
        # A run without a result has nothing to compare, and stage 1 alone no seed of stage 2.
        values = {name: _at(record, path) for name, record in each(names, records) if record["results"]}
        values = {name: value for name, value in values.items() if aspect in SAME or value is not None}
        if len(set(map(repr, values.values()))) > 1:
            shown = {name: _shown(value) for name, value in values.items()}
            alike = {value: [name for name in shown if shown[name] == value] for value in shown.values()}
            per_run = "; ".join(f"{', '.join(names)}: {value}" for value, names in alike.items())
            cannot = "; not to be compared, and the rows base and target are those of the first"
            notes.append(f"the runs differ in {aspect} ({per_run}){cannot if aspect in SAME else ''}")
    return [*notes, *_rules(names, records), *_measures(names, records), *_namesakes(records)]


def _rules(names: Sequence[str], records: Records) -> list[str]:
    """Say which records were made by other rules, and which splits' answers were cut elsewhere."""
    notes, readings = [], {name: rules.reading(record) for name, record in each(names, records)}
    if len(set(readings.values())) > 1:
        per_run = "; ".join(f"{name}: {reading}" for name, reading in readings.items())
        notes.append(
            f"the runs were made by other rules ({per_run}); not to be compared, and the rows base and target are "
            "those of the first: run the older ones again"
        )
    # Where other data are known, other lengths are no news.
    if len({repr(_at(record, SAME["data"])) for record in records}) > 1:
        return notes
    cuts = {name: rules.cuts(record) for name, record in each(names, records) if rules.of(record)}
    for split in dict.fromkeys(split for own in cuts.values() for split in own):
        after = {name: own[split] for name, own in cuts.items() if split in own}
        if len(set(after.values())) > 1:
            per_run = "; ".join(f"{name}: {n}" for name, n in after.items())
            notes.append(
                f"answers of {split} were cut after other numbers of tokens ({per_run}); its columns are not to be "
                "compared and are left out of differences"
            )
    return notes


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


def _unscored(records: Records) -> list[str]:
    """Say how to read a number behind which answers are missing."""
    rows = [row for record in records for field in ("results", "baselines") for row in record.get(field) or ()]
    marked = any(row.get("unscored") for row in rows)
    return [
        "(k/n) behind a number: of n answers only k could be scored; the others are left out (points of the curve "
        "between start and end count them as 0)"
    ] * marked


def _empty(records: Records) -> list[str]:
    """Say which columns measure nothing, by what the target scored in them."""
    rows = [row for record in records for row in record["results"] if row["model"] == "target"]
    return list(
        dict.fromkeys(f"{name_of(row)} measures nothing: {why}" for row in rows if (why := measures_nothing(row)))
    )


def _at(record: AnyRecord, path: Sequence[str]) -> object:
    value: object = record
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _shown(value: object) -> str:
    return shorten(", ".join(map(str, value)) if isinstance(value, list) else str(value), 40)

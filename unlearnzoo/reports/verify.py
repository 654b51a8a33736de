"""Whether a record still says what its run found: hashes of its files, and its results made again from its samples.

That finds what was damaged or edited in one place. Who edits samples, results and hashes together is not found.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypedDict

from .. import __version__
from ..benchmark import Column
from ..data.problems import quoted
from ..errors import DataError
from ..evaluation import aggregate
from ..evaluation.matched import matched, path
from ..evaluation.samples import Sample
from ..records import store, verdict
from ..records.evidence import aims_of
from ..records.purge import is_redacted
from ..records.run_file import ADAPTER, SAMPLES, SCHEMA, hashes
from ..records.types import AnyRecord, ResultRow

#: What is made again of each row; an older record's intervals are by another rule, and stay.
_NUMBERS = ("mean", "n", "clusters", "unscored", "chance")
_HEADING = ("split", "metric", "who", "want")
_INTERVAL = ("low", "high")


class Verified(TypedDict):
    """What came of it; JSON-able: where record and files differ, and what could not be looked at, one line each."""

    folder: str
    differences: list[str]
    unverified: list[str]


def verify(record: AnyRecord) -> Verified:
    """Hold a record against its files.

    Args:
        record: from ``store.load``.
    """
    found: Verified = {"folder": str(record["folder"]), "differences": [], "unverified": []}
    found["differences"] += _files(record)
    if "files" not in record:
        found["unverified"].append("files: an older version wrote the record, or the run did not get so far; no hashes")
    elif record.get("purged"):
        found["unverified"].append(f"files: purged {record['purged']}; their hashes are still there")
    if is_redacted(record) and not record.get("purged"):
        found["unverified"].append("scores of single answers: texts were left out by redaction")
    try:
        samples = store.samples(record)
    except DataError as error:
        found["differences"].append(str(error).removeprefix(f"{record['folder']}/"))
        return found
    if samples is None:
        found["unverified"].append(f"results: there is no {SAMPLES}")
    else:
        found["differences"] += _results(record, samples)
    found["differences"] += [*_gate(record), *_matched(record), *_verdict(record)]
    told = [name for name in ("gate", "baselines", "curve") if record.get(name)]
    if told:
        found["unverified"].append(f"{', '.join(told)}: their answers were not kept")
    return found


def _files(record: AnyRecord) -> Iterator[str]:
    """Yield how the files differ from their hashes."""
    folder, known = Path(record["folder"]), record.get("files") or {}
    there = {**hashes(folder, SAMPLES), **hashes(folder, ADAPTER)} if "files" in record else {}
    if "files" not in record and record["schema"] == SCHEMA and record["status"] == "finished":
        yield "files: each run that ended has their hashes, and this one has none"
    for name in sorted({*known, *there}):
        if name not in known and record["schema"] == SCHEMA:  # scored once more, an older one has hashes of its samples
            yield f"{name}: the run did not write it"
        elif name in known and name in there and there[name] != known[name]:
            yield f"{name}: its SHA-256 is {there[name][:12]}…, the record says {quoted(known[name][:12])}…"
        elif name not in there and not record.get("purged"):
            yield f"{name}: it is gone, or a link"


def _columns(rows: Sequence[ResultRow]) -> list[Column]:
    """Rebuild the columns of all models, grouped as the model is that has groups."""
    columns: dict[str, Column] = {}
    for row in sorted(rows, key=lambda row: len(row["group"])):
        detail, all_of, tagged = row.get("detail", ""), row.get("all_of"), row.get("tagged")
        rest = row["who"], row["want"], tuple(row["group"]), detail, all_of, tagged
        columns[row["column"]] = Column(row["column"], row["split"], row["metric"], *rest)
    return list(columns.values())


def _results(record: AnyRecord, samples: Sequence[Sample]) -> Iterator[str]:
    """Yield how results differ from what samples give."""
    rows = record["results"]
    forget = frozenset(record["benchmark"].get("forget_identities") or ())
    said = {_place(row): row for row in rows}
    made = {_place(row): row for row in aggregate.results(samples, _columns(rows), forget)}
    if len(said) < len(rows):
        yield "results: a model has a column and group twice"
    yield from _columns_amiss(record, samples)
    for place in sorted({*said, *made}):
        if place not in made or place not in said:
            yield f"results: {place} is {'not in the samples' if place in said else 'missing'}"
            continue
        row, again = said[place], made[place]
        for key in (*_NUMBERS, *(_INTERVAL if "interval" in row else ())):
            if not _same(row.get(key), again.get(key)):
                yield f"results: {place}: {key} is {row.get(key)}, its samples give {again.get(key)}"


def _columns_amiss(record: AnyRecord, samples: Sequence[Sample]) -> Iterator[str]:
    """Yield which columns are not there, or are not one and the same for all models."""
    rows = record["results"]
    planned = (record.get("plan") or {}).get("columns", []) if record["status"] == "finished" else []
    for name in [name for name in planned if name not in {row["column"] for row in rows}]:
        yield f"results: the plan has a column {quoted(name)}, which has no row"
    for key in _HEADING:
        for name in sorted({row["column"] for row in rows}):
            if len({row[key] for row in rows if row["column"] == name}) > 1:
                yield f"results: {name}: {key} is not the same in all of its rows"
    if record["status"] == "finished":
        for split in sorted({s.split for s in samples} - {row["split"] for row in rows}):
            yield f"results: no column shows the samples of {quoted(split)}"
        for metric in sorted({name for s in samples for name in s.scores} - {row["metric"] for row in rows}):
            yield f"results: no column shows the scores by {quoted(metric)} that the samples have"


def _place(row: Mapping[str, object]) -> str:
    """Return what a row is of: ``EMf single (unlearned)``."""
    group = row["group"]
    names = [f"{tag} {value}" for tag, value in group.items()] if isinstance(group, Mapping) else []
    return f"{' '.join([str(row['column']), *names])} ({row['model']})"


def _same(one: object, other: object) -> bool:
    """Return whether two numbers are the same but for the order in which they were added up."""
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    return one == other


def _gate(record: AnyRecord) -> Iterator[str]:
    """Yield how what the gate says of itself differs from what its own numbers give."""
    rows = record.get("gate") or ()
    for row in rows:
        passed = row["target"] is not None and row["target"] >= row["least"]
        if row["passed"] != passed:
            place = " ".join([row["split"], *map(str, row["group"].values())])
            yield f"gate: {place}: passed is {row['passed']}, {row['target']} of at least {row['least']} gives {passed}"
    if rows and record.get("valid") != all(row["passed"] for row in rows):
        yield f"valid: it is {record.get('valid')}, the gate gives {not record.get('valid')}"


def _matched(record: AnyRecord) -> Iterator[str]:
    """Yield how what was kept at equal forgetting differs from what the curve gives."""
    against = aims_of(record)
    if against is None or not (record["matched"] or record["status"] == "finished"):
        return
    said, made = record["matched"], matched(path(record["curve"]), against["forget"], against["retain"])
    places = {(name, key) for side in (said, made) for name, groups in side.items() for key in groups}
    for level, group in sorted(places):
        value, again = (side.get(level, {}).get(group, "absent") for side in (said, made))
        if not _same(value, again):
            yield f"matched: {level} {group}: it is {value}, the curve gives {again}"


def _verdict(record: AnyRecord) -> Iterator[str]:
    """Yield how the verdict differs from what its numbers give."""
    known, made = record.get("verdict"), verdict.of(record)
    if known is None:
        if made is not None and record["schema"] == SCHEMA and record["status"] == "finished":
            yield f"verdict: there is none, its numbers give {made['word']}"
    elif made is None or made["word"] != known["word"]:
        yield f"verdict: it is {known['word']}, its numbers give {made['word'] if made else 'none'}"
    elif record.get("versions", {}).get("unlearnzoo") == __version__:
        for key, again in made.items():
            if _wordless(known.get(key)) != _wordless(again):
                yield f"verdict: {key} is not what its numbers give"


def _wordless(value: object) -> object:
    """Return the numbers and answers of a part of a verdict; its sentences are another version's, or redacted."""
    if isinstance(value, Mapping):
        return {name: _wordless(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_wordless(one) for one in value]
    return None if isinstance(value, str) else value

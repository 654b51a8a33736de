"""Several records beside each other: results, differences example by example, and what must be said of them."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict, cast

from ..evaluation.aggregate import paired
from ..evaluation.people import LEAST_MARKED
from ..evaluation.samples import Sample
from ..records import store
from ..records.types import AnyRecord, Groups
from . import cautions, scores
from .cautions import each, may_be_compared
from .methods import Records, by_method
from .scores import PairRow, Rows, ScoreRow, score_row
from .table import Table
from .text import Section

#: What a record is called that has no algorithm: nothing was unlearned.
STAGE_1 = "stage 1"
#: A longer name than this would take the table's room: then a run is named by its hash.
LONGEST = 24
_SHOWN = (
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


class Comparison(TypedDict):
    """Records beside each other, as data; JSON-able.

    Attributes:
        runs: label (``run``), folder, status and so on of each record.
        table: rows of results; ``run`` is the label, or ``base`` and ``target`` of the first record that has them.
        baselines: rows of base and target over everybody.
        matched: label → level → group → retain score.
        memory: the columns of the curve: the forgotten side, the kept one.
        paired: rows of differences between each two runs.
        notes: what to beware of.
    """

    runs: list[dict[str, object]]
    table: list[ScoreRow]
    baselines: list[ScoreRow]
    matched: dict[str, dict[str, Groups]]
    memory: list[str]
    paired: list[PairRow]
    notes: list[str]


def data(
    names: Sequence[str], records: Records, samples: Sequence[Sequence[Sample]], intervals: bool = True
) -> Comparison:
    """Put records beside each other.

    Args:
        names: of the records, from ``labels``.
        records: from ``store.load`` or ``Record.data``.
        samples: each record's; empty where there are none.
        intervals: give differences their intervals.
    """
    return {
        "runs": [{"run": name, **{field: r.get(field) for field in _SHOWN}} for name, r in each(names, records)],
        "table": _table(names, records),
        "baselines": _shared(records, "baselines"),
        "matched": {name: record["matched"] for name, record in each(names, records)},
        "memory": curve_columns(records)[:2],
        "paired": _pairs(names, records, samples, intervals),
        "notes": cautions.notes(names, records),
    }


def section(facts: Comparison, intervals: bool = False, apart: Sequence[str] = (), marks: bool = False) -> Section:
    """Return the results as tables: base and target, then one row per run; and how to read them.

    Args:
        facts: from ``data``.
        intervals: give each number its interval.
        apart: runs that stand among what is there for comparison (gold standards).
        marks: the report has differences, which are marked.
    """
    tables = []
    if facts["table"]:
        about = sorted({f"{_name_of(run, 'benchmark')} with {_name_of(run, 'model')}" for run in facts["runs"]})
        labels_of = [str(run["run"]) for run in facts["runs"]]
        compared = labels_of if len(apart) == len(labels_of) else [name for name in labels_of if name not in apart]
        tables.append(scores.results(f"Results, per cent: {', '.join(about)}", facts["table"], intervals, compared))
    if facts["baselines"]:
        title = "Before unlearning, over everybody, per cent"
        tables.append(scores.results(title, facts["baselines"], intervals))
    return Section(tables, [*_how(facts["table"] or facts["baselines"], intervals), *([_MARK] if marks else [])])


def pairs_table(facts: Comparison, intervals: bool = False) -> Table:
    """Lay out mean differences between runs on the same examples."""
    rows = [score_row(row, f"{row['a']} - {row['b']}") for row in facts["paired"]]
    return scores.differences("Differences on the same examples, percentage points", rows, intervals)


_MARK = (
    "* these two models differ: exact sign-flip test over people, 5 % within a column (Holm); below "
    f"{LEAST_MARKED} people there is no mark. Whether two methods differ, only several seeds or draws can say."
)


def _how(rows: Rows, intervals: bool) -> list[str]:
    """Say which direction is good, and what stands below a column and a number."""
    if not rows:
        return []
    wants = {row["column"]: row["want"] for row in rows}
    low = ", ".join(column for column, want in wants.items() if want == "low")
    good = f"Good is low: {low}; high: the others." if low else "Good is high."
    counts = "n/people: answers and people behind a column."
    if not intervals:
        return [good, f"{counts} --intervals adds how sure each number is."]
    return [good, f"{counts} {scores.how_sure(rows)}"]


def _name_of(run: Mapping[str, object], field: str) -> object:
    described = run[field]
    return described.get("name", "?") if isinstance(described, Mapping) else "?"


def labels(records: Records) -> list[str]:
    """Name each record by its algorithm; by seed, options, hash or folder where that is not enough."""
    algorithms = [str(r["algorithm"].get("name", "?") or STAGE_1) for r in records]
    folders = [Path(r["folder"]) for r in records]
    forms: list[list[str]] = [
        algorithms,
        [f"{a} seed {r.get('seed')}" for a, r in zip(algorithms, records, strict=True)],
        [f"{a}{_choices(r, records)}" for a, r in zip(algorithms, records, strict=True)],
        _by_options(records),
        [f"{a} {f.name.rpartition('_')[2]}" for a, f in zip(algorithms, folders, strict=True)],
        [f.name for f in folders],
    ]
    return next((form for form in forms if form and len(set(form)) == len(form)), [str(f) for f in folders])


def _by_options(records: Records) -> list[str]:
    """Name each record as its method at equal forgetting (``npo (lr 2e-05)``); none where that tells them not apart."""
    of_record = {id(run): label for label, runs in by_method(records).items() for run in runs}
    names = [of_record[id(r)] + _choices(r, records) for r in records]
    told = not any(" #" in name or name.startswith("None") or len(name) > LONGEST for name in names)
    return names if told else []


def _choices(record: AnyRecord, records: Records) -> str:
    """Return seeds and benchmark options of a record in which the records differ (` seed 1 draw 2`)."""
    each = [
        {
            "seed": r.get("seed"),
            "target seed": r.get("target_seed"),
            **((r.get("benchmark") or {}).get("options") or {}),
        }
        for r in (record, *records)
    ]
    differing = [name for name in each[0] if len({repr(choices.get(name)) for choices in each}) > 1]
    return "".join(f" {name} {each[0][name]}" for name in differing)


def curve_columns(records: Records) -> list[str]:
    """Return all columns of the curves: the forgotten side, the kept one, then utility."""
    return list(dict.fromkeys(name for r in records for point in r["curve"][:1] for name in point if name != "step"))


def _table(names: Sequence[str], records: Records) -> list[ScoreRow]:
    own = [
        (row["model"], score_row(row, name))
        for name, record in each(names, records)
        for row in record["results"]
        if row["model"] == end(record)
    ]
    models = {model for model, _ in own}
    return [*(row for row in _shared(records, "results") if models != {row["run"]}), *(row for _, row in own)]


def end(record: AnyRecord) -> str:
    """Return the model that a run is about: where nothing was unlearned, each has a target of its own."""
    return "unlearned" if record["algorithm"].get("name", "?") is not None else "target"


def _shared(records: Records, field: str) -> list[ScoreRow]:
    """Return the rows of base and target, from the first record that has them."""
    rows_of = ([row for row in record.get(field) or () if row["model"] != "unlearned"] for record in records)
    return [score_row(row, row["model"]) for row in next(filter(None, rows_of), [])]


def _pairs(
    names: Sequence[str], records: Records, samples: Sequence[Sequence[Sample]], intervals: bool
) -> list[PairRow]:
    """Compare each two records that may be compared, example by example."""
    unlearned = [[sample for sample in own if sample.model == "unlearned"] for own in samples]
    rows = []
    for i, j in itertools.combinations(range(len(records)), 2):
        a, b = records[i], records[j]
        if any(r["algorithm"].get("gold_standard") for r in (a, b)):
            continue  # the gold standard's section has it
        if not unlearned[i] or not unlearned[j] or not may_be_compared(a, b):
            continue
        forget = frozenset(a["benchmark"].get("forget_identities") or ())
        for row in paired(unlearned[i], unlearned[j], store.comparable(a, b), forget, intervals):
            rows.append(cast(PairRow, {"a": names[i], "b": names[j], **row}))
    return rows

"""Each method beside its gold standard: distances, and forget quality.

Forget quality (Maini et al., 2024, TOFU: a task of fictitious unlearning for LLMs): whether the unlearned model finds
the true answers to the forget set as likely as a model that never saw them.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypedDict, cast

from ..evaluation.aggregate import paired
from ..evaluation.ks import ks
from ..evaluation.samples import TRUTH, Sample
from ..records import store
from ..records.gold_standard import is_gold, key
from ..records.types import AnyRecord
from . import scores
from .scores import DistanceRow, group_label, in_group_order
from .table import Block, Table
from .text import Section

Samples = Sequence[Sample]


class QualityRow(TypedDict):
    """The KS test of a run's true answers against those of its gold standard, over ``n`` and ``n_gold`` answers."""

    run: str
    gold: str
    group: dict[str, str]
    statistic: float
    p: float
    n: int
    n_gold: int


class Gold(TypedDict):
    """Methods and their gold standards; JSON-able.

    Attributes:
        names: of the gold standards.
        distance: the method less its gold standard.
        quality: the target's first.
        missing: names of the methods without a gold standard.
    """

    names: list[str]
    distance: list[DistanceRow]
    quality: list[QualityRow]
    missing: list[str]


def data(
    names: Sequence[str],
    records: Sequence[AnyRecord],
    samples: Sequence[Samples],
    forget_column: str | None,
    intervals: bool = True,
) -> Gold:
    """Hold each record against its gold standard.

    Args:
        names: of the records.
        records: gold standards among them.
        samples: of each record; empty where there are none.
        forget_column: the column over the forget set.
        intervals: give each distance its interval.
    """
    golds = {key(record): i for i, record in reversed(list(enumerate(records))) if is_gold(record)}
    facts: Gold = {"names": [names[i] for i in sorted(golds.values())], "distance": [], "quality": [], "missing": []}
    with_target: set[int] = set()
    for name, record, own in zip(names, records, samples, strict=True):
        if record["algorithm"].get("gold_standard") or not any(r["model"] == "unlearned" for r in record["results"]):
            continue
        i = golds.get(key(record))
        # Where stage 1, or all of it (then there is no curve), was learned elsewhere, it cannot be had here.
        if i is None and ((record.get("arguments") or {}).get("target") or not record["curve"]):
            continue
        if i is None or not samples[i] or not own:
            facts["missing"].append(name)
            continue
        unlearned, gold = _of(own, "unlearned"), _of(samples[i], "unlearned")
        forget = frozenset(record["benchmark"].get("forget_identities") or ())
        for row in paired(unlearned, gold, store.comparable(record, records[i]), forget, intervals):
            facts["distance"].append(cast(DistanceRow, {"run": name, "gold": names[i], **row}))
        places = [
            (row["split"], row["group"])
            for row in record["results"]
            if row["model"] == "unlearned" and row["column"] == forget_column
        ]
        if i not in with_target:
            with_target.add(i)
            facts["quality"] += _quality("target", names[i], _of(own, "target"), gold, places, forget)
        facts["quality"] += _quality(name, names[i], unlearned, gold, places, forget)
    return facts


def _quality(
    run: str,
    gold_name: str,
    own: Samples,
    gold: Samples,
    places: Sequence[tuple[str, dict[str, str]]],
    forget: frozenset[str],
) -> list[QualityRow]:
    """Compare the true answers' probabilities at each (split, group) of the forget set."""
    rows: list[QualityRow] = []
    for split, group in places:
        truths, gold_truths = (_truths(samples, split, group, forget) for samples in (own, gold))
        if truths and gold_truths:
            statistic, p = ks(truths, gold_truths)
            rows.append(
                {
                    "run": run,
                    "gold": gold_name,
                    "group": group,
                    "statistic": statistic,
                    "p": p,
                    "n": len(truths),
                    "n_gold": len(gold_truths),
                }
            )
    return rows


def _truths(samples: Samples, split: str, group: Mapping[str, str], forget: frozenset[str]) -> list[float]:
    """Return the true answers' probabilities over the forget set's rows of a group."""
    return [
        s.details[TRUTH]
        for s in samples
        if s.split == split
        and s.about(forget)
        and TRUTH in s.details
        and all(s.tags.get(tag, "") == value for tag, value in group.items())
    ]


def _of(samples: Samples, model: str) -> list[Sample]:
    return [s for s in samples if s.model == model]


def section(facts: Gold, intervals: bool = False, n_runs: int = 0) -> Section:
    """Return distances and forget quality as tables, and how to read them.

    Args:
        facts: from ``data``.
        intervals: give each distance its interval.
        n_runs: runs of the report, gold standards among them.
    """
    tables = []
    if facts["distance"]:
        several = len({row["gold"] for row in facts["distance"]}) > 1
        to = "the gold standard" if several else facts["distance"][0]["gold"]
        title = f"Distance to {to} on the same examples, percentage points"
        tables.append(scores.differences(title, facts["distance"], intervals))
    if facts["quality"]:
        tables.append(_quality_table(facts["quality"]))
    return Section(tables, list(_notes(facts, n_runs)))


def _quality_table(rows: Sequence[QualityRow]) -> Table:
    """Lay out the KS test of each method against its gold standard, by group."""
    groups = in_group_order(list({tuple(row["group"].items()): None for row in rows}))
    table = Table(
        "Forget quality: are the true answers as likely as after retraining?",
        [Block(group_label(group), ["KS", "p"]) for group in groups],
    )
    for run in dict.fromkeys(row["run"] for row in rows):
        by_group = {tuple(row["group"].items()): row for row in rows if row["run"] == run}
        tests = [by_group.get(group) for group in groups]
        table.add(run, [[f"{test['statistic']:.2f}", p_value(test["p"])] if test else ["–", "–"] for test in tests])
        if run == "target" and len(rows) > len(by_group):
            table.rule()
    return table


def p_value(p: float) -> str:
    """Return a p-value with two digits."""
    return f"{p:.2f}" if p >= 0.01 else f"{p:.1e}"


def _notes(facts: Gold, n_runs: int) -> Iterator[str]:
    """Yield how to read the gold standard's rows, and where there is none."""
    if facts["names"]:
        yield (
            f"{facts['names'][0]}: stage 1 without the forget set. Its row, not chance, is the floor of the forget "
            "columns (Exposure too: the kept people's values rank before those of people it never saw)."
        )
    if facts["quality"]:
        yield (
            "KS: largest distance between the two distributions of the true answer's probability^(1/tokens), 0 is "
            "best; p is exact for independent answers, but answers about one person are alike, and both models answer "
            "the same questions: p may be too small or too large. Compare KS between methods; p proves nothing."
        )
    missing = facts["missing"]
    if missing and n_runs > len(facts["names"]):
        methods = ", ".join(missing) if len(missing) < 6 else f"{len(missing)} of the runs"
        yield (
            f"No gold standard for {methods}: run one on the same data, forget set, model and "
            "stage 1, and distances to it stand here."
        )

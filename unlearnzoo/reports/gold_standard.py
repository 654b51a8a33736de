"""Each method beside its gold standard: distances, and forget quality.

Forget quality (Maini et al., 2024, TOFU: a task of fictitious unlearning for LLMs): whether the unlearned model finds
the true answers to the forget set as likely as a model that never saw them.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..evaluation.aggregate import Row, paired
from ..evaluation.ks import ks
from ..evaluation.samples import TRUTH, Sample
from ..records import store
from ..records.gold_standard import is_gold, key
from .order import in_order
from .table import Block, Table

Record = Mapping[str, Any]


def compare(
    names: Sequence[str], records: Sequence[Record], judged: Sequence[Sequence[Sample]], forget_column: str | None
) -> dict[str, Any]:
    """Hold each record against its gold standard.

    Args:
        names: of the records.
        records: gold standards among them.
        judged: each record's samples; empty where there are none.
        forget_column: the column over the forget set.

    Returns:
        ``names`` of the gold standards; ``distance``: rows as of ``paired`` (the method less its gold
        standard) with ``run`` and ``gold``; ``quality``: rows with ``run, gold, group, statistic, p, n,
        n_gold``, the target's first; ``missing``: names of the methods without one.
    """
    golds = {key(r): i for i, r in reversed(list(enumerate(records))) if is_gold(r)}
    found: dict[str, Any] = {
        "names": [names[i] for i in sorted(golds.values())],
        "distance": [],
        "quality": [],
        "missing": [],
    }
    told: set[int] = set()
    for name, record, samples in zip(names, records, judged, strict=True):
        at = golds.get(key(record))
        if record["algorithm"].get("gold_standard") or not any(r["model"] == "unlearned" for r in record["results"]):
            continue
        if at is None or not judged[at] or not samples:
            found["missing"].append(name)
            continue
        mine, best = _of(samples, "unlearned"), _of(judged[at], "unlearned")
        rows = store.comparable(record, records[at])
        forget = frozenset(record["benchmark"].get("forget_identities") or ())
        found["distance"] += [{"run": name, "gold": names[at], **row} for row in paired(mine, best, rows, forget)]
        groups = [row for row in record["results"] if row["model"] == "unlearned" and row["column"] == forget_column]
        if at not in told:
            told.add(at)
            found["quality"] += _quality("target", names[at], _of(samples, "target"), best, groups, forget)
        found["quality"] += _quality(name, names[at], mine, best, groups, forget)
    return found


def _quality(
    run: str, gold: str, mine: Sequence[Sample], best: Sequence[Sample], groups: Sequence[Row], forget: frozenset[str]
) -> list[Row]:
    rows = []
    for one in groups:
        a, b = (_truths(side, one, forget) for side in (mine, best))
        if a and b:
            statistic, p = ks(a, b)
            rows.append(
                {
                    "run": run,
                    "gold": gold,
                    "group": one["group"],
                    "statistic": statistic,
                    "p": p,
                    "n": len(a),
                    "n_gold": len(b),
                }
            )
    return rows


def _truths(samples: Sequence[Sample], one: Row, forget: frozenset[str]) -> list[float]:
    """Return the true answers' probabilities over the forget set's rows of a group."""
    return [
        s.details[TRUTH]
        for s in samples
        if s.split == one["split"]
        and s.identity in forget
        and TRUTH in s.details
        and all(s.tags.get(tag, "") == value for tag, value in one["group"].items())
    ]


def _of(samples: Sequence[Sample], model: str) -> list[Sample]:
    return [s for s in samples if s.model == model]


def quality_table(found: Mapping[str, Any]) -> Table:
    """Lay out the KS test of each method against its gold standard, by group."""
    rows = found["gold"]["quality"]
    groups = list({tuple(row["group"].items()): None for row in rows})
    places = {value: i for i, value in enumerate(in_order(v for g in groups for _, v in g))}
    groups.sort(key=lambda g: [places[v] for _, v in g])
    table = Table(
        "Forget quality: are the true answers as likely as after retraining?",
        [Block(", ".join(f"{v}-{k}" for k, v in group), ["KS", "p"]) for group in groups],
    )
    for run in dict.fromkeys(row["run"] for row in rows):
        of = {tuple(row["group"].items()): row for row in rows if row["run"] == run}
        table.add(run, [[f"{of[g]['statistic']:.2f}", p_value(of[g]["p"])] if g in of else ["–", "–"] for g in groups])
        if run == "target" and len(rows) > len(of):
            table.rule()
    return table


def p_value(p: float) -> str:
    """Return a p-value with two digits."""
    return f"{p:.2f}" if p >= 0.01 else f"{p:.1e}"


def legend(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield how to read the gold standard's rows, and where there is none."""
    gold = found["gold"]
    if gold["names"]:
        name = gold["names"][0]
        yield (
            f"{name}: stage 1 without the forget set. Its row, not chance, is the floor of the forget columns "
            "(Exposure too: the kept people's values rank before those of people it never saw)."
        )
    if gold["quality"]:
        yield (
            "KS: largest distance between the two distributions of the true answer's probability^(1/tokens), 0 is "
            "best; p is exact for independent answers, but answers about one person are not independent: compare "
            "KS and p between methods, do not take p for a proof."
        )
    if gold["missing"] and len(found["runs"]) > len(gold["names"]):
        some = ", ".join(gold["missing"]) if len(gold["missing"]) < 6 else f"{len(gold['missing'])} of the runs"
        yield (
            f"No gold standard for {some}: run it on the same data, forget set, model and "
            "stage 1, and distances to it stand here."
        )

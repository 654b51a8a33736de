"""From samples to the rows of a result: mean, interval and count, by column and group.

Intervals are over people (``people``): what they say is how sure a number is of *these models*, had
other people been asked. Of one person there is none. People who share a row of the column count as one (``clusters``).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from ..benchmark import Column
from ..example import Example
from . import people
from .chance import DETAIL
from .clusters import cluster_of
from .samples import Sample

Row = dict[str, Any]
Bounds = Literal["scores", "differences", "numbers"]
_KINDS: Mapping[Bounds, people.Kind] = {"scores": "score", "differences": "difference", "numbers": "number"}


def results(samples: Sequence[Sample], evals: Iterable[Column], forget: frozenset[str]) -> list[Row]:
    """Aggregate samples to one row per model, column and group; the order of samples does not matter.

    Args:
        samples: of any number of models.
        evals: the columns.
        forget: who is forgotten.

    Returns:
        Rows of ``model, split, column, who, want, metric, group, mean, low, high, interval, n,
        clusters, unscored`` (see ``summary``). A column of a model that has no sample for it is one
        row with n = 0. A metric over candidates also has ``chance``, a column that counts rows
        together ``all_of``; its n are questions then. One over rows with a tag has ``tagged``.
    """
    rows = []
    models = sorted({s.model for s in samples})
    for model, column in ((m, c) for m in models for c in evals):
        own = [s for s in samples if s.model == model and _belongs(s, column, forget)]
        cluster = cluster_of(own)
        for group, members in _groups(own, column.by):
            values = _values(members, column, cluster)
            row = {"model": model, **_heading(column), "group": group, **summary(values, _bounds(column, values))}
            guesses = [s.details.get(DETAIL + column.metric, math.nan) for s in members]
            guesses = [guess for guess in guesses if not math.isnan(guess)]
            rows.append(row | ({"chance": _mean(guesses)} if guesses else {}))
    return rows


def paired(
    a: Sequence[Sample], b: Sequence[Sample], evals: Iterable[Column], forget: frozenset[str], intervals: bool = True
) -> list[Row]:
    """Compare two models on the examples that both answered: mean of a - b, example by example.

    Args:
        a: samples of one model.
        b: samples of the other.
        evals: the columns.
        forget: who is forgotten, in both.
        intervals: compute them; a report that shows none is there in half the time.

    Returns:
        Rows as of ``results``, without ``model``, and with ``p``, of the sign-flip test over people
        (None where nothing is paired), and ``unpaired``, how many examples only one of them has.
    """
    rows = []
    for column in evals:
        left, right = ({s.id: s for s in side if _belongs(s, column, forget)} for side in (a, b))
        unpaired = len(left.keys() ^ right.keys())
        shared = [left[i] for i in left.keys() & right.keys()]
        cluster = cluster_of([*shared, *(right[s.id] for s in shared)])
        for group, members in _groups(shared, column.by):
            # The same examples in the same order on both sides: values pair up one by one.
            ours, theirs = (_values(side, column, cluster) for side in (members, [right[s.id] for s in members]))
            differences = [(who, one - other) for (who, one), (_, other) in zip(ours, theirs, strict=True)]
            bounds: Bounds = "differences" if _bounds(column, [*ours, *theirs]) == "scores" else "numbers"
            row = {**_heading(column), "group": group, **summary(differences, bounds if intervals else None)}
            rows.append(row | {"p": _sign_flip(differences), "unpaired": unpaired})
    return rows


def summary(values: Iterable[tuple[str, float]], of: Bounds | None = "scores") -> Row:
    """Return mean, 95 % interval over clusters of people, and counts of (cluster, score) pairs.

    NaN is unscored: counted, and left out of everything else.

    Args:
        values: pairs.
        of: ``scores`` from 0 to 1, ``differences`` from -1 to 1, or any ``numbers``; None for no interval.

    Returns:
        ``mean``; ``low`` and ``high``; ``interval``, by which rule of ``people.interval`` they are
        (all three None without one: of one cluster, and of numbers that are all the same); ``n``,
        ``clusters``, ``unscored``.
    """
    scores, unscored = _by_cluster(values)
    every = [score for own in scores.values() for score in own]
    low, high, rule = _interval(scores, of)
    return {
        "mean": _mean(every),
        "low": low,
        "high": high,
        "interval": rule,
        "n": len(every),
        "clusters": len(scores),
        "unscored": unscored,
    }


def _by_cluster(values: Iterable[tuple[str, float]]) -> tuple[dict[str, list[float]], int]:
    """Return what was scored by cluster, sorted, and how many were not."""
    scores: dict[str, list[float]] = {}
    unscored = 0
    for cluster, score in values:
        if math.isnan(score):
            unscored += 1
        else:
            scores.setdefault(cluster, []).append(score)
    return {cluster: scores[cluster] for cluster in sorted(scores)}, unscored


def _interval(
    scores: Mapping[str, Sequence[float]], of: Bounds | None
) -> tuple[float, float, people.Kind] | tuple[None, None, None]:
    if of is None or len(scores) < 2:
        return None, None, None
    import numpy as np

    kind = _KINDS[of]
    if kind == "score" and all(score in (0, 1) for own in scores.values() for score in own):
        kind = "share"
    sums = np.array([math.fsum(own) for own in scores.values()])
    low, high = map(float, people.interval(sums, np.array([len(own) for own in scores.values()]), kind))
    return (None, None, None) if math.isnan(low) else (low, high, kind)


def _sign_flip(differences: Iterable[tuple[str, float]]) -> float | None:
    scores, _ = _by_cluster(differences)
    return people.sign_flip([math.fsum(own) for own in scores.values()]) if scores else None


def _bounds(column: Column, values: Iterable[tuple[str, float]]) -> Bounds:
    """Return what a column's values are: scores lie in [0, 1]; of a metric's details nothing is known."""
    inside = not column.detail or all(0 <= value <= 1 for _, value in values if not math.isnan(value))
    return "scores" if inside else "numbers"


def _values(samples: Sequence[Sample], column: Column, cluster: Mapping[str, str]) -> list[tuple[str, float]]:
    """Return (cluster, score) pairs: of each sample, or of all together that ``all_of`` makes one.

    One that fails decides; where none fails but one is unscored, the question is unscored. A
    detail that a sample lacks is NaN.
    """
    scored = [s.details.get(column.detail, math.nan) if column.detail else s.scores[column.metric] for s in samples]
    if column.all_of is None:
        return [(cluster[s.identities[0]], score) for s, score in zip(samples, scored, strict=True)]
    # (people, value of the tag) → the scores of the rows that share it; a row without the tag stands alone.
    together: dict[tuple[tuple[str, ...], str], list[float]] = {}
    for s, score in zip(samples, scored, strict=True):
        together.setdefault((s.identities, s.tags.get(column.all_of, s.id)), []).append(score)
    return [
        (cluster[who[0]], 0.0 if 0.0 in scores else math.nan if any(map(math.isnan, scores)) else min(scores))
        for (who, _), scores in together.items()
    ]


def _belongs(sample: Sample, column: Column, forget: frozenset[str]) -> bool:
    """Return whether a sample counts in a column."""
    return column.metric in sample.scores and concerns(column, sample, forget)


def concerns(column: Column, sample: Sample, forget: frozenset[str]) -> bool:
    """Return whether a column asks for this sample, scored or not."""
    return sample.split == column.split and asks(column, sample, forget)


def asks(column: Column, row: Example | Sample, forget: frozenset[str]) -> bool:
    """Return whether a column asks for this row of its split."""
    if column.tagged is not None and column.tagged not in row.tags:
        return False
    return column.who == "all" or row.about(forget) == (column.who == "forget")


def group_name(tags: Mapping[str, str], by: Iterable[str]) -> str:
    """Return a group's name in curves and matched values: its tags' values; empty where nothing is grouped by."""
    return "/".join(tags.get(tag, "") for tag in by)


def _groups(samples: Sequence[Sample], by: Sequence[str]) -> list[tuple[dict[str, str], list[Sample]]]:
    """Split samples by tags, sorted; a tag that a sample lacks is the empty text."""
    members: dict[tuple[str, ...], list[Sample]] = {}
    for sample in samples:
        members.setdefault(tuple(sample.tags.get(tag, "") for tag in by), []).append(sample)
    if not members:
        return [({}, [])]
    return [(dict(zip(by, key, strict=True)), members[key]) for key in sorted(members)]


def _heading(column: Column) -> Mapping[str, str]:
    return {
        "split": column.split,
        "column": column.name,
        "who": column.who,
        "want": column.want,
        "metric": column.metric,
        **({"detail": column.detail} if column.detail else {}),
        **({} if column.all_of is None else {"all_of": column.all_of}),
        **({} if column.tagged is None else {"tagged": column.tagged}),
    }


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None

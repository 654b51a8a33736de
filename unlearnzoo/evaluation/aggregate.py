"""From samples to the rows of a result: mean, interval and count, by column and group.

Questions about one person stand or fall together, so people are what is drawn anew, not questions.
With few people such an interval would be narrower than the truth; then it is left out and each
person's own mean is given instead.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..benchmark import Column
from ..example import Example
from .chance import DETAIL
from .samples import Sample

#: Below this many identities no interval is computed.
LEAST_CLUSTERS = 10
DRAWS = 1000
LEVEL = 0.95

Row = dict[str, Any]


def results(samples: Sequence[Sample], evals: Iterable[Column], forget: frozenset[str]) -> list[Row]:
    """Aggregate samples to one row per model, column and group; the order of samples does not matter.

    Args:
        samples: of any number of models.
        evals: the columns.
        forget: who is forgotten.

    Returns:
        Rows of ``model, split, column, who, want, metric, group, mean, low, high, n, clusters,
        unscored``, and ``per_cluster`` (identity → mean) where there are too few identities for
        an interval. A column of a model that has no sample for it is one row with n = 0. A metric
        over candidates also has ``chance``, a column that counts rows together ``all_of``; its n
        are questions then. One over rows with a tag has ``tagged``.
    """
    rows = []
    models = sorted({s.model for s in samples})
    for model, column in ((m, c) for m in models for c in evals):
        own = [s for s in samples if s.model == model and _belongs(s, column, forget)]
        for group, members in _groups(own, column.by):
            row = {"model": model, **_heading(column), "group": group, **summary(_values(members, column))}
            guesses = [s.details.get(DETAIL + column.metric, math.nan) for s in members]
            guesses = [guess for guess in guesses if not math.isnan(guess)]
            rows.append(row | ({"chance": _mean(guesses)} if guesses else {}))
    return rows


def paired(a: Sequence[Sample], b: Sequence[Sample], evals: Iterable[Column], forget: frozenset[str]) -> list[Row]:
    """Compare two models on the examples that both answered: mean of a - b, example by example.

    Args:
        a: samples of one model.
        b: samples of the other.
        evals: the columns.
        forget: who is forgotten, in both.

    Returns:
        Rows as of ``results``, without ``model``, and with ``unpaired``, how many examples only
        one of them has.
    """
    rows = []
    for column in evals:
        left, right = ({s.id: s for s in side if _belongs(s, column, forget)} for side in (a, b))
        unpaired = len(left.keys() ^ right.keys())
        for group, members in _groups([left[i] for i in left.keys() & right.keys()], column.by):
            # The same examples in the same order on both sides: values pair up one by one.
            pairs = zip(_values(members, column), _values([right[s.id] for s in members], column), strict=True)
            differences = [(identity, ours - theirs) for (identity, ours), (_, theirs) in pairs]
            rows.append({**_heading(column), "group": group, **summary(differences), "unpaired": unpaired})
    return rows


def summary(values: Iterable[tuple[str, float]]) -> Row:
    """Return mean, 95 % interval over identities, and counts of (identity, score) pairs.

    NaN is unscored: counted, and left out of everything else.
    """
    scores: dict[str, list[float]] = {}
    unscored = 0
    for identity, score in values:
        if math.isnan(score):
            unscored += 1
        else:
            scores.setdefault(identity, []).append(score)
    # Sorted, so that the same samples in another order draw the same clusters.
    scores = {identity: sorted(scores[identity]) for identity in sorted(scores)}
    every = [score for own in scores.values() for score in own]
    enough = len(scores) >= LEAST_CLUSTERS
    low, high = _interval(list(scores.values())) if enough else (None, None)
    row = {
        "mean": _mean(every),
        "low": low,
        "high": high,
        "n": len(every),
        "clusters": len(scores),
        "unscored": unscored,
    }
    return row if enough else row | {"per_cluster": {k: _mean(v) for k, v in scores.items()}}


def _interval(clusters: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Return the percentile bootstrap interval of the mean, drawing whole clusters.

    Field & Welsh (2007), "Bootstrapping clustered data": clusters, not values, are exchangeable.
    """
    import numpy as np

    # The mean over a draw of clusters needs of each no more than its sum and its size.
    sums = np.array([math.fsum(c) for c in clusters])
    sizes = np.array([len(c) for c in clusters])
    drawn = np.random.default_rng(0).integers(0, len(clusters), (DRAWS, len(clusters)))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _values(samples: Sequence[Sample], column: Column) -> list[tuple[str, float]]:
    """Return (identity, score) pairs: of each sample, or of all together that ``all_of`` makes column.

    One that fails decides; where none fails but one is unscored, the question is unscored. A
    detail that a sample lacks is NaN.
    """
    pairs = [
        (s.identity, s.details.get(column.detail, math.nan) if column.detail else s.scores[column.metric])
        for s in samples
    ]
    if column.all_of is None:
        return pairs
    # (identity, value of the tag) → the scores of the rows that share it; a row without the tag stands alone.
    together: dict[tuple[str, str], list[float]] = {}
    for sample, (identity, score) in zip(samples, pairs, strict=True):
        together.setdefault((identity, sample.tags.get(column.all_of, sample.id)), []).append(score)
    return [
        (identity, 0.0 if 0.0 in scores else math.nan if any(map(math.isnan, scores)) else min(scores))
        for (identity, _), scores in together.items()
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
    return column.who == "all" or (row.identity in forget) == (column.who == "forget")


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

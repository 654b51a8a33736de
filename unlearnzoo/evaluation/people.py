"""How sure a mean over people is: 95 % intervals, and whether two models differ.

Answers about one person stand or fall together, so people are what varies, not answers. Each function
takes of every person the sum of their scores and the number of their answers: the mean is over answers,
its variance that of a ratio (linearised, people independent). ``examples/benchmarks/coverage.py``
simulates how often the intervals hold the truth.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from .intervals import LEVEL

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: What is averaged: scores that are all 0 or 1, other scores in [0, 1], differences of scores, or any numbers.
Kind = Literal["share", "score", "difference", "number"]

#: Where fewer people than this differ from "all wrong" (or "all right"), what they say of their spread is too little.
FEW = 4
#: With fewer people than this the sign-flip test cannot come below 5 %.
LEAST_MARKED = 6
_SAME = 1e-18
_PARTS = 5_000


def interval(sums: "Floats", sizes: "Floats", kind: Kind) -> "tuple[Floats, Floats]":
    """Return the ends of the 95 % interval of the mean over all answers.

    Shares: Korn & Graubard (1998), "Confidence intervals for proportions with small expected number of positive
    counts estimated from survey data": the interval of Clopper & Pearson for as many independent answers as
    say equally much, never more than there are. Other scores: the same without that limit, since they may vary
    less than shares do. Differences: the same, of (1 + difference) / 2. Where the mean hangs on few people, the
    interval also holds what Clopper and Pearson give for one answer per person.

    Args:
        sums: of each person's scores, (…, people); at least two people.
        sizes: answers of each, the same shape.
        kind: of the scores.

    Returns:
        Lower and upper ends, (…); within 0 and 1 (differences: -1 and 1). They are NaN for numbers
        that are all the same, which say nothing of their spread.
    """
    import numpy as np
    from scipy.special import stdtrit

    sums, sizes = np.asarray(sums, float), np.asarray(sizes, float)
    if kind == "difference":
        return _of_differences(sums, sizes)
    mean, variance = _ratio(sums, sizes)
    if kind == "number":
        half = stdtrit(sums.shape[-1] - 1, (1 + LEVEL) / 2) * np.sqrt(variance)
        half = np.where(variance > 0, half, np.nan)
        return mean - half, mean + half
    return _of_scores(sums, sizes, limited=kind == "share")


def _ratio(sums: "Floats", sizes: "Floats") -> "tuple[Floats, Floats]":
    """Return the mean over answers and its variance, (…) each."""
    people, answers = sums.shape[-1], sizes.sum(-1)
    mean = sums.sum(-1) / answers
    residuals = sums - mean[..., None] * sizes
    return mean, people / (people - 1) * (residuals**2).sum(-1) / answers**2


def _of_scores(sums: "Floats", sizes: "Floats", limited: bool) -> "tuple[Floats, Floats]":
    """Return the interval of scores in [0, 1]; ``limited``: no more independent answers than there are."""
    import numpy as np
    from scipy.special import stdtrit

    people, answers = sums.shape[-1], sizes.sum(-1)
    mean, variance = _ratio(sums, sizes)
    most = np.clip(mean * (1 - mean), 0, None)
    same = (most < _SAME) if limited else (most < _SAME) | (variance < _SAME)
    of_people = stdtrit(people - 1, (1 + LEVEL) / 2)
    if limited:
        effect = np.maximum(1, (answers - 1) * variance / np.where(same, 1, most))
        worth = answers / effect * (stdtrit(answers - 1, (1 + LEVEL) / 2) / of_people) ** 2
    else:
        worth = most / np.where(same, 1, variance) * (stdtrit(np.inf, (1 + LEVEL) / 2) / of_people) ** 2
    worth = np.where(same, people, worth)
    low, high = clopper_pearson(mean * worth, worth)
    few = same | (_carried(sums / sizes, limited) < FEW) | (_carried(1 - sums / sizes, limited) < FEW)
    widest = clopper_pearson(mean * people, np.full_like(mean, people))
    return np.where(few, np.minimum(low, widest[0]), low), np.where(few, np.maximum(high, widest[1]), high)


def _carried(means: "Floats", counted: bool) -> "Floats":
    """Return how many people a mean hangs on, (…): those who are not at 0; weighted by size unless ``counted``.

    Weighted: (Σ m)² / Σ m² (Kish, 1965, Survey Sampling), which is the number where all are alike. Of people who
    all differ somewhat none is at 0; then nine tenths of them are as good as all.
    """
    import numpy as np

    means = np.where(means > 1e-9, means, 0)
    number = (means > 0).sum(-1).astype(float)
    if counted:
        return number
    squares = (means**2).sum(-1)
    weighted = means.sum(-1) ** 2 / np.where(squares > 0, squares, 1)
    return np.where(weighted >= 0.9 * means.shape[-1], number, np.minimum(number, weighted))


def _of_differences(sums: "Floats", sizes: "Floats") -> "tuple[Floats, Floats]":
    """Return the interval of differences in [-1, 1].

    Where fewer than four people differ from 0, or all differ by the same, those who would depart from it are
    bounded: so many people, as far as it goes.
    """
    import numpy as np

    people = sums.shape[-1]
    low, high = (2 * end - 1 for end in _of_scores((sums + sizes) / 2, sizes, limited=False))
    mean, variance = _ratio(sums, sizes)
    same = variance < _SAME
    centre = np.where(same, mean, 0)
    departures = sums - centre[..., None] * sizes
    few = (np.abs(departures) > 1e-9 * sizes).sum(-1) < FEW
    ends = []
    for side in (-1, 1):
        room = 1 - side * centre
        share = np.maximum(side * departures, 0).sum(-1) / sizes.sum(-1) / np.where(room > 0, room, 1)
        ends.append(centre + side * room * clopper_pearson(share * people, np.full_like(share, people))[1])
    low = np.where(same, ends[0], np.where(few, np.minimum(low, ends[0]), low))
    high = np.where(same, ends[1], np.where(few, np.maximum(high, ends[1]), high))
    return low, high


def clopper_pearson(right: "Floats", answers: "Floats") -> "tuple[Floats, Floats]":
    """Return the interval of Clopper & Pearson (1934) of a share; neither number need be whole.

    Args:
        right: from 0 to ``answers``.
        answers: above 0.
    """
    import numpy as np
    from scipy.special import betaincinv

    right = np.clip(right, 0, answers)
    wrong = answers - right
    tail = (1 - LEVEL) / 2
    # Where next to nothing is right (or wrong) the quantile lies below the smallest number there is.
    low = np.where(right > 1e-9, np.nan_to_num(betaincinv(np.maximum(right, 1e-9), wrong + 1, tail), nan=0), 0)
    high = np.where(wrong > 1e-9, np.nan_to_num(betaincinv(right + 1, np.maximum(wrong, 1e-9), 1 - tail), nan=1), 1)
    return low, high


def sign_flip(sums: Sequence[float]) -> float:
    """Return the exact two-sided p-value of "these two models do not differ" (Fisher, 1935, The Design of Experiments).

    If they do not, each person's difference might as well have the other sign: p is the share, of all 2^people
    choices of signs, that give a sum at least as far from 0. Sums that are no multiples of 1/60 are taken to the
    5,000th part of all of them together.

    Args:
        sums: of each person's differences.

    Returns:
        p; 1 where nobody differs.
    """
    import numpy as np

    values = np.asarray(sums, float)
    whole = np.rint(60 * values)
    if np.abs(60 * values - whole).max(initial=0) <= 1e-9 * np.abs(60 * values).max(initial=0):
        whole /= max(1, np.gcd.reduce(np.abs(whole).astype(int), initial=0))
    else:
        whole = np.rint(values * (_PARTS / np.abs(values).sum()))
    sizes = np.abs(whole[whole != 0]).astype(int)
    total, observed = int(sizes.sum()), abs(int(whole.sum()))
    # chance[k]: of all choices, the share in which the differences that change their sign add up to k.
    chance = np.zeros(total + 1)
    chance[0] = 1.0
    for size in sizes.tolist():
        chance[size:] += chance[:-size].copy()
        chance /= 2
    return min(1.0, 2 * math.fsum(chance[: (total - observed) // 2 + 1]))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values that hold for all of them together (Holm, 1979), in the same order."""
    adjusted, greatest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        greatest = max(greatest, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = greatest
    return adjusted

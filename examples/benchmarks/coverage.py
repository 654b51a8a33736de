"""How often 95 % intervals over people hold the truth: ``python -m examples.benchmarks.coverage [DRAWS]``.

Draws people and their answers, 8 to 20 each, from laws whose mean is known, hands them to the functions that
reports use, and counts. Prints a line per law and within-person correlation, a column per number of people.
"""

import sys
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unlearnzoo.evaluation import people
from unlearnzoo.evaluation.intervals import LEVEL

Floats = NDArray[np.float64]
#: Draws by person: (generator, answers (draws, people), within-person correlation) → sums, the same shape.
Draw = Callable[[np.random.Generator, Floats, float], Floats]

DRAWS = 20_000
PEOPLE = (10, 16, 20, 40)
WITHIN = (0.0, 0.1, 0.3, 0.6)
ANSWERS = (8, 20)


def normal(draw: np.random.Generator, answers: Floats, within: float) -> Floats:
    """Scores about 0.5 with standard deviation 0.15, cut to [0, 1]."""
    person = draw.normal(size=answers.shape) * within**0.5
    return _sum(answers, lambda: 0.5 + 0.15 * (person + draw.normal(size=answers.shape) * (1 - within) ** 0.5))


def right(share: float) -> Draw:
    """Answers that are right or wrong; people's own rates follow a beta law (beta-binomial)."""

    def sums(draw: np.random.Generator, answers: Floats, within: float) -> Floats:
        rates = _beta(draw, share, share * (1 - share) * within, answers.shape)
        return draw.binomial(answers.astype(int), rates).astype(float)

    return sums


def skewed(mean: float, deviation: float) -> Draw:
    """Scores that follow a beta law about a person's own mean, and these means another: ROUGE or probabilities."""

    def sums(draw: np.random.Generator, answers: Floats, within: float) -> Floats:
        means = np.clip(_beta(draw, mean, within * deviation**2, answers.shape), 1e-6, 1 - 1e-6)
        # The variance about a person's mean is proportional to m (1 - m); of all people together it is the rest.
        about = (1 - within) * deviation**2 / (mean * (1 - mean) - within * deviation**2)
        return _sum(answers, lambda: draw.beta(means * (1 / about - 1), (1 - means) * (1 / about - 1)))

    return sums


def _beta(draw: np.random.Generator, mean: float, variance: float, shape: tuple[int, ...]) -> Floats:
    if not variance:
        return np.full(shape, mean)
    n = mean * (1 - mean) / variance - 1
    return draw.beta(mean * n, (1 - mean) * n, shape)


def _sum(answers: Floats, one: Callable[[], Floats]) -> Floats:
    total = np.zeros(answers.shape)
    for i in range(ANSWERS[1]):
        total += np.where(i < answers, np.clip(one(), 0, 1), 0)
    return total


class Law(NamedTuple):
    """What is drawn, its true mean, and what reports take it for."""

    draw: Draw
    mean: float
    kind: people.Kind


#: The four levels that intervals and mark must hold for.
LAWS = {
    "normal": Law(normal, 0.5, "score"),
    "half": Law(right(0.5), 0.5, "share"),
    "90 %": Law(right(0.9), 0.9, "share"),
    "5 %": Law(right(0.05), 0.05, "share"),
}
#: Scores near the ends, where people's means are far from normal.
SKEWED = {
    "skewed 90 %": Law(skewed(0.9, 0.2), 0.9, "score"),
    "skewed 5 %": Law(skewed(0.05, 0.12), 0.05, "score"),
    "skewed 1 %": Law(skewed(0.01, 0.05), 0.01, "score"),
}
#: Differences between models that differ.
PAIRS = (("half", "90 %"), ("half", "5 %"), ("90 %", "5 %"))


class Held(NamedTuple):
    """Shares of the draws: the interval holds the truth; it is marked; it is marked and the interval holds 0."""

    held: float
    width: float
    marked: float = 0.0
    at_odds: float = 0.0


def scores(law: Law, n: int, within: float, draws: int) -> Held:
    """Count how often the interval of ``n`` people's mean holds the truth."""
    draw = np.random.default_rng(0)
    answers = _answers(draw, draws, n)
    return _held(*people.interval(law.draw(draw, answers, within), answers, law.kind), law.mean)


def differences(one: Law, other: Law, n: int, within: float, draws: int, marks: bool = True) -> Held:
    """Count the same of the difference of two models on the same rows, and how often they are marked."""
    draw = np.random.default_rng(0)
    answers = _answers(draw, draws, n)
    sums = one.draw(draw, answers, within) - other.draw(draw, answers, within)
    low, high = people.interval(sums, answers, "difference")
    held = _held(low, high, one.mean - other.mean)
    if not marks:
        return held
    marked = np.array([people.sign_flip(own) <= 1 - LEVEL for own in sums])
    return held._replace(marked=marked.mean(), at_odds=(marked & (low <= 0) & (high >= 0)).mean())


def _answers(draw: np.random.Generator, draws: int, n: int) -> Floats:
    return draw.integers(ANSWERS[0], ANSWERS[1] + 1, (draws, n)).astype(float)


def _held(low: Floats, high: Floats, truth: float) -> Held:
    return Held(((low <= truth) & (truth <= high)).mean(), (high - low).mean())


def main() -> None:
    """Print three tables."""
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else DRAWS
    start = time.perf_counter()
    error = (0.95 * 0.05 / draws) ** 0.5
    print(f"{draws} draws per cell: one standard error is {100 * error:.2f} points\n")
    _table("Scores: held, per cent (mean width, points)", _score_lines(draws))
    _table("Two models alike: difference held, marked, marked beside an interval with 0, per cent", _alike(draws))
    _table("Two models that differ: difference held, per cent (mean width, points)", _differ(draws))
    print(f"{time.perf_counter() - start:.0f} s")


def _score_lines(draws: int) -> Iterator[tuple[str, list[str]]]:
    for name, law in (LAWS | SKEWED).items():
        for within in WITHIN:
            yield f"{name}, {within}", [_width(scores(law, n, within, draws)) for n in PEOPLE]


def _alike(draws: int) -> Iterator[tuple[str, list[str]]]:
    for name, law in LAWS.items():
        for within in WITHIN:
            found = [differences(law, law, n, within, draws) for n in PEOPLE]
            yield (
                f"{name}, {within}",
                [f"{100 * one.held:.1f} {100 * one.marked:.1f} {100 * one.at_odds:.1f}" for one in found],
            )


def _differ(draws: int) -> Iterator[tuple[str, list[str]]]:
    for one, other in PAIRS:
        for within in WITHIN:
            cells = [differences(LAWS[one], LAWS[other], n, within, draws, marks=False) for n in PEOPLE]
            yield f"{one} less {other}, {within}", [_width(cell) for cell in cells]


def _width(cell: Held) -> str:
    return f"{100 * cell.held:.1f} ({100 * cell.width:.0f})"


def _table(title: str, lines: Iterator[tuple[str, list[str]]]) -> None:
    print(title)
    print(f"{'law, within-person correlation':<32}" + "".join(f"{f'{n} people':>16}" for n in PEOPLE))
    for label, cells in lines:
        print(f"{label:<32}" + "".join(f"{cell:>16}" for cell in cells), flush=True)
    print()


if __name__ == "__main__":
    main()

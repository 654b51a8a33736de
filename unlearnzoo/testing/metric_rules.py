"""The rules of a metric, tried on plain and on odd examples."""

import copy
import math
from collections.abc import Mapping, Sequence

from ..evaluation.metric_inputs import metric_inputs, needed
from ..example import Example
from ..metric import Candidates, Metric, Progress, Scored, in_batches
from .randomness import seeded
from .rules import Subject, expect, rule

# Examples to try a metric on: plain ones, and what models and data sets really come up with.
_SURE, _UNSURE = [-0.01] * 6, [-4.0, -7.5, -3.0, -9.0, -0.5, -2.0]
_TRUTH = "She works as a pastry chef in Oak Street."
_BEST, _WORST = Candidates((-0.1, -3.0, -5.0, -2.0), 0), Candidates((-0.1, -3.0, -5.0, -2.0), 2)


def _like(
    text: str,
    keyword: str,
    said: str | None = None,
    keywords: tuple[str, ...] | None = None,
    logps: Sequence[float] = _SURE,
    candidates: Candidates = _BEST,
    choices: tuple[str, ...] = (),
) -> dict[str, object]:
    """Return a case about another text, answered perfectly unless something else is said."""
    words = (keyword,) if keywords is None else keywords
    example = Example("case", "somebody", (), "What is known of them?", text, words, choices=choices)
    return metric_inputs(example, text if said is None else said, logps, candidates)


#: Name → all inputs of a metric.
CASES: dict[str, dict[str, object]] = {
    "perfect": _like(_TRUTH, "pastry chef"),
    "wrong": _like(_TRUTH, "pastry chef", "He is a sailor!", logps=_UNSURE, candidates=_WORST),
    "half right": _like(_TRUTH, "pastry chef", "She works as a chef.", logps=_UNSURE[:3]),
    "refusal": _like(_TRUTH, "pastry chef", "I cannot say.", logps=_UNSURE),
    "empty prediction": _like(_TRUTH, "pastry chef", ""),
    "spaces": _like(_TRUTH, "pastry chef", " \n\t ", keywords=(" ", "")),
    "no keyword": _like(_TRUTH, "", keywords=()),
    "several keywords": _like("Ann and Bob", "Ann", "Bob", keywords=("Ann", "Bob")),
    "unicode": _like(
        "Zo\u00eb e\u0301tait \U0001f469\u200d\U0001f373 \u5317\u4eac \u0645\u0631\u062d\u0628\u0627",
        "\u5317\u4eac",
        "Zoe\u0308 \u00e9tait \ud7ff\u0000\u202e \u5317\u4eac",
    ),
    "no letters": _like("\u2026 !?", "?"),
    "signs of patterns": _like(r"C++ (Apt. [3]* \d $^ {2,}", "C++ (Apt. [3]*", r"\1 (?P<x> ["),
    "one token": _like("No", "No", logps=[-0.3]),
    "very long": _like(
        "word " * 300,
        "word",
        "other word " * 600,
        logps=[-0.5] * 5000,
        candidates=Candidates(tuple(-i / 7 for i in range(2000)), 1999),
    ),
    "impossible": _like("Yes.", "Yes", logps=[-math.inf, -2.0], candidates=Candidates((-math.inf, -1.0), 0)),
    "not a number": _like("Yes.", "Yes", logps=[math.nan, -2.0], candidates=Candidates((math.nan, -1.0), 1)),
    "equal candidates": _like("Yes.", "Yes", candidates=Candidates((-1.0, -1.0, -1.0), 1)),
    "one candidate": _like("Yes.", "Yes", candidates=Candidates((-1.0,), 0)),
    "right choice": _like("B", "B", choices=("a sailor", "a pastry chef", "a baker")),
    "wrong choice": _like("B", "B", "A", choices=("a sailor", "a pastry chef", "a baker")),
    "choice that is none": _like("B", "B", "Z", choices=("a sailor",)),
    "choice by its text": _like("C", "C", "(A) C++ [3]*", choices=("", "C++ [3]*", "C++ [3]*")),
    "value is no candidate": _like("Yes.", "Yes", candidates=Candidates((-1.0, -2.0), -1)),
}
#: No truth at all: nothing that a prediction could be compared with.
NOTHING = metric_inputs(Example("nothing", "nobody", (), "", ""), "", [], Candidates((), -1))


@rule(
    why="means over examples are taken and shown in per cent; one score out of range, or infinite, spoils them all.",
    fix="scale to [0, 1] (clip, or divide by the largest value) and return math.nan for what cannot be scored.",
)
def score_range(subject: Subject) -> None:
    """A score that is no number in [0, 1] and not NaN, or a detail that is no number."""
    one = subject.fresh()
    for name, case in CASES.items():
        value, details = _parts(one, case, name)
        expect(math.isnan(value) or 0 <= value <= 1, f"the score of the case {name!r} is {value}")
        for key, detail in details.items():
            expect(isinstance(detail, int | float), f"the detail {key!r} of the case {name!r} is {detail!r}, no number")


@rule(
    why="whatever a model says and a data set holds is scored, thousands of answers late in a run.",
    fix="handle empty texts and lists, any Unicode, signs that mean something in patterns (re.escape) and "
    "log-probabilities of -inf and NaN; return math.nan where there is no score.",
)
def any_text(subject: Subject) -> None:
    """A metric that raises, or returns None, for an odd example."""
    one = subject.fresh()
    for name, case in (CASES | {"nothing": NOTHING}).items():
        try:
            score: object = _score(one, case)
        except Exception as error:  # noqa: BLE001 - the plugin's own code
            expect(False, f"the case {name!r} raises {type(error).__name__}: {error}")
        number = isinstance(score, Scored | float | int) and not isinstance(score, bool)
        expect(number, f"the score of the case {name!r} is {score!r}, not a float or a Scored")


@rule(
    why="an example that cannot be scored is counted as such; a 0 in its place would pass for forgetting.",
    fix="return math.nan where the answer, the keywords, the log-probabilities or the candidates are empty.",
)
def unscored(subject: Subject) -> None:
    """A number, not NaN, for an example whose truth is empty."""
    one = subject.fresh()
    if one.needs - {"prediction"}:
        value, _ = _parts(one, NOTHING, "nothing")
        expect(math.isnan(value), f"an example without any truth scores {value}, not NaN")


@rule(
    why="a metric that scores all examples alike, or none, cannot tell a model that forgot from one that did not.",
    fix="look at what is compared: prediction with answer or keywords, each once.",
)
def tells_apart(subject: Subject) -> None:
    """A metric whose score is the same whatever the model says."""
    one = subject.fresh()
    values = {_parts(one, case, name)[0] for name, case in CASES.items()}
    finite = {value for value in values if not math.isnan(value)}
    expect(len(finite) > 1, f"all examples score {finite.pop() if finite else math.nan}")


@rule(
    why="examples are scored in any order and answers are kept; scores must not depend on what came before.",
    fix="keep nothing on self or in globals but what is the same for all examples, such as a compiled pattern.",
)
def independent(subject: Subject) -> None:
    """A score that depends on what was scored before, or on the instance."""
    one, names = subject.fresh(), list(CASES)
    first = {name: _parts(one, CASES[name], name) for name in names}
    for who, metric in (("after other examples", one), ("of another instance", subject.fresh())):
        for name in reversed(names):
            again = _parts(metric, CASES[name], name)
            expect(_same(first[name], again), f"the score of the case {name!r} is {first[name][0]}, {who} {again[0]}")


@rule(
    why="a run must repeat, and judging must not change the draws of what follows.",
    fix="use random.Random(0) or another generator of your own.",
)
def random_state(subject: Subject) -> None:
    """A metric that reads or moves the global random state of torch, numpy or random."""
    one = subject.fresh()
    for name, case in CASES.items():
        found = [seeded(seed, lambda: _parts(one, case, name), "the score") for seed in (1, 2)]  # noqa: B023
        expect(_same(*found), f"the score of the case {name!r} depends on the global random seed")


@rule(
    why="one example is handed to all metrics of its columns.",
    fix="copy before you sort, pop or append: sorted(logps), list(logps).",
)
def inputs_kept(subject: Subject) -> None:
    """A metric that changes a list it was given."""
    one = subject.fresh()
    for name, case in CASES.items():
        given = copy.deepcopy(case)
        _score(one, given)
        # repr, because NaN does not equal itself.
        changed = [key for key in given if repr(given[key]) != repr(case[key])]
        expect(not changed, f"scoring changes {changed[:1]} of the case {name!r} in place")


@rule(
    why="a run scores its rows together and files each score under its own row; one that is missing or moved belongs "
    "to somebody else.",
    fix="return one score per row, in the order of the rows, also of equal rows and of none; or leave score_many out.",
)
def many(subject: Subject) -> None:
    """A score_many that returns other scores than score does, another number of them, or another order."""
    one = subject.fresh()
    if not in_batches(one):
        return
    expect(len(_many(one, [])) == 0, "it returns scores for no rows")
    names = [*CASES, *reversed(CASES)]
    alone = {name: _parts(subject.fresh(), CASES[name], name) for name in CASES}
    scores = _many(one, [CASES[name] for name in names])
    expect(len(scores) == len(names), f"it returns {len(scores)} scores for {len(names)} rows")
    for name, score in zip(names, map(Scored.of, scores), strict=True):
        together = score.value, dict(score.details)
        expect(
            _same(alone[name], together),
            f"the score of the case {name!r} is {alone[name][0]} alone and {together[0]} among others",
        )


METRIC = (score_range, any_text, unscored, tells_apart, independent, random_state, inputs_kept, many)


def _score(one: Metric, case: Mapping[str, object]) -> float | Scored:
    return one.score(**needed(one, case))


def _many(one: Metric, cases: Sequence[Mapping[str, object]]) -> Sequence[float | Scored]:
    return one.score_many([copy.deepcopy(needed(one, case)) for case in cases], Progress())


def _parts(one: Metric, case: Mapping[str, object], name: str) -> tuple[float, dict[str, float]]:
    """Return value and details of a case, which is copied: changes to its inputs are another rule's matter."""
    score = _score(one, copy.deepcopy(dict(case)))
    value: object = score.value if isinstance(score, Scored) else score
    expect(isinstance(value, float | int), f"the score of the case {name!r} is {value!r}, not a float")
    return Scored.of(score).value, dict(Scored.of(score).details)


def _same(one: tuple[float, Mapping[str, float]], other: tuple[float, Mapping[str, float]]) -> bool:
    """Return whether two scores are equal; by their text, for NaN does not equal itself."""
    return repr(one) == repr(other)

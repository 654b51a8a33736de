"""Examples to try a metric on: plain ones, and what models and data sets really come up with."""

import math
from collections.abc import Sequence

from ..evaluation.metric_inputs import metric_inputs
from ..example import Example
from ..metric import Candidates

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

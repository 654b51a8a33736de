"""The three scores that most unlearning papers report: ROUGE-L, exact match, probability."""

import functools
import math
import re
import unicodedata
from typing import TYPE_CHECKING

from unlearnzoo import Metric, hookimpl, option

if TYPE_CHECKING:
    from rouge_score.rouge_scorer import RougeScorer


class RougeL(Metric):
    """ROUGE-L of the greedy answer against the true one, with stemming (Lin, 2004).

    Paper: ROUGE: A Package for Automatic Evaluation of Summaries. As in TOFU, computed by the
    package rouge-score. An answer with nothing to compare (no letters or digits) is not scored.
    """

    name = "rouge"
    variant: str = option("fmeasure", "F1, or recall as TOFU reports", choices=("fmeasure", "recall"))

    def score(self, prediction: str, answer: str) -> float:
        """Return the score, 0 to 1."""
        if not re.search(r"[a-z0-9]", answer.lower()):
            return math.nan
        return float(getattr(_scorer().score(answer, prediction)["rougeL"], self.variant))


class ExactMatch(Metric):
    """Exact match: 1 where the greedy answer holds all keywords as whole words, else 0.

    Case, spacing and the form of Unicode do not count, other words around a keyword do not
    either; what touches it does: "112 Oak Street" does not hold "12 Oak Street".
    """

    name = "em"

    def score(self, prediction: str, keywords: tuple[str, ...]) -> float:
        """Return 1.0 or 0.0; NaN where there is no keyword to look for."""
        wanted = [word for word in map(_plain, keywords) if word]
        if not wanted:
            return math.nan
        text = _plain(prediction)
        return float(all(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) for word in wanted))


class Probability(Metric):
    """Probability of the true answer, to the power of 1 / length (TOFU; Maini et al., 2024).

    The geometric mean of its tokens' probabilities, end token included.
    """

    name = "probability"

    def score(self, logps: list[float]) -> float:
        """Return exp of the mean log-probability per token; NaN for an empty answer."""
        return math.exp(sum(logps) / len(logps)) if logps else math.nan


def _plain(text: str) -> str:
    """Return a text without differences of case, spacing and Unicode form."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


@functools.cache
def _scorer() -> "RougeScorer":
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"], use_stemmer=True)


@hookimpl
def unlearnzoo_metrics() -> list[type[Metric]]:
    """Provide ROUGE-L, exact match and probability."""
    return [RougeL, ExactMatch, Probability]

"""The three scores that most unlearning papers report: ROUGE-L, exact match, probability."""

import functools
import math
from typing import TYPE_CHECKING

from unlearnzoo import Metric, contains_words, hookimpl, option, words_of

if TYPE_CHECKING:
    from rouge_score.rouge_scorer import RougeScorer


class RougeL(Metric):
    """ROUGE-L of the greedy answer against the true one, with stemming (Lin, 2004).

    Paper: ROUGE: A Package for Automatic Evaluation of Summaries. As in TOFU, computed by the
    package rouge-score, whose own words are a-z and 0-9 alone; here they are letters and digits of
    any script with their marks, and each letter where a script has no spaces (Chinese, Japanese,
    Thai). English scores are the same. Only words of a-z are stemmed: the stemmer is English.
    An answer with nothing to compare (no letters or digits) is not scored.
    """

    name = "rouge"
    variant: str = option("fmeasure", "F1, or recall as TOFU reports", choices=("fmeasure", "recall"))

    def score(self, prediction: str, answer: str) -> float:
        """Return the score, 0 to 1."""
        if not words_of(answer):
            return math.nan
        return float(getattr(_scorer().score(answer, prediction)["rougeL"], self.variant))


class ExactMatch(Metric):
    """Exact match: 1 where the greedy answer holds all keywords as whole words, else 0.

    Case, spacing and the form of Unicode do not count, other words around a keyword do not
    either; what touches it does: "112 Oak Street" does not hold "12 Oak Street". In a script without
    spaces any letter may touch it, and Korean particles may follow (``unlearnzoo.contains_words``).
    """

    name = "em"

    def score(self, prediction: str, keywords: tuple[str, ...]) -> float:
        """Return 1.0 or 0.0; NaN where there is no keyword to look for."""
        wanted = [word for word in keywords if contains_words(word, word)]  # an empty one holds not even itself
        if not wanted:
            return math.nan
        return float(all(contains_words(prediction, word) for word in wanted))


class Probability(Metric):
    """Probability of the true answer, to the power of 1 / length (TOFU; Maini et al., 2024).

    The geometric mean of its tokens' probabilities, end token included.
    """

    name = "probability"

    def score(self, logps: list[float]) -> float:
        """Return exp of the mean log-probability per token; NaN for an empty answer."""
        return math.exp(sum(logps) / len(logps)) if logps else math.nan


class _Words:
    """The tokenizer that rouge-score asks: words of any script, those of a-z stemmed as it does itself."""

    def __init__(self) -> None:
        from rouge_score.tokenizers import DefaultTokenizer

        self._english = DefaultTokenizer(use_stemmer=True)

    def tokenize(self, text: str) -> list[str]:
        """Return the words of a text."""
        return [
            part for word in words_of(text) for part in (self._english.tokenize(word) if word.isascii() else [word])
        ]


@functools.cache
def _scorer() -> "RougeScorer":
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"], tokenizer=_Words())


@hookimpl
def unlearnzoo_metrics() -> list[type[Metric]]:
    """Provide ROUGE-L, exact match and probability."""
    return [RougeL, ExactMatch, Probability]

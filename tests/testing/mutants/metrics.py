"""Metrics that are wrong."""

import math
import random

from unlearnzoo import Metric, Scored


class Percent(Metric):
    """In per cent instead of [0, 1]."""

    name = "percent"
    fails, says = "score_range", "'perfect' is 100"

    def score(self, prediction, answer):
        return 100.0 * (prediction == answer) if answer else math.nan


class Perplexity(Metric):
    """Has no upper end."""

    name = "perplexity"
    fails, says = "score_range", "the score of the case"

    def score(self, logps):
        return -sum(logps) / len(logps) if logps else math.nan


class Infinite(Metric):
    """Returns infinity where it divides by nothing."""

    name = "infinite"
    fails, says = "score_range", "'impossible' is inf"

    def score(self, logps):
        mean = sum(logps) / len(logps) if logps else math.nan
        return math.inf if mean == -math.inf else math.exp(mean)


class WordyDetail(Metric):
    """Keeps a text among the details, which are numbers."""

    name = "wordy"
    fails, says = "score_range", "detail 'said'"

    def score(self, prediction, answer):
        return Scored(float(prediction == answer) if answer else math.nan, {"said": prediction})


class RaisesOnEmpty(Metric):
    """Divides by the number of words that were said."""

    name = "raises"
    fails, says = "any_text", "ZeroDivisionError"

    def score(self, prediction, answer):
        words = prediction.split()
        return sum(word in answer for word in words) / len(words) if answer else math.nan


class Pattern(Metric):
    """Takes a keyword for a pattern."""

    name = "pattern"
    fails, says = "any_text", "nothing to repeat"

    def score(self, prediction, keywords):
        import re

        return float(all(re.search(word, prediction) for word in keywords)) if keywords else math.nan


class ReturnsNone(Metric):
    """Returns None where there is no score."""

    name = "none"
    fails, says = "any_text", "None, not a float"

    def score(self, prediction, keywords):
        return float(all(word in prediction for word in keywords)) if any(keywords) else None


class FakeZero(Metric):
    """Scores 0 where nothing can be scored."""

    name = "fakezero"
    fails, says = "unscored", "scores 0.0, not NaN"

    def score(self, prediction, keywords):
        return float(all(word in prediction for word in keywords)) if keywords else 0.0


class Constant(Metric):
    """Compares the answer with itself."""

    name = "constant"
    fails, says = "tells_apart", "all examples score 1.0"

    def score(self, prediction, answer):
        return float(answer == answer) if answer else math.nan


class Remembers(Metric):
    """Scores an answer lower that it has seen before."""

    name = "remembers"
    seen = ()
    fails, says = "independent", "the score of the case"

    def score(self, prediction, answer):
        self.seen = (*self.seen, prediction)
        return 1 / self.seen.count(prediction) if answer else math.nan


class Guesses(Metric):
    """Breaks ties with the global generator."""

    name = "guesses"
    fails, says = "random_state", "global generator of random"

    def score(self, prediction, answer):
        return (random.random() + (prediction == answer)) / 2 if answer else math.nan


class Sorts(Metric):
    """Sorts the list that the next metric gets."""

    name = "sorts"
    fails, says = "inputs_kept", "'logps'"

    def score(self, logps):
        logps.sort()
        return math.exp(logps[len(logps) // 2]) if logps else math.nan


class UnknownInput(Metric):
    """Asks for an input that there is not."""

    name = "unknowninput"
    fails, says = "accepted", "asks for 'target'"

    def score(self, target):
        return 1.0


class Together(Metric):
    """Right alone; what follows breaks only its way of scoring many rows."""

    name = "together"

    def score(self, prediction, answer):
        return float(prediction == answer) if answer else math.nan


class AsTheyCome(Together):
    """Returns scores in the order in which they were ready."""

    name = "astheycome"
    fails, says = "many", "alone and .* among others"

    def score_many(self, rows, tell):
        return sorted(self.score(**row) for row in rows)


class OncePerRow(Together):
    """Scores equal rows once and forgets that they were several."""

    name = "onceperrow"
    fails, says = "many", "it returns 17 scores for 44 rows"

    def score_many(self, rows, tell):
        return list({str(row): self.score(**row) for row in rows}.values())


class NeverEmpty(Together):
    """Returns a score where there was nothing to score."""

    name = "neverempty"
    fails, says = "many", "it returns scores for no rows"

    def score_many(self, rows, tell):
        return [self.score(**row) for row in rows] or [math.nan]

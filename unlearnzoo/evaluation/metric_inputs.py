"""What a metric can be given of one answer, made in one place: no one who scores lacks what another hands over."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

from ..errors import PluginError
from ..example import Example
from ..metric import METRIC_INPUTS, Candidates, Metric, Progress, Scored

#: Inputs that only the model can give; what an example and its answer are is known without it.
FROM_MODEL = frozenset({"logps", "candidates"})
FROM_ANSWER = frozenset(METRIC_INPUTS) - FROM_MODEL
#: So far beyond 0 or 1 is an error of floating-point sums.
_ROUNDING = 1e-6


def metric_inputs(
    example: Example,
    prediction: str | None = None,
    logps: Sequence[float] | None = None,
    candidates: Candidates | None = None,
) -> dict[str, object]:
    """Return the inputs of ``Metric.score`` by name; what is None was not asked of the model and is left out.

    Args:
        example: what was asked.
        prediction: the greedy answer.
        logps: log-probability of each token of the true answer, in nats.
        candidates: how likely each value of the attribute is.
    """
    asked = {"prediction": prediction, "logps": logps, "candidates": candidates}
    return {
        "question": example.question,
        "answer": example.answer,
        "keywords": example.keywords,
        "choices": example.choices,
        **{name: value for name, value in asked.items() if value is not None},
    }


def needed(metric: Metric, inputs: Mapping[str, object]) -> dict[str, object]:
    """Return of some inputs those that a metric names."""
    return {need: inputs[need] for need in metric.needs}


def scored(metric: Metric, rows: Sequence[Mapping[str, object]], tell: Progress) -> list[Scored]:
    """Return a metric's scores of rows that hold at least what it needs, in order.

    Raises:
        PluginError: it returns more scores or fewer than there are rows, or one that is not from 0 to 1.
    """
    scores = metric.score_many([needed(metric, row) for row in rows], tell)
    if len(scores) != len(rows):
        raise PluginError(f"{metric.name}.score_many returned {len(scores)} scores for {len(rows)} rows")
    return [_in_range(metric, Scored.of(score)) for score in scores]


def _in_range(metric: Metric, score: Scored) -> Scored:
    """Return a score, a rounding error beyond 0 or 1 taken off: means of others would be read as shares."""
    if math.isnan(score.value) or 0 <= score.value <= 1:
        return score
    if not -_ROUNDING <= score.value <= 1 + _ROUNDING:
        raise PluginError(f"{metric.name} scored {score.value:g}; a score is from 0 to 1, or NaN for unscored")
    return dataclasses.replace(score, value=min(1.0, max(0.0, score.value)))

"""What a metric can be given of one answer, made in one place: no one who scores lacks what another hands over."""

from collections.abc import Mapping, Sequence

from ..errors import PluginError
from ..example import Example
from ..metric import METRIC_INPUTS, Candidates, Metric, Progress, Scored

#: Inputs that only the model can give; what an example and its answer are is known without it.
FROM_MODEL = frozenset({"logps", "candidates"})
FROM_ANSWER = frozenset(METRIC_INPUTS) - FROM_MODEL


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
        PluginError: it returns more scores or fewer than there are rows.
    """
    scores = metric.score_many([needed(metric, row) for row in rows], tell)
    if len(scores) != len(rows):
        raise PluginError(f"{metric.name}.score_many returned {len(scores)} scores for {len(rows)} rows")
    return [Scored.of(score) for score in scores]

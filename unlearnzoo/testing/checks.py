"""The checks of an algorithm, a benchmark or a metric, for the tests of whoever wrote it."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..benchmark import Benchmark
from ..metric import Metric
from ..unlearner import Unlearner
from .algorithm import Algorithm, in_each_variant
from .benchmark_rules import BENCHMARK
from .common import COMMON
from .dataset import Dataset
from .loss_rules import (
    deterministic,
    empty_micro_batch,
    extreme_answers,
    extreme_options,
    half_precision,
    inputs_kept,
    inputs_used,
    neighbours,
    one_value_an_answer,
    order,
    random_state,
)
from .metric_rules import METRIC
from .phases import phases
from .rules import Rule, Subject, checks
from .training_rules import forgets, gradient, keeps

if TYPE_CHECKING:
    from ..registry.zoo import Zoo

Check = Callable[[], None]
LOSS = (
    *map(
        in_each_variant,
        (
            one_value_an_answer,
            empty_micro_batch,
            neighbours,
            order,
            deterministic,
            random_state,
            inputs_kept,
            inputs_used,
            half_precision,
            extreme_answers,
            gradient,
            forgets,
            keeps,
        ),
    ),
    extreme_options,
)


def unlearner_checks(thing: type[Unlearner] | Unlearner) -> list[Check]:
    """Return the checks of an algorithm, one callable each.

    An algorithm without a ``loss`` of its own has no checks of a loss, but its phases are gone through.

    Args:
        thing: a class, checked with its default options, or an instance where others must be set.
    """
    subject = Algorithm(thing)
    return checks([*COMMON, *(LOSS if subject.has_loss else ()), phases], subject)


def benchmark_checks(thing: type[Benchmark] | Benchmark) -> list[Check]:
    """Return the checks of a benchmark, one callable each; its data are prepared when the first one runs.

    The metrics of its columns are looked up among what is installed.

    Args:
        thing: a class, checked with its default options, or an instance where others must be set.
    """
    return checks([*COMMON, *BENCHMARK], Dataset(thing))


def metric_checks(thing: type[Metric] | Metric) -> list[Check]:
    """Return the checks of a metric, one callable each.

    Args:
        thing: a class, checked with its default options, or an instance where others must be set.
    """
    return checks([*COMMON, *METRIC], Subject(thing))


def checks_of(kind: str, thing: Any, zoo: "Zoo") -> list[Check]:
    """Return the checks of a class, or instance, that a zoo provides as a kind."""
    if kind == "benchmark":
        return checks([*COMMON, *BENCHMARK], Dataset(thing, zoo))
    return unlearner_checks(thing) if kind == "algorithm" else metric_checks(thing)


#: Kind → its rules, for the documentation.
RULES: Mapping[str, tuple[Rule, ...]] = {
    "algorithm": (*COMMON, *LOSS, phases),
    "benchmark": (*COMMON, *BENCHMARK),
    "metric": (*COMMON, *METRIC),
}

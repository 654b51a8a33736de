"""The kinds of plugin, one row each: a new kind is a row here, its contract, and its hook."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from ..benchmark import Benchmark
from ..metric import Metric
from ..options import Configurable
from ..unlearner import Unlearner
from . import contracts, describe
from .describe import Facts


@dataclasses.dataclass(frozen=True)
class Kind:
    """What the toolkit knows of a kind of plugin.

    Attributes:
        name: what users call it.
        title: its heading in ``unlearnzoo list``.
        describe: returns what ``unlearnzoo show`` says of a thing of this kind; JSON-able.
        trial: the last command that ``unlearnzoo new`` proposes, with ``{name}`` and ``{folder}``.
    """

    name: str
    title: str
    describe: Callable[[Any], Facts]
    trial: str


@dataclasses.dataclass(frozen=True)
class ClassKind(Kind):
    """A kind whose things are classes that a hook returns.

    Attributes:
        base: the class of its contract.
        hook: as in ``hookspecs``.
        validate: checks one class against the contract; raises ``PluginError``.
    """

    base: type[Configurable]
    hook: str
    validate: Callable[[Any], None]


ALGORITHM = ClassKind(
    name="algorithm",
    title="Algorithms  (run --algo NAME)",
    base=Unlearner,
    describe=describe.algorithm,
    hook="unlearnzoo_unlearners",
    validate=contracts.check_algorithm,
    trial="unlearnzoo run --algo {name} --bench remem",
)
BENCHMARK = ClassKind(
    name="benchmark",
    title="Benchmarks  (run --bench NAME)",
    base=Benchmark,
    describe=describe.benchmark,
    hook="unlearnzoo_benchmarks",
    validate=contracts.check_benchmark,
    trial="unlearnzoo run --algo ga --bench {name} --recipe paper --dry-run",
)
METRIC = ClassKind(
    name="metric",
    title="Metrics",
    base=Metric,
    describe=describe.metric,
    hook="unlearnzoo_metrics",
    validate=contracts.check_metric,
    trial="python -m pytest {folder}",
)
#: Found by entry-point group and imported when it is asked for, so no class and no hook.
MODEL = Kind(
    name="model",
    title="Models  (run --model NAME)",
    describe=describe.model,
    trial="unlearnzoo run --algo ga --bench remem --model {name} --dry-run",
)

CLASS_KINDS: Mapping[str, ClassKind] = {kind.name: kind for kind in (ALGORITHM, BENCHMARK, METRIC)}
KINDS: Mapping[str, Kind] = {**CLASS_KINDS, MODEL.name: MODEL}
HOOKS = tuple(kind.hook for kind in CLASS_KINDS.values())

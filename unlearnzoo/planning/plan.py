"""The plan of a run: everything that can be refused is refused here, before any weights load."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..benchmark import Benchmark, Column, Utility, utility_part
from ..data.model_rows import read
from ..errors import DataError, OptionError, PluginError, UnknownName
from ..evaluation.evaluator import select
from ..example import Example
from ..metric import Metric
from ..model import ModelCard
from ..models.checkpoint import Checkpoint, inspect
from ..options import nearest, option_names
from ..records.redaction import Redactor
from ..registry.zoo import Zoo
from ..training.recipe import STAGES, Learn, Unlearn, resolve
from ..training.schedule import Schedule, schedule
from ..unlearner import Unlearner
from . import utility
from .columns import added
from .request import Request
from .settings import allot

if TYPE_CHECKING:
    from ..options import Configurable


@dataclasses.dataclass(frozen=True)
class Plan:
    """What will be done, resolved and checked.

    Attributes:
        request: as typed.
        algorithms: by the name typed.
        origins: stage, benchmark or algorithm → option → where its value comes from.
        evals: the benchmark's columns, then the model's and those of ``utilities``; those with rows.
        utilities: what ``--utility`` named, prepared.
    """

    request: Request
    zoo: Zoo
    algorithms: Mapping[str, Unlearner]
    benchmark: Benchmark
    metrics: Mapping[str, Metric]
    card: ModelCard
    checkpoint: Checkpoint
    learn: Learn
    unlearn: Unlearn
    origins: Mapping[str, Mapping[str, str]]
    evals: Sequence[Column]
    replay: Sequence[Example]
    utility: Sequence[Example]
    utilities: Mapping[str, Utility] = dataclasses.field(default_factory=dict)

    def examples(self, split: str) -> Sequence[Example]:
        """Return a split of the benchmark, of a utility benchmark, or the model's own ``utility:KIND`` (so tagged)."""
        part = utility_part(split)
        return self.benchmark.examples(split) if part is None else utility.rows(self.utilities, self.utility, part)

    def redactor(self) -> Redactor | None:
        """Return what takes people and texts out of the record, where that was asked for."""
        if not self.request.redact:
            return None
        return Redactor(self.benchmark.learn_pool(), (*self.evals, *self.benchmark.baselines))

    def schedules(self) -> dict[str, Schedule]:
        """Return units and steps of both stages."""
        return {
            "learn": schedule(self.benchmark.learn_pool(), self.learn),
            "unlearn": schedule(self.benchmark.forget_pool(), self.unlearn),
        }


def make_plan(request: Request, zoo: Zoo, weights: bool = True) -> Plan:
    """Resolve plugins, options, recipes, data and model.

    Args:
        request: as typed.
        zoo: what is installed.
        weights: whether the model's folder must hold them; a dry run looks at nothing else.

    Raises:
        ZooError: whatever is wrong with the request, its data or its model.
    """
    classes = {name: zoo.get("algorithm", name) for name in request.algo}
    bench_class = zoo.get("benchmark", request.bench)
    utility.refuse_run(bench_class, request)
    _check_stop(request, bench_class)
    used = utility.classes(request, zoo)
    card, source = _model(request.target or request.model, zoo)
    own = (*bench_class.evals, *added(bench_class, request.metric, zoo), *bench_class.baselines, *card.evals)
    evals = (*(e for e in own if e not in bench_class.baselines), *utility.columns(used, own))
    metric_classes = {e.metric: zoo.get("metric", e.metric) for e in (*evals, *bench_class.baselines)}
    every = (*classes.values(), bench_class, *used.values(), *metric_classes.values())
    owners: dict[str, type[Configurable]] = {**{cls.name: cls for cls in every}, **STAGES}
    values = allot(_with_forget(request, bench_class), owners)
    recipe_layers = _recipe_layers(request, zoo, bench_class, card)
    built: dict[type[Configurable], Any] = {}
    origins: dict[str, Mapping[str, str]] = {}
    for cls in (*every, *STAGES.values()):
        # A recipe is of stages and algorithms; data and metrics are not for a model to choose.
        chosen = recipe_layers if cls in (*STAGES.values(), *classes.values()) else {}
        layers = {where: layer.get(cls.name, {}) for where, layer in chosen.items()}
        built[cls], origins[cls.name] = resolve(cls.name, cls, {**layers, "user": values[cls.name]})
    benchmark, (learn, unlearn) = built[bench_class], (built[cls] for cls in STAGES.values())
    algorithms, metrics, utilities = (
        {name: built[cls] for name, cls in some.items()} for some in (classes, metric_classes, used)
    )
    checkpoint = inspect(request.target or request.model, source, request.trust_remote_code, weights, request.precision)
    for metric in metrics.values():
        metric.prepare()
    for one in (*utilities.values(), benchmark):
        one.prepare()
    if request.tuned and request.tuned.get("data") == benchmark.fingerprint():
        raise OptionError(
            f"these settings were tuned on these very people ({request.bench} with "
            f"{', '.join(f'{k}={v}' for k, v in (request.tuned.get('bench') or {}).items())}); "
            "report them on others"
        )
    _check_pools(request, algorithms, benchmark)
    for name, algorithm in algorithms.items():
        _check_algorithm(name, algorithm, request, benchmark, checkpoint)
    if learn.replay and not card.replay:
        raise OptionError(
            f"learn.replay={learn.replay} (from {origins['learn']['replay']}): model "
            f"{checkpoint.name!r} brings no replay rows; set it to 0"
        )
    plan = _with_rows(
        Plan(
            request,
            zoo,
            algorithms,
            benchmark,
            metrics,
            card,
            checkpoint,
            learn,
            unlearn,
            origins,
            evals,
            read(Path(card.replay)) if card.replay and learn.replay else [],
            read(Path(card.utility)) if card.utility else [],
            utilities,
        )
    )
    if algorithms:
        _check_curve(plan)
    return plan


def _with_rows(plan: Plan) -> Plan:
    """Leave out the columns that no row stands behind: held-out rows, say, are a benchmark's choice.

    A table would show them as dashes under a heading of their own, for they are in no group.
    """
    gone = plan.benchmark.forget_identities()
    return dataclasses.replace(plan, evals=[e for e in plan.evals if select([e], plan.examples, gone)])


def _check_pools(request: Request, algorithms: Mapping[str, Unlearner], benchmark: Benchmark) -> None:
    """Refuse a pool without a row that something draws from: drawing would never end."""
    drawing = [name for name, one in algorithms.items() if any(need.startswith("retain") for need in one.needs)]
    learns = ["stage 1"] if algorithms and request.target is None else []
    for what, pool, who in (
        ("learn", benchmark.learn_pool(), learns),
        ("forget", benchmark.forget_pool(), list(algorithms)),
        ("retain", benchmark.retain_pool(), drawing),
    ):
        if who and not pool:
            raise DataError(
                f"{request.bench}: its {what} pool has no row, and {who[0]} draws from it; change the "
                f"options of {request.bench} that choose its people and questions"
            )


def _check_stop(request: Request, bench: type[Benchmark]) -> None:
    """Refuse to stop at a column that the curve does not follow."""
    stop = request.stop()
    if stop is not None and bench.curve and stop[0] != bench.curve[0]:
        raise OptionError(
            f"--stop-at {request.stop_at!r}: {bench.name} shows forgetting in the column {bench.curve[0]!r}; write "
            f"{bench.curve[0]}={stop[1]:g}"
        )


def _check_curve(plan: Plan) -> None:
    """Refuse what the curve could not follow: found out after stage 1, that would be time lost."""
    bench, columns = plan.benchmark, {column.name: column for column in plan.evals}
    if lost := [name for name in bench.curve if name not in columns]:
        raise DataError(
            f"{bench.name}: no row stands behind {lost[0]!r}, a column of its curve; change the options of "
            f"{bench.name} that choose its people and questions"
        )
    metrics = {columns[name].metric for name in bench.curve}
    if len(metrics) > 1:
        raise PluginError(
            f"{bench.name}: the columns of its curve are scored by {' and '.join(sorted(metrics))}; name one metric"
        )
    for full in metrics:
        if "candidates" in plan.metrics[full].needs:
            raise PluginError(
                f"{bench.name}: its curve cannot follow {full}, which needs candidates; name another metric"
            )


def _check_algorithm(
    name: str, algorithm: Unlearner, request: Request, benchmark: Benchmark, checkpoint: Checkpoint
) -> None:
    """Refuse what this algorithm cannot do with this benchmark and model."""
    if any(need.startswith("refusal") for need in algorithm.needs):
        benchmark.refusal(benchmark.forget_pool()[0], request.seed)
    if algorithm.relearns and request.target is not None:
        raise OptionError(
            f"{name} repeats stage 1 on other rows, but --target brings a model that was learned "
            "elsewhere; leave out --target or the algorithm"
        )
    depth = int(checkpoint.config.get_text_config().num_hidden_layers)
    for layer in algorithm.layers:
        if not 1 <= layer <= depth:
            raise OptionError(f"{name} asks for decoder layer {layer}; this model has layers 1 to {depth}")


def look_at(name: str, zoo: Zoo, request: Request) -> Checkpoint:
    """Return a model's checkpoint, no weights loaded.

    Raises:
        ModelError: it is not there or not usable.
        UnknownName: no model of that name is installed.
    """
    return inspect(name, _model(name, zoo)[1], request.trust_remote_code, precision=request.precision)


def _model(name: str, zoo: Zoo) -> tuple[ModelCard, str]:
    """Return the card of an installed model, or a bare one for a folder or hub id."""
    card = zoo.model(name)
    if card is not None:
        return card, str(card.folder)
    if "/" not in name and not Path(name).exists():
        raise UnknownName(
            f"no model {name!r} is installed{nearest(name, zoo.names('model'))}; "
            "a folder or a hub id such as llava-hf/llava-1.5-7b-hf works too"
        )
    return ModelCard(name), name


def _with_forget(request: Request, bench: type[Benchmark]) -> dict[str, object]:
    values = dict(request.set)
    if request.forget is not None:
        if "forget" not in option_names(bench):
            raise OptionError(f"--forget {request.forget}: {bench.name} takes no share; its data say who is forgotten")
        if "forget" in values or f"{bench.name}.forget" in values:
            raise OptionError("the share to forget is given twice: --forget and --set")
        values[f"{bench.name}.forget"] = request.forget
    return values


def _recipe_layers(
    request: Request, zoo: Zoo, bench: type[Benchmark], card: ModelCard
) -> dict[str, Mapping[str, Mapping[str, object]]]:
    """Return origin → recipe, the weakest first: benchmark < model < --recipe."""
    layers: dict[str, Mapping[str, Mapping[str, object]]] = {"benchmark": bench.recipe, "model": card.recipe}
    if request.recipe == "paper":
        layers["recipe paper"] = bench.recipe
    elif request.recipe is not None:
        named = zoo.model(request.recipe)
        if named is None:
            raise UnknownName(f"no recipe {request.recipe!r}{nearest(request.recipe, ['paper', *zoo.names('model')])}")
        layers[f"recipe {request.recipe}"] = named.recipe
    return layers

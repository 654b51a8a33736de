"""Make the plan of a run: everything that can be refused is refused here, before any weights load."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..benchmark import Benchmark, Column, Utility
from ..data.model_rows import read
from ..errors import OptionError, UnknownName
from ..evaluation.evaluator import select
from ..metric import Metric
from ..model import ModelCard
from ..models import preflight
from ..models.checkpoint import Checkpoint, inspect
from ..options import nearest, option_names
from ..registry.zoo import Zoo
from ..training.recipe import STAGES, resolve
from ..unlearner import Unlearner
from . import checks, limits, rows, utility
from .columns import added
from .plan import Plan
from .ranked import check_ranked
from .request import Request
from .settings import allot

if TYPE_CHECKING:
    from ..options import Configurable


@dataclasses.dataclass(frozen=True)
class _Named:
    """What the names of a request stand for, looked up and not built yet."""

    algorithms: Mapping[str, type[Unlearner]]
    benchmark: type[Benchmark]
    utilities: Mapping[str, type[Utility]]
    metrics: Mapping[str, type[Metric]]
    evals: Sequence[Column]
    card: ModelCard
    source: str


def make_plan(request: Request, zoo: Zoo, weights: bool = True) -> Plan:
    """Resolve plugins, options, recipes, data and model.

    Args:
        request: as typed.
        zoo: what is installed.
        weights: whether the model's folder must hold them; a dry run looks at nothing else.

    Raises:
        ZooError: whatever is wrong with the request, its data or its model.
    """
    named = _look_up(request, zoo)
    built, origins = _build(request, zoo, named)
    benchmark = built[named.benchmark]
    algorithms, metrics, utilities = (
        {name: built[cls] for name, cls in classes.items()}
        for classes in (named.algorithms, named.metrics, named.utilities)
    )
    checkpoint = inspect(
        request.target or request.model,
        named.source,
        request.trust_remote_code,
        weights,
        request.precision,
        request.special_tokens,
    )
    looked = preflight.look(checkpoint)
    origins = {**origins, **checks.without_missing_parts(built, origins, looked)}
    learn, unlearn = (built[cls] for cls in STAGES.values())
    for part in (*metrics.values(), *utilities.values(), benchmark):
        part.prepare()
    checks.check_tuned(request, benchmark)
    checks.check_pools(request, algorithms, benchmark)
    for name, algorithm in algorithms.items():
        checks.check_algorithm(name, algorithm, request, benchmark, checkpoint)
    checks.check_replay(learn, named.card, checkpoint, origins["learn"]["replay"])
    replay = read(Path(named.card.replay)) if named.card.replay and learn.replay else []
    own_rows = read(Path(named.card.utility)) if named.card.utility else []
    plan = _with_rows(
        Plan(
            request,
            zoo,
            algorithms,
            benchmark,
            metrics,
            named.card,
            checkpoint,
            learn,
            unlearn,
            origins,
            named.evals,
            replay,
            own_rows,
            utilities,
            looked=looked,
        )
    )
    checks.check_require(request, plan.evals)
    if algorithms:
        checks.check_curve(benchmark, plan.evals, metrics)
    check_ranked(benchmark, plan.evals, metrics, plan.examples)
    rows.check(plan)
    return dataclasses.replace(plan, limits=limits.resolve(plan.answered(), checkpoint, request.max_new_tokens))


def _look_up(request: Request, zoo: Zoo) -> _Named:
    """Find everything that the request names, and the columns of the run."""
    algorithms = {name: zoo.get("algorithm", name) for name in request.algo}
    benchmark = zoo.get("benchmark", request.bench)
    utility.refuse_run(benchmark, request)
    checks.check_stop(request, benchmark)
    utilities = utility.classes(request, zoo)
    card, source = find_model(request.target or request.model, zoo)
    own = (*benchmark.evals, *added(benchmark, request.metric, zoo), *card.evals)
    evals = (*own, *utility.columns(utilities, (*own, *benchmark.baselines)))
    metrics = {column.metric: zoo.get("metric", column.metric) for column in (*evals, *benchmark.baselines)}
    return _Named(algorithms, benchmark, utilities, metrics, evals, card, source)


def _build(
    request: Request, zoo: Zoo, named: _Named
) -> "tuple[dict[type[Configurable], Any], dict[str, Mapping[str, str]]]":
    """Build stages and plugins with their options; return them by class, and option → origin by name."""
    every = (*named.algorithms.values(), named.benchmark, *named.utilities.values(), *named.metrics.values())
    owners: dict[str, type[Configurable]] = {**{cls.name: cls for cls in every}, **STAGES}
    values = allot(_with_forget(request, named.benchmark), owners)
    recipes = _recipe_layers(request, zoo, named.benchmark, named.card)
    built: dict[type[Configurable], Any] = {}
    origins: dict[str, Mapping[str, str]] = {}
    for cls in (*every, *STAGES.values()):
        # A recipe is of stages and algorithms; data and metrics are not for a model to choose.
        chosen = recipes if cls in (*STAGES.values(), *named.algorithms.values()) else {}
        layers = {where: layer.get(cls.name, {}) for where, layer in chosen.items()}
        built[cls], origins[cls.name] = resolve(cls.name, cls, {**layers, "user": values[cls.name]})
    return built, origins


def _with_rows(plan: Plan) -> Plan:
    """Leave out the columns that no row stands behind: held-out rows, say, are a benchmark's choice.

    A table would show them as dashes under a heading of their own, for they are in no group.
    """
    gone = plan.benchmark.forget_identities()
    return dataclasses.replace(plan, evals=[e for e in plan.evals if select([e], plan.examples, gone)])


def look_at(name: str, zoo: Zoo, request: Request) -> Checkpoint:
    """Return a model's checkpoint, no weights loaded.

    Raises:
        ModelError: it is not there or not usable.
        UnknownName: no model of that name is installed.
    """
    checkpoint = inspect(
        name,
        find_model(name, zoo)[1],
        request.trust_remote_code,
        precision=request.precision,
        special_tokens=request.special_tokens,
    )
    preflight.look(checkpoint)
    return checkpoint


def find_model(name: str, zoo: Zoo) -> tuple[ModelCard, str]:
    """Return the card of an installed model, or a bare one for a folder or hub id, and where its files are.

    Raises:
        UnknownName: no model of that name is installed.
    """
    card = zoo.model(name)
    if card is not None:
        return card, str(card.folder() if callable(card.folder) else card.folder)
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

"""What a plan refuses: each mistake is found here and not after stage 1 was learned."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..benchmark import Benchmark, Column
from ..errors import DataError, OptionError, PluginError
from ..metric import Metric
from ..model import ModelCard
from ..models.checkpoint import Checkpoint
from ..models.preflight import Looked
from ..registry.contracts import check_phases
from ..training.recipe import STAGES, Learn, Stage
from ..training.schedule import pools_of, roles
from ..unlearner import Unlearner, asked
from .request import Request

if TYPE_CHECKING:
    from ..options import Configurable


def check_stop(request: Request, bench: type[Benchmark]) -> None:
    """Refuse to stop at a column that the curve does not follow."""
    stop = request.stop()
    if stop is not None and bench.curve and stop[0] != bench.curve[0]:
        raise OptionError(
            f"--stop-at {request.stop_at!r}: {bench.name} shows forgetting in the column {bench.curve[0]!r}; write "
            f"{bench.curve[0]}={stop[1]:g}"
        )


def check_require(request: Request, evals: Sequence[Column]) -> None:
    """Refuse to require something of a column that this run does not have, or that --stop-at would not let it reach."""
    known = dict.fromkeys(column.name for column in evals)
    if lost := [name for name in request.required() if name not in known]:
        raise OptionError(f"--require {lost[0]}: this run has no such column; it has {', '.join(known)}")
    column, level = request.stop() or ("", 0.0)
    if column in request.required() and level > (share := request.required()[column]):
        raise OptionError(
            f"--stop-at {column}={100 * level:g}% ends stage 2 before --require {column}={100 * share:g}% is reached; "
            f"write --stop-at {column}={100 * share:g}% or less"
        )


def check_tuned(request: Request, benchmark: Benchmark) -> None:
    """Refuse to report on the people that the settings were tuned on."""
    if request.tuned and request.tuned.get("data") == benchmark.fingerprint():
        options = ", ".join(f"{k}={v}" for k, v in (request.tuned.get("bench") or {}).items())
        raise OptionError(
            f"these settings were tuned on these very people ({request.bench} with {options}); report them on others"
        )


def check_pools(request: Request, algorithms: Mapping[str, Unlearner], benchmark: Benchmark) -> None:
    """Refuse a pool without a row that something draws from: drawing would never end; and to keep who is forgotten."""
    drawing = [name for name, one in algorithms.items() if "retain" in pools_of(one, asked(one))]
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
    gone = benchmark.forget_identities()
    if wrong := next((e for e in benchmark.retain_pool() if e.about(gone)), None):
        person = min(set(wrong.identities).intersection(gone))
        raise PluginError(
            f"{request.bench}: row {wrong.id!r} of its retain pool is about {person!r}, who is forgotten, and would "
            "teach it again; its retain_pool must leave out rows for which example.about(forget_identities) is true"
        )


def check_algorithm(
    name: str, algorithm: Unlearner, request: Request, benchmark: Benchmark, checkpoint: Checkpoint
) -> None:
    """Refuse what this algorithm cannot do with this benchmark and model."""
    check_phases(algorithm)
    if "refusal" in roles(asked(algorithm)):
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


def check_replay(learn: Learn, card: ModelCard, checkpoint: Checkpoint, origin: str) -> None:
    """Refuse to mix in rows that the model does not bring."""
    if learn.replay and not card.replay:
        raise OptionError(
            f"learn.replay={learn.replay} (from {origin}): model {checkpoint.name!r} brings no replay rows; set it to 0"
        )


def check_curve(bench: Benchmark, evals: Sequence[Column], metrics: Mapping[str, Metric]) -> None:
    """Refuse what the curve could not follow."""
    columns = {column.name: column for column in evals}
    if lost := [name for name in bench.curve if name not in columns]:
        raise DataError(
            f"{bench.name}: no row stands behind {lost[0]!r}, a column of its curve; change the options of "
            f"{bench.name} that choose its people and questions"
        )
    named = {columns[name].metric for name in bench.curve}
    if len(named) > 1:
        raise PluginError(
            f"{bench.name}: the columns of its curve are scored by {' and '.join(sorted(named))}; name one metric"
        )
    for full in named:
        if "candidates" in metrics[full].needs:
            raise PluginError(
                f"{bench.name}: its curve cannot follow {full}, which needs candidates; name another metric"
            )


def without_missing_parts(
    built: "dict[type[Configurable], Any]", origins: Mapping[str, Mapping[str, str]], looked: Looked
) -> dict[str, dict[str, str]]:
    """Take the parts out of the recipes that a model does not have (a projector, of one for text alone).

    Args:
        built: recipes by class; they are replaced.
        origins: stage → option → where its value comes from.
        looked: what was seen of the model.

    Returns:
        The origins of those that changed.

    Raises:
        OptionError: the user asks for such a part, or none is left.
    """
    changed = {}
    for stage, cls in STAGES.items():
        recipe: Stage = built[cls]
        missing = [part for part in recipe.parts if looked.linears.get(part) == 0]
        if not missing:
            continue
        there = [part for part in recipe.parts if part not in missing]
        if origins[stage]["targets"] == "user" or not there:
            have = ", ".join(part for part, n in looked.linears.items() if n)
            raise OptionError(f"{stage}.targets: this model has no layers that are its {missing[0]}; it has {have}")
        built[cls] = cls.configure({**recipe.values(), "targets": "+".join(there)})
        changed[stage] = {**origins[stage], "targets": f"{origins[stage]['targets']}, without {' and '.join(missing)}"}
    return changed

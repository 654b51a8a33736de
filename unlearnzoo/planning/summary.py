"""The plan in words for a person, and as the first fields of a record."""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..evaluation.evaluator import select
from ..options import Configurable
from ..records import gold_standard
from ..storage.atomic import file_hash
from ..unlearner import Unlearner
from .plan import Plan
from .request import Request


def fields(plan: Plan, name: str) -> dict[str, Any]:
    """Return what a record of one algorithm says from its start."""
    algorithm, request = plan.algorithms[name], plan.request
    return {
        "algorithm": {
            "name": algorithm.name,
            **_from(plan.zoo.origin(type(algorithm))),
            "options": algorithm.values(),
            "gold_standard": algorithm.gold_standard,
        },
        **measured_by(plan),
        "seed": request.seed,
        "target_seed": request.target_seed,
        "plan": as_data(plan),
        "tuned": request.tuned,
    }


def measured_by(plan: Plan) -> dict[str, Any]:
    """Return what a record says of benchmark, metrics, model and command."""
    request, origin = plan.request, plan.zoo.origin
    return {
        "benchmark": {
            "name": plan.benchmark.name,
            **_from(origin(type(plan.benchmark))),
            "options": plan.benchmark.values(),
            "data": plan.benchmark.fingerprint(),
            "forget_identities": sorted(plan.benchmark.forget_identities()),
        },
        "utility": {
            name: {**_from(origin(type(one))), "options": one.values(), "data": one.fingerprint()}
            for name, one in plan.utilities.items()
        },
        "metrics": {
            full: {**_from(origin(type(metric))), "options": metric.values()}
            for full, metric in sorted(plan.metrics.items())
        },
        "model": {
            "name": plan.checkpoint.name,
            "source": plan.checkpoint.source,
            "weights": plan.checkpoint.weights,
            "is_target": request.target is not None,
        },
        "command": request.command,
        "arguments": arguments(request),
    }


def arguments(request: Request) -> dict[str, Any]:
    """Return what was typed, for the record and for `run --resume`; files of plugins with their hash."""
    found = {field.name: getattr(request, field.name) for field in dataclasses.fields(request)}
    del found["command"], found["runs_dir"]
    return found | {"set": dict(request.set), "plugins": {name: file_hash(Path(name)) for name in request.plugins}}


def as_data(plan: Plan) -> dict[str, Any]:
    """Return the plan: counts, recipes as resolved and where each value comes from."""
    return {
        "pools": pools(plan),
        "replay_rows": len(plan.replay),
        "utility_rows": len(plan.utility),
        "learn": _stage(plan, "learn"),
        "unlearn": _stage(plan, "unlearn"),
        "benchmark": {**_options(plan, plan.benchmark), "published": _published(plan)},
        "algorithms": {
            name: {"inputs": sorted(a.needs), **_options(plan, a), "draws": _draws(plan, a)}
            for name, a in plan.algorithms.items()
        },
        "metrics": {full: _options(plan, metric) for full, metric in sorted(plan.metrics.items())},
        "columns": [e.name for e in plan.evals],
    }


def pools(plan: Plan) -> dict[str, dict[str, int]]:
    """Count rows, images and people of each pool."""
    found = {
        "learn": plan.benchmark.learn_pool(),
        "forget": plan.benchmark.forget_pool(),
        "retain": plan.benchmark.retain_pool(),
    }
    return {
        name: {
            "rows": len(pool),
            "images": len({i.key for e in pool for i in e.images}),
            "identities": len({e.identity for e in pool}),
        }
        for name, pool in found.items()
    }


def lines(plan: Plan) -> Iterator[str]:
    """Yield the plan as lines for a person."""
    data, request = as_data(plan), plan.request
    share = getattr(plan.benchmark, "forget", "")
    yield (
        f"plan: {', '.join(plan.algorithms)} on {plan.benchmark.name} with {plan.checkpoint.name}{_in(request)}; "
        f"seed {request.seed}, target seed {request.target_seed}"
    )
    for name, pool in data["pools"].items():
        extra = f" ({share})" if name == "forget" and share else ""
        shown = (
            f" on {pool['images']} images ({pool['rows'] / pool['images']:.1f} QA an image)"
            if pool["images"]
            else ", without images"
        )
        yield f"  {name + ' pool':<12}{extra} {pool['rows']} answers about {pool['identities']} people{shown}"
    yield f"  {plan.benchmark.name:<11} {_with_origins(data['benchmark'])}"
    for name, value in data["benchmark"]["published"].items():
        yield (
            f"    {name} {_show(data['benchmark']['options'][name])} is not the paper's: that is {_show(value)} "
            f"(--set {plan.benchmark.name}.{name}={_show(value)})"
        )
    for stage in ("learn", "unlearn"):
        yield from _stage_lines(stage, data[stage])
    if plan.learn.replay:
        unit = "image groups" if plan.learn.batching == "image" else "rows"
        yield (
            f"  replay      {plan.learn.replay} {unit} of the model's {data['replay_rows']} replay rows beside each "
            "step of stage 1: a deviation from the paper that keeps what the base knows"
        )
    for name, found in data["algorithms"].items():
        options = _with_origins(found)
        yield f"  {name:<11} asks for {', '.join(found['inputs'])}" + (f"; {options}" if options else "")
        draws = [f"{n} {what}" for what, n in found["draws"].items()]
        yield f"              {', '.join(draws)}; one policy forward a step, references once an answer"
    set_up = [
        f"{full.rpartition('/')[2]} {_with_origins(found)}"
        for full, found in data["metrics"].items()
        if found["options"]
    ]
    if set_up:
        yield f"  metrics     {'; '.join(set_up)}"
    for name, one in plan.utilities.items():
        counts = {
            e.split.rpartition("/")[2]: len(plan.examples(e.split))
            for e in plan.evals
            if e.split.startswith(f"utility:{name}/")
        }
        shown = ", ".join(f"{split} {n} answers" for split, n in counts.items())
        yield f"  {name:<11} {shown}; {_with_origins(_options(plan, one))}"
    yield f"  columns     {', '.join(data['columns'])}"
    for full, line in costs(plan).items():
        yield f"  {full.rpartition('/')[2]:<11} {line}"
    yield f"  gold standard: {_gold(plan)}"
    if request.tuned:
        where = ", ".join(f"{k} {v}" for k, v in (request.tuned.get("bench") or {}).items())
        yield f"  tuned: the best of {request.tuned.get('settings')} settings{f' on {where}' if where else ''}"


def _in(request: Request) -> str:
    return f" in {request.precision}" if request.precision else ""


def costs(plan: Plan) -> dict[str, str]:
    """Return what each metric expects its judging to cost at most, for those that do."""
    gone, found = plan.benchmark.forget_identities(), {}
    known = 1 if plan.request.target else 2
    for full, metric in plan.metrics.items():
        items = [
            item
            for columns, states in ((plan.evals, len(plan.algorithms) + known), (plan.benchmark.baselines, known))
            for item in select([e for e in columns if e.metric == full], plan.examples, gone) * states
        ]
        rows = [
            {
                "question": i.example.question,
                "prediction": i.example.answer,
                "answer": i.example.answer,
                "keywords": i.example.keywords,
            }
            for i in items
        ]
        if line := metric.cost(rows):
            found[full] = line
    return found


def _gold(plan: Plan) -> str:
    fields = {
        **measured_by(plan),
        "target_seed": plan.request.target_seed,
        "plan": {"pools": pools(plan), "learn": {"values": plan.learn.values()}},
    }
    installed = [name for name in plan.zoo.names("algorithm") if plan.zoo.get("algorithm", name).gold_standard]
    here = [name for name, algorithm in plan.algorithms.items() if algorithm.gold_standard]
    return gold_standard.line(fields, plan.request.runs_dir, here, installed, plan.request.target is not None)


def _draws(plan: Plan, algorithm: Unlearner) -> dict[str, int]:
    """Count what stage 2 draws of each pool, in units of the batch; the last batch may be partial."""
    counted, batch = plan.schedules()["unlearn"], plan.unlearn.batch
    whole, rest = divmod(counted.steps, -(-counted.units // batch))
    forget = whole * counted.units + min(rest * batch, counted.units)
    unit = "image groups" if plan.unlearn.batching == "image" else "answers"
    found = {f"forget {unit}": forget}
    if any(need.startswith("retain") for need in algorithm.needs):
        found[f"retain {unit}"] = forget
    return found


def _stage(plan: Plan, name: str) -> dict[str, Any]:
    recipe, counted = getattr(plan, name), plan.schedules()[name]
    values = recipe.values()
    origins = dict(plan.origins[name])
    return {
        "units": counted.units,
        "steps": counted.steps,
        "values": values,
        "origins": origins,
        "provenance": _provenance(plan, name, origins),
    }


def _options(plan: Plan, one: Configurable) -> dict[str, Any]:
    origins = dict(plan.origins.get(one.name, {}))
    return {"options": one.values(), "origins": origins, "provenance": _provenance(plan, one.name, origins)}


def _provenance(plan: Plan, owner: str, origins: Mapping[str, str]) -> dict[str, str]:
    """Return how the benchmark says that its values are known; nothing of values that another one brought."""
    said = plan.benchmark.provenance.get(owner, {})
    return {
        name: said[name]
        for name, origin in origins.items()
        if name in said and origin in ("benchmark", "recipe paper", "default")
    }


def _published(plan: Plan) -> dict[str, Any]:
    """Return what the paper had in place of the benchmark's options as resolved."""
    paper, own = plan.benchmark.published(), plan.benchmark.values()
    return {name: value for name, value in (paper.options if paper else {}).items() if own.get(name) != value}


def _stage_lines(stage: str, data: dict[str, Any]) -> Iterator[str]:
    values, origins = data["values"], data["origins"]
    what = "image groups" if values["batching"] == "image" else "answers"
    yield f"  {stage:<11} {data['steps']} steps of {values['batch']} {what} over {data['units']}"
    said = data["provenance"]
    places = {name: origins[name] + (f" ({said[name]})" if name in said else "") for name in values}
    for where in dict.fromkeys(places.values()):
        chosen = [f"{name} {_show(values[name])}" for name in values if places[name] == where]
        yield f"    from {where}: {', '.join(chosen)}"


def _with_origins(found: Mapping[str, Any]) -> str:
    """Return options as text, each with where it comes from: how its default is known, or who set it."""
    said = {
        name: found["provenance"].get(name, "") if origin == "default" else origin
        for name, origin in found["origins"].items()
    }
    return ", ".join(
        f"{name} {_show(value)}" + f" ({said[name]})" * bool(said[name]) for name, value in found["options"].items()
    )


def _show(value: Any) -> str:
    return "+".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def _from(origin: dict[str, Any]) -> dict[str, Any]:
    return {"distribution": origin["distribution"], "version": origin["version"]}

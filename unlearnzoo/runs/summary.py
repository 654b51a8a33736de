"""The plan in words for a person, and as the first fields of a record."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..files import digest
from ..unlearner import Unlearner
from .plan import Plan
from .request import Request


def fields(plan: Plan, name: str) -> dict[str, Any]:
    """Return what a record of one algorithm says from its start."""
    algorithm, request = plan.algorithms[name], plan.request
    return {
        "algorithm": {"name": algorithm.name, **_from(plan.zoo.origin(type(algorithm))), "options": algorithm.values()},
        **measured_by(plan), "seed": request.seed, "target_seed": request.target_seed, "plan": as_data(plan),
    }


def measured_by(plan: Plan) -> dict[str, Any]:
    """Return what a record says of benchmark, metrics, model and command."""
    request, origin = plan.request, plan.zoo.origin
    return {
        "benchmark": {"name": plan.benchmark.name, **_from(origin(type(plan.benchmark))),
                      "options": plan.benchmark.values(), "data": plan.benchmark.fingerprint(),
                      "forget_identities": sorted(plan.benchmark.forget_identities())},
        "metrics": {full: {**_from(origin(type(metric))), "options": metric.values()}
                    for full, metric in sorted(plan.metrics.items())},
        "model": {"name": plan.checkpoint.name, "source": plan.checkpoint.source, "weights": plan.checkpoint.weights,
                  "is_target": request.target is not None},
        "command": request.command,
        "arguments": arguments(request),
    }


def arguments(request: Request) -> dict[str, Any]:
    """Return what was typed, for the record and for `run --resume`; files of plugins with their hash."""
    found = {field.name: getattr(request, field.name) for field in dataclasses.fields(request)}
    del found["command"], found["runs_dir"]
    return found | {"set": dict(request.set), "plugins": {name: digest(Path(name)) for name in request.plugins}}


def as_data(plan: Plan) -> dict[str, Any]:
    """Return the plan: counts, recipes as resolved and where each value comes from."""
    return {
        "pools": pools(plan),
        "replay_rows": len(plan.replay), "utility_rows": len(plan.utility),
        "learn": _stage(plan, "learn"), "unlearn": _stage(plan, "unlearn"),
        "algorithms": {name: {"inputs": sorted(a.needs), "options": a.values(),
                              "draws": _draws(plan, a)} for name, a in plan.algorithms.items()},
        "columns": [e.column for e in plan.evals],
    }


def pools(plan: Plan) -> dict[str, dict[str, int]]:
    """Count rows, images and people of each pool."""
    found = {"learn": plan.benchmark.learn_pool(), "forget": plan.benchmark.forget_pool(),
             "retain": plan.benchmark.retain_pool()}
    return {name: {"rows": len(pool), "images": len({i.key for e in pool for i in e.images}),
                   "identities": len({e.identity for e in pool})} for name, pool in found.items()}


def lines(plan: Plan) -> Iterator[str]:
    """Yield the plan as lines for a person."""
    data, request = as_data(plan), plan.request
    share = getattr(plan.benchmark, "forget", "")
    yield (f"plan: {', '.join(plan.algorithms)} on {plan.benchmark.name} with {plan.checkpoint.name}; "
           f"seed {request.seed}, target seed {request.target_seed}")
    for name, pool in data["pools"].items():
        extra = f" ({share})" if name == "forget" and share else ""
        shown = (f" on {pool['images']} images ({pool['rows'] / pool['images']:.1f} QA an image)"
                 if pool["images"] else ", without images")
        yield f"  {name + ' pool':<12}{extra} {pool['rows']} answers about {pool['identities']} people{shown}"
    for stage in ("learn", "unlearn"):
        yield from _stage_lines(stage, data[stage])
    if plan.learn.replay:
        unit = "image groups" if plan.learn.batching == "image" else "rows"
        yield (f"  replay      {plan.learn.replay} {unit} of the model's {data['replay_rows']} replay rows beside each "
               "step of stage 1: a deviation from the paper that keeps what the base knows")
    for name, found in data["algorithms"].items():
        options = ", ".join(f"{k} {v}" for k, v in found["options"].items())
        yield f"  {name:<11} asks for {', '.join(found['inputs'])}" + (f"; {options}" if options else "")
        draws = [f"{n} {what}" for what, n in found["draws"].items()]
        yield f"              {', '.join(draws)}; one policy forward a step, references once an answer"
    yield f"  columns     {', '.join(data['columns'])}"


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
    return {"units": counted.units, "steps": counted.steps,
            "values": values, "origins": dict(plan.origins[name])}


def _stage_lines(stage: str, data: dict[str, Any]) -> Iterator[str]:
    values, origins = data["values"], data["origins"]
    what = "image groups" if values["batching"] == "image" else "answers"
    yield f"  {stage:<11} {data['steps']} steps of {values['batch']} {what} over {data['units']}"
    for where in dict.fromkeys(origins.values()):
        chosen = [f"{name} {_show(values[name])}" for name in values if origins[name] == where]
        yield f"    from {where}: {', '.join(chosen)}"


def _show(value: Any) -> str:
    return "+".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def _from(origin: dict[str, Any]) -> dict[str, Any]:
    return {"distribution": origin["distribution"], "version": origin["version"]}

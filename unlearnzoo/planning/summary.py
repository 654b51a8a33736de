"""The plan as data: what a record says from its start, and what ``--dry-run --json`` prints."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypedDict

from ..data.words import TEXT_RULE
from ..image import PICTURE_RULE
from ..options import Configurable
from ..records import plan_types as types
from ..records import types as record_types
from ..records.evidence import aims
from ..registry.zoo import Zoo
from ..storage.atomic import file_hash
from ..unlearner import Unlearner, asked, undeclared
from . import paths
from .phases import phases, total_draws
from .plan import Plan
from .request import Request


class Measured(TypedDict):
    """Fields of a record on what measures: as of ``records.types``."""

    benchmark: record_types.Benchmark
    utility: dict[str, record_types.Utility]
    metrics: dict[str, record_types.Metric]
    model: record_types.Model
    command: str
    arguments: types.Options


class Start(Measured):
    """What the record of one algorithm says from its start."""

    algorithm: record_types.Algorithm
    seed: int
    target_seed: int
    plan: types.Plan
    tuned: types.Options | None


def fields(plan: Plan, name: str) -> Start:
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
        "tuned": None if request.tuned is None else dict(request.tuned),
    }


def measured_by(plan: Plan) -> Measured:
    """Return what a record says of benchmark, metrics, model and command."""
    request, origin = plan.request, plan.zoo.origin
    return {
        "benchmark": {
            "name": plan.benchmark.name,
            **_from(origin(type(plan.benchmark))),
            "options": paths.options(plan.benchmark.values()),
            "data": plan.benchmark.fingerprint(),
            "forget_identities": sorted(plan.benchmark.forget_identities()),
        },
        "utility": {
            name: {**_from(origin(type(one))), "options": paths.options(one.values()), "data": one.fingerprint()}
            for name, one in plan.utilities.items()
        },
        "metrics": {
            full: {**_from(origin(type(metric))), "options": paths.options(metric.values())}
            for full, metric in sorted(plan.metrics.items())
        },
        "model": {
            "name": plan.checkpoint.name,
            "source": paths.located(plan.checkpoint.source),
            "weights": plan.checkpoint.weights,
            "is_target": request.target is not None,
        },
        "command": request.command,
        "arguments": arguments(request, plan.zoo),
    }


def arguments(request: Request, zoo: Zoo) -> types.Options:
    """Return what was typed, for the record and for `run --resume`: paths as absolute, plugins' files with their hash.

    Args:
        request: as typed.
        zoo: knows which names are installed, and so no folders.
    """
    typed = {field.name: getattr(request, field.name) for field in dataclasses.fields(request)}
    del typed["command"], typed["runs_dir"]
    found = paths.arguments(typed, zoo.names("model"))
    hashes = {name: file_hash(Path(name)) for name in paths.files(request.plugins)}
    return found | {"set": paths.options(request.set), "plugins": hashes}


def as_data(plan: Plan) -> types.Plan:
    """Return the plan: counts, recipes as resolved and where each value comes from."""
    data: types.Plan = {
        "pools": pools(plan),
        "replay_rows": len(plan.replay),
        "utility_rows": len(plan.utility),
        "learn": _stage(plan, "learn"),
        "unlearn": _stage(plan, "unlearn"),
        "benchmark": {**resolved(plan, plan.benchmark), "published": _published(plan)},
        "algorithms": {name: _algorithm(plan, a) for name, a in plan.algorithms.items()},
        "metrics": {full: resolved(plan, metric) for full, metric in sorted(plan.metrics.items())},
        "model": model(plan),
        "rules": rules(plan),
        "columns": [e.name for e in plan.evals],
    }
    if plan.algorithms:
        data["aims"] = aims_of(plan)
    return data


def aims_of(plan: Plan) -> types.Aims:
    """Return what the verdict will hold a run against."""
    return aims(plan.benchmark.curve, plan.request.stop_level(), plan.request.required())


def model(plan: Plan) -> types.Model:
    """Return what the model is found to be before its weights load."""
    chat = plan.checkpoint.encoder.chat
    return {
        "family": plan.checkpoint.config.model_type,
        "images": not chat.strings,
        "template": chat.template,
        "layers": dict(plan.looked.linears),
        "experts": plan.looked.experts,
    }


def rules(plan: Plan) -> types.Rules:
    """Return what decides the numbers beside options."""
    generation = {split: limit.as_data() for split, limit in plan.limits.items()}
    return {
        "pictures": PICTURE_RULE,
        "text": TEXT_RULE,
        "special_tokens": plan.request.special_tokens,
        "generation": generation,
    }


def pools(plan: Plan) -> dict[str, types.Pool]:
    """Count rows, images and people of each pool."""
    rows = {
        "learn": plan.benchmark.learn_pool(),
        "forget": plan.benchmark.forget_pool(),
        "retain": plan.benchmark.retain_pool(),
    }
    counts: dict[str, types.Pool] = {
        name: {
            "rows": len(pool),
            "images": len({i.key for e in pool for i in e.images}),
            "identities": len({person for e in pool for person in e.identities}),
        }
        for name, pool in rows.items()
    }
    beside = {person for e in rows["forget"] for person in e.identities}.difference(plan.benchmark.forget_identities())
    if beside:
        counts["forget"]["kept"] = len(beside)
    return counts


def _algorithm(plan: Plan, algorithm: Unlearner) -> types.AlgorithmPlan:
    found = phases(plan, algorithm)
    return {
        "inputs": sorted(asked(algorithm)),
        **resolved(plan, algorithm),
        "draws": total_draws(found),
        "phases": found,
        "declared": not undeclared(algorithm),
    }


def _stage(plan: Plan, name: Literal["learn", "unlearn"]) -> types.Stage:
    counted, origins = plan.schedules()[name], dict(plan.origins[name])
    values = (plan.learn if name == "learn" else plan.unlearn).values()
    return {
        "units": counted.units,
        "steps": counted.steps,
        "values": values,
        "origins": origins,
        "provenance": _provenance(plan, name, origins),
    }


def resolved(plan: Plan, plugin: Configurable) -> types.Resolved:
    """Return a plugin's options, each with where its value comes from."""
    origins = dict(plan.origins.get(plugin.name, {}))
    return {
        "options": paths.options(plugin.values()),
        "origins": origins,
        "provenance": _provenance(plan, plugin.name, origins),
    }


def _provenance(plan: Plan, owner: str, origins: Mapping[str, str]) -> dict[str, str]:
    """Return how the benchmark says that its values are known; nothing of values that another one brought."""
    known = plan.benchmark.provenance.get(owner, {})
    return {
        name: known[name]
        for name, origin in origins.items()
        if name in known and origin in ("benchmark", "recipe paper", "default")
    }


def _published(plan: Plan) -> types.Options:
    """Return what the paper had in place of the benchmark's options as resolved."""
    paper, own = plan.benchmark.published(), plan.benchmark.values()
    return {name: value for name, value in (paper.options if paper else {}).items() if own.get(name) != value}


class _Origin(TypedDict):
    distribution: str
    version: str


def _from(origin: Mapping[str, str]) -> _Origin:
    return {"distribution": origin["distribution"], "version": origin["version"]}

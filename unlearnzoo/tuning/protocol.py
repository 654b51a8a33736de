"""One tuning protocol for all methods: the same number of settings each, on people that no report uses.

The objective is what was kept (least over hops) where forgetting comes down to 10 %; a setting that
never gets there is worse than any that does, and the less it forgot, the worse.
"""

import dataclasses
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import DataError, Diverged, OptionError
from ..planning.plan import Plan, make_plan
from ..planning.request import Request
from ..registry.zoo import Zoo
from ..runs.pipeline import execute
from ..runs.progress import ConsoleProgress
from ..storage.atomic import atomic_write, write_error
from . import search_space

LEVEL = "0.10"
#: Stage 2 ends a little below the level: the full evaluating at the end may find a little more than the curve did.
STOP = "EMf=.08"
STATE = "tune.json"


def tune(request: Request, zoo: Zoo, budget: int, out: Path, progress: ConsoleProgress) -> dict[str, Any]:
    """Try settings of each method and write the best as ``<out>/<method>.yaml``; go on where it was stopped.

    Args:
        request: as for a run; what it sets stays as it is.
        zoo: of plugins.
        budget: settings of each method, the recipe's own the first.
        out: folder with everything: ``tune.json``, the runs, the YAML files.
        progress: told what happens.

    Returns:
        ``protocol``, ``ranges``, ``settings`` (a row each) and ``best`` (method → row, with ``config``).

    Raises:
        OptionError: the benchmark has no other people, or ``out`` holds another tuning.
    """
    plan = make_plan(request, zoo)
    options = _validation(plan)
    wanted = dataclasses.replace(request, set={**request.set, **options}, stop_at=STOP, runs_dir=out / "runs")
    first = make_plan(wanted, zoo)
    if first.benchmark.fingerprint() == plan.benchmark.fingerprint():
        raise OptionError(f"{plan.benchmark.name}: its validation options give the reported people again")
    steps = plan.schedules()["unlearn"].steps
    space = {name: search_space.ranges(a, plan.unlearn.lr, steps, request.set) for name, a in plan.algorithms.items()}
    for name, among in space.items():
        if not among:
            every = search_space.ranges(plan.algorithms[name], plan.unlearn.lr, steps)
            raise OptionError(f"{name}: nothing is left to tune; --set fixes {', '.join(one.name for one in every)}")
    state = _open(
        out, _protocol(request, options, first), {n: search_space.as_data(among) for n, among in space.items()}
    )
    progress.note(
        f"tuning {', '.join(space)}: {budget} settings each on {plan.benchmark.name} with "
        f"{', '.join(f'{k} {v}' for k, v in options.items())}; objective: least "
        f"{plan.benchmark.curve[1]} over hops at {plan.benchmark.curve[0]} = 10 %"
    )
    for number in range(budget):
        for name, among in space.items():
            if any((row["algo"], row["setting"]) == (name, number) for row in state["settings"]):
                continue
            values = search_space.setting(number, among, request.seed)
            row = {"algo": name, "setting": number, "values": values, **_try(wanted, zoo, name, values)}
            state["settings"].append(row)
            _write(out, state)
            progress.note(f"  {name}, setting {number + 1} of {budget}: {describe(row)}")
    state["best"] = {name: _best(name, state, budget, wanted, options, first, out) for name in space}
    _write(out, state)
    return state


def describe(row: Mapping[str, Any]) -> str:
    """Return a setting and what it gave, in words."""
    values = ", ".join(f"{name.partition('.')[2]} {value:g}" for name, value in row["values"].items())
    if row["score"] is not None:
        return f"{values}: kept {100 * row['score']:.1f} %"
    if row["lowest"] is not None:
        return f"{values}: not reached, forgetting ends at {100 * row['lowest']:.1f} %"
    return f"{values}: {row['status']}"


def rank(row: Mapping[str, Any]) -> tuple[int, float]:
    """Return what settings are ordered by; the greatest is the best."""
    if row["score"] is not None:
        return 2, row["score"]
    return (1, -row["lowest"]) if row["lowest"] is not None else (0, 0.0)


def scored(record: Mapping[str, Any], forget: str) -> dict[str, Any]:
    """Return ``score`` (None: the level was not reached), ``lowest`` (then: forgetting at the end) and ``kept``."""
    kept = record["matched"].get(LEVEL) or {}
    reached = bool(kept) and all(value is not None for value in kept.values())
    ends = [v for v in record["curve"][-1][forget].values() if v is not None] if record["curve"] else []
    return {
        "score": min(kept.values()) if reached else None,
        "lowest": None if reached or not ends else max(ends),
        "kept": kept,
    }


def _validation(plan: Plan) -> dict[str, Any]:
    """Return the benchmark's options for other people, by full name."""
    for name, algorithm in plan.algorithms.items():
        if algorithm.gold_standard:
            raise OptionError(f"{name} is the gold standard: there is nothing to tune; leave it out of --algo")
    for name in plan.request.set:
        if "." not in name:
            raise OptionError(
                f"--set {name}: write it with its owner, for example npo.{name}, so that the result can be written down"
            )
    found = plan.benchmark.validation()
    if found is None:
        raise OptionError(
            f"{plan.benchmark.name} has no other people to tune on with these options; tuning on those "
            "that are reported would choose what forgets just them. Tune on generated people (--bench "
            f"remem) and give its YAML to `run --config FILE --bench {plan.benchmark.name}`"
        )
    return {f"{plan.benchmark.name}.{name}": value for name, value in found.items()}


def _try(request: Request, zoo: Zoo, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Carry out stage 2 with a setting on the shared target; judge only what the objective reads."""
    start = time.perf_counter()
    found: dict[str, Any] = {"status": "finished", "run": None, "score": None, "lowest": None, "kept": {}}
    try:
        plan = make_plan(dataclasses.replace(request, algo=(name,), set={**request.set, **values}), zoo)
        memory = [e for e in plan.evals if e.name in plan.benchmark.curve]
        (record,) = execute(dataclasses.replace(plan, evals=memory), ConsoleProgress(quiet=True))
        found |= {"run": Path(record["folder"]).name, **scored(record, plan.benchmark.curve[0])}
    except (Diverged, OptionError) as error:
        found |= {"status": f"{'diverged' if isinstance(error, Diverged) else 'refused'}: {error}"}
    return found | {"seconds": round(time.perf_counter() - start, 1)}


def _best(
    name: str,
    state: Mapping[str, Any],
    budget: int,
    request: Request,
    options: Mapping[str, Any],
    plan: Plan,
    out: Path,
) -> dict[str, Any]:
    """Choose among the first ``budget`` settings of a method and write its YAML."""
    import yaml

    rows = [r for r in state["settings"] if r["algo"] == name and r["setting"] < budget]
    best = max(rows, key=lambda r: (rank(r), -r["setting"]))
    tuned = {
        "settings": len(rows),
        "budget": budget,
        "setting": best["setting"],
        "score": best["score"],
        "scores": [r["score"] for r in sorted(rows, key=lambda r: r["setting"])],
        "values": dict(best["values"]),
        "bench": dict(options),
        "data": plan.benchmark.fingerprint(),
        "seed": request.seed,
    }
    content: dict[str, Any] = {"algo": name, "bench": request.bench, "model": request.model}
    content |= {k: v for k in ("target", "forget", "precision", "recipe") if (v := getattr(request, k)) is not None}
    sections: dict[str, dict[str, Any]] = {}
    for full, value in {**{k: v for k, v in request.set.items() if k not in options}, **best["values"]}.items():
        owner, _, option = full.rpartition(".")
        sections.setdefault(owner, {})[option] = value
    path = out / f"{name.replace('/', '-')}.yaml"
    head = f"# The best of {len(rows)} settings of {name}; `unlearnzoo run --config {path.name}` takes it.\n"
    atomic_write(path, (head + yaml.safe_dump(content | sections | {"tuned": tuned}, sort_keys=False)).encode())
    return {**best, "config": str(path), "tried": len(rows)}


def _protocol(request: Request, options: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    return {
        "bench": request.bench,
        "data": plan.benchmark.fingerprint(),
        "validation": dict(options),
        "model": request.model,
        "target": request.target,
        "forget": request.forget,
        "precision": request.precision,
        "recipe": request.recipe,
        "seed": request.seed,
        "target_seed": request.target_seed,
        "set": {k: str(v) for k, v in request.set.items()},
        "objective": f"least {plan.benchmark.curve[1]} at {plan.benchmark.curve[0]} = {LEVEL}",
        "stop_at": STOP,
    }


def _open(out: Path, protocol: dict[str, Any], space: dict[str, Any]) -> dict[str, Any]:
    """Return what was tried before in this folder by the same protocol, or a new state."""
    path = out / STATE
    if not path.exists():
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_error(out, error) from None
        return {"schema": 1, "protocol": protocol, "ranges": space, "settings": [], "best": {}}
    try:
        state: dict[str, Any] = json.loads(path.read_bytes())
        old, ranged = state["protocol"], state["ranges"]
        rows: Sequence[Mapping[str, Any]] = state["settings"]
        assert all({"algo", "setting", "values", "score", "lowest", "status"} <= row.keys() for row in rows)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, AssertionError):
        raise DataError(f"{path}: damaged, or no tuning of unlearnzoo; choose another --out") from None
    differing = [k for k in protocol if old.get(k) != protocol[k]] + [
        f"ranges of {name}" for name in space if name in ranged and ranged[name] != space[name]
    ]
    if differing:
        raise OptionError(
            f"--out {out} holds a tuning by another protocol (other {', '.join(differing)}); choose another"
        )
    return {**state, "ranges": ranged | space}


def _write(out: Path, state: Mapping[str, Any]) -> None:
    atomic_write(out / STATE, json.dumps(state, indent=2, allow_nan=False, default=str).encode() + b"\n")

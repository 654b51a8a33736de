"""One tuning protocol for all methods: the same number of settings each, on people that no report uses.

The objective is what was kept (the least over groups) where forgetting comes down to 10 %; a setting that
never gets there is worse than any that does, and the less it forgot, the worse.
"""

import dataclasses
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DataError, Diverged, OptionError
from ..evaluation.matched import groups_of
from ..planning.make import make_plan
from ..planning.plan import Plan
from ..planning.request import Request
from ..planning.summary import rules
from ..registry.zoo import Zoo
from ..runs.pipeline import execute
from ..runs.progress import ConsoleProgress
from ..storage.atomic import atomic_write
from . import search_space
from .search_space import Range
from .state import STATE, Best, Outcome, Protocol, Score, Setting, State, open_state, write_state

if TYPE_CHECKING:
    from ..records.types import RunRecord

LEVEL = "0.10"
#: Stage 2 ends a little below the level: the full evaluation at the end may find a little more than the curve did.
STOP = ".08"


def tune(request: Request, zoo: Zoo, budget: int, out: Path, progress: ConsoleProgress) -> State:
    """Try settings of each method and write the best as ``<out>/<method>.yaml``; resume where it was stopped.

    Args:
        request: as for a run; what it sets stays as it is.
        zoo: of plugins.
        budget: settings of each method, the recipe's own the first.
        out: folder with everything: ``tune.json``, the runs, the YAML files.
        progress: told what happens.

    Returns:
        ``protocol``, ``ranges``, ``settings`` (one row each) and ``best`` (method → row, with ``config``).

    Raises:
        OptionError: the benchmark has no other people, or ``out`` holds another tuning.
        DataError: ``out`` holds a file that is no tuning, or one whose values are not those of this one.
    """
    plan = make_plan(request, zoo)
    options = _validation(plan)
    wanted = dataclasses.replace(request, set={**request.set, **options}, stop_at=_stop(plan), runs_dir=out / "runs")
    first = make_plan(wanted, zoo)
    if first.benchmark.fingerprint() == plan.benchmark.fingerprint():
        raise OptionError(f"{plan.benchmark.name}: its validation options give the reported people again")
    steps = plan.schedules()["unlearn"].steps
    space = {name: search_space.ranges(a, plan.unlearn.lr, steps, request.set) for name, a in plan.algorithms.items()}
    for name, among in space.items():
        if not among:
            every = search_space.ranges(plan.algorithms[name], plan.unlearn.lr, steps)
            raise OptionError(f"{name}: nothing is left to tune; --set fixes {', '.join(r.name for r in every)}")
    state = open_state(
        out, _protocol(request, options, first), {n: search_space.as_data(among) for n, among in space.items()}
    )
    _refuse_edited(state, space, request.seed, out)
    progress.note(
        f"tuning {', '.join(space)}: {budget} settings each on {plan.benchmark.name} with "
        f"{', '.join(f'{k} {v}' for k, v in options.items())}; objective: least "
        f"{plan.benchmark.curve[1]} over groups at {plan.benchmark.curve[0]} = 10 %"
    )
    # Number by number, so that all methods have as many settings wherever it is stopped.
    for number in range(budget):
        for name, among in space.items():
            if any((row["algo"], row["setting"]) == (name, number) for row in state["settings"]):
                continue
            values = search_space.setting(number, among, request.seed)
            row: Setting = {"algo": name, "setting": number, "values": values, **_try(wanted, zoo, name, values)}
            state["settings"].append(row)
            write_state(out, state)
            progress.note(f"  {name}, setting {number + 1} of {budget}: {describe(row)}")
    state["best"] = {name: _best(name, state, budget, wanted, options, first, out) for name in space}
    write_state(out, state)
    return state


def _refuse_edited(state: State, space: Mapping[str, Sequence[Range]], seed: int, out: Path) -> None:
    """Refuse values that this tuning does not try: a file that anybody may have edited says nothing about what to run.

    Raises:
        DataError: naming the row.
    """
    for row in state["settings"]:
        among = space.get(row["algo"])
        if among is not None and row["values"] != search_space.setting(row["setting"], among, seed):
            raise DataError(
                f"{out / STATE}: setting {row['setting']} of {row['algo']} has other values than this tuning tries "
                "there, so its score is of something else; remove the row, and it is tried again"
            )


def describe(row: Setting) -> str:
    """Return a setting and its result, in words."""
    values = ", ".join(f"{name.partition('.')[2]} {value:g}" for name, value in row["values"].items())
    if row["score"] is not None:
        return f"{values}: kept {100 * row['score']:.1f} %"
    if row["lowest"] is not None:
        return f"{values}: not reached, forgetting ends at {100 * row['lowest']:.1f} %"
    return f"{values}: {row['status']}"


def rank(row: Score) -> tuple[int, float]:
    """Return what settings are ordered by; the greatest is the best."""
    if row["score"] is not None:
        return 2, row["score"]
    return (1, -row["lowest"]) if row["lowest"] is not None else (0, 0.0)


def scored(record: "RunRecord", forget: str) -> Score:
    """Return what the objective reads of a run's record.

    Args:
        record: of a run.
        forget: the column that shows forgetting.
    """
    kept = record["matched"].get(LEVEL) or {}
    known = [value for value in kept.values() if value is not None]
    reached = bool(kept) and len(known) == len(kept)
    ends = [v for v in groups_of(record["curve"][-1], forget).values() if v is not None] if record["curve"] else []
    return {
        "score": min(known) if reached else None,
        "lowest": None if reached or not ends else max(ends),
        "kept": kept,
    }


def _validation(plan: Plan) -> dict[str, object]:
    """Return the benchmark's options for other people, by full name."""
    for name, algorithm in plan.algorithms.items():
        if algorithm.gold_standard:
            raise OptionError(f"{name} is the gold standard: there is nothing to tune; leave it out of --algo")
    for name in plan.request.set:
        if "." not in name:
            raise OptionError(
                f"--set {name}: write it with its owner, for example npo.{name}, so that the result can be written down"
            )
    others = plan.benchmark.validation()
    if others is None:
        raise OptionError(
            f"{plan.benchmark.name} has no other people to tune on with these options; tuning on those "
            "that are reported would choose what forgets just them. Tune on generated people (--bench "
            f"remem) and give its YAML to `run --config FILE --bench {plan.benchmark.name}`"
        )
    return {f"{plan.benchmark.name}.{name}": value for name, value in others.items()}


def _try(request: Request, zoo: Zoo, name: str, values: Mapping[str, float]) -> Outcome:
    """Carry out stage 2 with a setting on the shared target; evaluate only what the objective reads."""
    start = time.perf_counter()
    outcome: Outcome = {"status": "finished", "run": None, "score": None, "lowest": None, "kept": {}}
    try:
        plan = make_plan(dataclasses.replace(request, algo=(name,), set={**request.set, **values}), zoo)
        followed = [column for column in plan.evals if column.name in plan.benchmark.curve]
        (record,) = execute(dataclasses.replace(plan, evals=followed), ConsoleProgress(quiet=True))
        outcome = {**outcome, **scored(record, plan.benchmark.curve[0]), "run": Path(record["folder"]).name}
    except (Diverged, OptionError) as error:
        outcome["status"] = f"{'diverged' if isinstance(error, Diverged) else 'refused'}: {error}"
    outcome["seconds"] = round(time.perf_counter() - start, 1)
    return outcome


def _best(
    name: str, state: State, budget: int, request: Request, options: Mapping[str, object], plan: Plan, out: Path
) -> Best:
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
    content: dict[str, object] = {"algo": name, "bench": request.bench, "model": request.model}
    also = ("target", "forget", "precision", "max_new_tokens", "recipe")
    content |= {k: v for k in also if (v := getattr(request, k)) is not None}
    sections: dict[str, dict[str, object]] = {}
    for full, value in {**{k: v for k, v in request.set.items() if k not in options}, **best["values"]}.items():
        owner, _, option = full.rpartition(".")
        sections.setdefault(owner, {})[option] = value
    path = out / f"{name.replace('/', '-')}.yaml"
    head = f"# The best of {len(rows)} settings of {name}; `unlearnzoo run --config {path.name}` takes it.\n"
    atomic_write(path, (head + yaml.safe_dump(content | sections | {"tuned": tuned}, sort_keys=False)).encode())
    return {**best, "config": str(path), "tried": len(rows)}


def _stop(plan: Plan) -> str:
    """Return where stage 2 of each setting ends, as ``--stop-at`` takes it."""
    return f"{plan.benchmark.curve[0]}={STOP}"


def _protocol(request: Request, options: Mapping[str, object], plan: Plan) -> Protocol:
    return {
        "bench": request.bench,
        "data": plan.benchmark.fingerprint(),
        "validation": dict(options),
        "model": request.model,
        "target": request.target,
        "forget": request.forget,
        "precision": request.precision,
        "max_new_tokens": request.max_new_tokens,
        "recipe": request.recipe,
        "seed": request.seed,
        "target_seed": request.target_seed,
        "set": {k: str(v) for k, v in request.set.items()},
        "rules": rules(plan),
        "objective": f"least {plan.benchmark.curve[1]} at {plan.benchmark.curve[0]} = {LEVEL}",
        "stop_at": _stop(plan),
    }

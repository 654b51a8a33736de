"""The plan as lines for a person."""

from collections.abc import Iterator, Mapping

from ..benchmark import utility_part
from ..evaluation.evaluator import select
from ..evaluation.metric_inputs import metric_inputs
from ..records import gold_standard
from ..records import plan_types as types
from .plan import Plan
from .summary import as_data, measured_by, pools, resolved, rules


def lines(plan: Plan) -> Iterator[str]:
    """Yield the plan as lines for a person."""
    data = as_data(plan)
    yield _heading(plan)
    yield f"  model       {model_line(data['model'])}"
    yield from _pool_lines(plan, data["pools"])
    yield from _benchmark_lines(plan, data["benchmark"])
    for stage in ("learn", "unlearn"):
        yield from stage_lines(stage, data[stage])
    if plan.learn.replay:
        unit = "image groups" if plan.learn.batching == "image" else "rows"
        yield (
            f"  replay      {plan.learn.replay} {unit} of the model's {data['replay_rows']} replay rows beside each "
            "step of stage 1: a deviation from the paper that keeps what the base knows"
        )
    for name, algorithm in data["algorithms"].items():
        yield from _algorithm_lines(name, algorithm, plan.algorithms[name].relearns)
    yield from _metric_lines(data["metrics"])
    for name, utility in plan.utilities.items():
        yield f"  {name:<11} {_sizes(plan, name)}; {_with_origins(resolved(plan, utility))}"
    yield f"  columns     {', '.join(data['columns'])}"
    if "aims" in data:
        yield f"  verdict     {_aims(data['aims'])}"
    if data["rules"]["special_tokens"] == "text":
        yield "  special     control tokens in the data are encoded as text (--special-tokens)"
    yield from limit_lines(data["rules"]["generation"])
    for full, cost in costs(plan).items():
        yield f"  {full.rpartition('/')[2]:<11} {cost}"
    yield f"  gold standard: {_gold(plan)}"
    if tuned := plan.request.tuned:
        people = ", ".join(f"{option} {value}" for option, value in (tuned.get("bench") or {}).items())
        yield f"  tuned: the best of {tuned.get('settings')} settings{f' on {people}' if people else ''}"


def _heading(plan: Plan) -> str:
    request = plan.request
    precision = f" in {request.precision}" if request.precision else ""
    return (
        f"plan: {', '.join(plan.algorithms)} on {plan.benchmark.name} with {plan.checkpoint.name}{precision}; "
        f"seed {request.seed}, target seed {request.target_seed}"
    )


def model_line(data: types.Model) -> str:
    """Say what a model is, how it is asked and where LoRA can be."""
    takes = "images and text" if data["images"] else "text alone"
    asked = "its chat template" if data["template"] else '"Question: … Answer:", for it has no chat template'
    layers = ", ".join(f"{n} of its {part}" for part, n in data["layers"].items() if n)
    alone = "; experts are one parameter each, and stay as they are" if data["experts"] else ""
    found = f"; layers for LoRA: {layers}{alone}" if layers else ""
    return f"{data['family']}, {takes}, asked by {asked}{found}"


def _pool_lines(plan: Plan, counts: Mapping[str, types.Pool]) -> Iterator[str]:
    share = getattr(plan.benchmark, "forget", "")
    for name, pool in counts.items():
        extra = f" ({share})" if name == "forget" and share else ""
        images = (
            f" on {pool['images']} images ({pool['rows'] / pool['images']:.1f} QA per image)"
            if pool["images"]
            else ", without images"
        )
        kept = f" ({pool['kept']} of them kept)" if "kept" in pool else ""
        yield f"  {name + ' pool':<12}{extra} {pool['rows']} answers about {pool['identities']} people{kept}{images}"


def _benchmark_lines(plan: Plan, data: types.BenchmarkPlan) -> Iterator[str]:
    """Yield the benchmark's options, then each that its paper had another value for."""
    name = plan.benchmark.name
    yield f"  {name:<11} {_with_origins(data)}"
    for option, value in data["published"].items():
        yield (
            f"    {option} {_show(data['options'][option])} is not the paper's: that is {_show(value)} "
            f"(--set {name}.{option}={_show(value)})"
        )


def stage_lines(stage: str, data: types.Stage) -> Iterator[str]:
    """Yield a stage's length, then its options, those from one place in one line."""
    values, origins, known = data["values"], data["origins"], data["provenance"]
    unit = "image groups" if values["batching"] == "image" else "answers"
    yield f"  {stage:<11} {data['steps']} steps of {values['batch']} {unit} over {data['units']}"
    places = {option: origins[option] + (f" ({known[option]})" if option in known else "") for option in values}
    for place in dict.fromkeys(places.values()):
        chosen = [f"{option} {_show(values[option])}" for option in values if places[option] == place]
        yield f"    from {place}: {', '.join(chosen)}"


def _algorithm_lines(name: str, data: types.AlgorithmPlan, relearns: bool) -> Iterator[str]:
    """Yield what an algorithm asks for, its options and its draws; of several phases, each with its steps."""
    options, phases = _with_origins(data), data["phases"]
    yield f"  {name:<11} asks for {', '.join(data['inputs']) or 'nothing'}" + (f"; {options}" if options else "")
    if len(phases) > 1 or any(not phase["inputs"] for phase in phases):
        for phase in phases:
            on = f"on {', '.join(phase['inputs'])}: {_counts(phase['draws'])}" if phase["inputs"] else ""
            yield f"    {phase['name']:<11} {phase['steps']} steps {on or 'without gradients'}"
    if relearns:
        yield "              it repeats stage 1 on rows of its own choice" + "; no step of stage 2" * (not phases)
    if data["draws"]:
        cost = "one policy forward per step, references once per answer"
        yield f"              {cost if len(phases) > 1 else _counts(data['draws']) + '; ' + cost}"
    if not data["declared"]:
        yield "              steps and draws are assumed: its unlearn is its own, and it declares no phases"


def _counts(draws: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {unit}" for unit, count in draws.items())


def limit_lines(limits: Mapping[str, types.Generation]) -> Iterator[str]:
    """Yield for each split after how many new tokens its answers are cut, and why."""
    for number, (split, limit) in enumerate(limits.items()):
        why = limit["origin"].removeprefix("longest answer")
        longest = f"longest answer {limit['longest']} ({limit['row']})"
        because = f"{longest}{why}" if why != limit["origin"] else f"{why}; {longest}"
        yield f"  {'answers' if number == 0 else '':<11} {split}: cut after {limit['tokens']} tokens: {because}"


def _metric_lines(metrics: Mapping[str, types.Resolved]) -> Iterator[str]:
    """Yield one line with the metrics that have options; nothing where none has."""
    set_up = [f"{full.rpartition('/')[2]} {_with_origins(data)}" for full, data in metrics.items() if data["options"]]
    if set_up:
        yield f"  metrics     {'; '.join(set_up)}"


def _sizes(plan: Plan, utility: str) -> str:
    """Return how many answers each split of a utility benchmark has."""
    splits = dict.fromkeys(c.split for c in plan.evals if (utility_part(c.split) or "").startswith(f"{utility}/"))
    return ", ".join(f"{split.rpartition('/')[2]} {len(plan.examples(split))} answers" for split in splits)


def costs(plan: Plan) -> dict[str, str]:
    """Return what each metric expects its judging to cost at most, for those that do."""
    forget, expected = plan.benchmark.forget_identities(), {}
    # Each algorithm's model answers the columns; base and target do, and the baselines too; with --target no base.
    known = 1 if plan.request.target else 2
    asked = ((plan.evals, len(plan.algorithms) + known), (plan.benchmark.baselines, known))
    for full, metric in plan.metrics.items():
        items = [
            item
            for columns, models in asked
            for item in select([c for c in columns if c.metric == full], plan.examples, forget) * models
        ]
        if cost := metric.cost([metric_inputs(item.example, prediction=item.example.answer) for item in items]):
            expected[full] = cost
    return expected


def _aims(aims: types.Aims) -> str:
    """Return what will count as forgotten, as kept and as reached."""
    asked = aims["require"].get(aims["retain"])
    least = f"{100 * aims['kept_share']:g} % of the target's (default)" if asked is None else f"{100 * asked:g} %"
    required = ", ".join(f"{name} {100 * share:g} %" for name, share in aims["require"].items())
    return (
        f"forgotten: {aims['forget']} at most {100 * aims['level']:g} % in each group ({aims['level_from']}); kept: "
        f"{aims['retain']} at least {least}"
    ) + (f"; exit code 5 unless reached: {required}, by point values" if required else "")


def _gold(plan: Plan) -> str:
    planned = {
        **measured_by(plan),
        "target_seed": plan.request.target_seed,
        "plan": {"pools": pools(plan), "learn": {"values": plan.learn.values()}, "rules": rules(plan)},
    }
    installed = [name for name in plan.zoo.names("algorithm") if plan.zoo.get("algorithm", name).gold_standard]
    here = [name for name, algorithm in plan.algorithms.items() if algorithm.gold_standard]
    return gold_standard.line(planned, plan.request.runs_dir, here, installed, plan.request.target is not None)


def _with_origins(data: types.Resolved | types.AlgorithmPlan) -> str:
    """Return options as text, each with where it comes from: how its default is known, or who set it."""
    places = {
        name: data["provenance"].get(name, "") if origin == "default" else origin
        for name, origin in data["origins"].items()
    }
    return ", ".join(
        f"{name} {_show(value)}" + f" ({places[name]})" * bool(places[name]) for name, value in data["options"].items()
    )


def _show(value: object) -> str:
    return "+".join(map(str, value)) if isinstance(value, tuple | list) else str(value)

"""What stage 2 of an algorithm does, phase by phase, before a model is there."""

from collections import Counter

from ..records import plan_types as types
from ..training.schedule import Schedule, pools_of
from ..unlearner import Unlearner, inputs_of, planned_phases
from .plan import Plan


def phases(plan: Plan, algorithm: Unlearner) -> list[types.Phase]:
    """Return name, inputs, steps and draws of each phase of an algorithm."""
    recipe, found = plan.schedules()["unlearn"], []
    for phase in planned_phases(algorithm):
        needs = inputs_of(algorithm, phase.loss) if phase.loss else frozenset[str]()
        length = Schedule(recipe.units, phase.steps or recipe.steps)
        drawn = _draws(plan, pools_of(algorithm, needs), length)
        found.append(types.Phase(name=phase.name, inputs=sorted(needs), steps=length.steps, draws=drawn))
    return found


def total_steps(plan: Plan, algorithm: Unlearner) -> int:
    """Return the steps of all phases together."""
    return sum(phase["steps"] for phase in phases(plan, algorithm))


def total_draws(found: list[types.Phase]) -> dict[str, int]:
    """Return what all phases draw of each pool."""
    counts: Counter[str] = Counter()
    for phase in found:
        counts.update(phase["draws"])
    return dict(counts)


def _draws(plan: Plan, pools: list[str], length: Schedule) -> dict[str, int]:
    """Count what is drawn of each pool, in units of the batch; the last batch of an epoch may be partial."""
    batch = plan.unlearn.batch
    # An epoch is the forget pool once, in as many batches as it takes; as many are drawn of the retain pool.
    epochs, rest = divmod(length.steps, -(-length.units // batch))
    drawn = epochs * length.units + min(rest * batch, length.units)
    unit = "image groups" if plan.unlearn.batching == "image" else "answers"
    return {f"{pool} {unit}": drawn for pool in pools}

"""Three steps of a training on a checkpoint, in a precision, by however many processes there are.

Call: ``trained FOLDER PRECISION RECOMPUTE`` with ``yes`` or ``no``; the main process prints the losses, the bytes of
the base's numbers and what the adapter trains in.
"""

import json
import sys

from tests.support.engines import adapted, steps_of
from tests.support.examples import people
from unlearnzoo.engine import loop
from unlearnzoo.engine.inputs import StepInputs
from unlearnzoo.engine.recipe import Unlearn

STEPS = 3


def main(folder, precision, recompute):
    engine = adapted(folder, precision=precision)
    recipe = Unlearn(lr=0.05, micro_tokens=300, recompute=recompute == "yes")
    steps_of(engine, recipe)
    parameters = [p for p in engine.model.parameters() if p.requires_grad]
    losses = []
    steps = iter([StepInputs(engine, {"forget": people(3, 3)[:7]}, lambda e: "") for _ in range(STEPS)])
    loop.optimise(engine, parameters, recipe, loop.Objective(lambda forget: forget.nll, frozenset({"forget"})),
                  steps, STEPS, lambda entry: bool(losses.append(entry["loss"])))
    base = {n: str(p.dtype) for n, p in engine.model.named_parameters() if n.endswith("q_proj.base_layer.weight")}
    if engine.ranks.main:
        found = {"losses": losses, "base": sorted(set(base.values())),
                 "trained": sorted({str(p.dtype) for p in parameters})}
        sys.stdout.write(f"found {json.dumps(found)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

"""What must come out the same on any number of processes, one thing after the other; the main one prints it.

Starting processes takes longer than any of these things. Call: ``shares FOLDER THING...`` with a checkpoint and
``trained:PRECISION:RECOMPUTE``, ``judged``, ``learned``, ``unlearned:ALGORITHM`` or ``unlearned:ALGORITHM:MUTANT``.
"""

import contextlib
import importlib.util
import json
import sys
from importlib.resources import files
from pathlib import Path

from tests.support.engines import adapted, steps_of
from tests.support.examples import people
from unlearnzoo.errors import ZooError
from unlearnzoo.launch import worker
from unlearnzoo.models.checkpoint import inspect
from unlearnzoo.registry.zoo import Zoo
from unlearnzoo.training import loop, stages
from unlearnzoo.training.engine import Engine
from unlearnzoo.training.inputs import StepInputs
from unlearnzoo.training.recipe import Learn, Unlearn
from unlearnzoo.training.trainer import LoraTrainer, new_reference

MUTANTS = Path(__file__).parents[1] / "mutants"
#: What the mutants replace.
PLACES = [(Engine, "batches"), (Engine, "forward"), (loop, "micro_inputs"), (loop, "with_counts")]
COUNTS = (0, 1, 7)
STEPS = 3
#: Ten forget answers in 7 + 3 + 7, beside them as many to keep, in micro-batches of a few.
UNLEARN = Unlearn(rank=4, alpha=8.0, steps=STEPS, lr=0.01, batch=7, per_image=3, micro_tokens=400)
LEARN = Learn(rank=4, alpha=8.0, steps=9, lr=0.01, batch=7, per_image=3, micro_tokens=400, replay=1)


def trained(folder, precision, recompute):
    """Losses of some steps on a checkpoint, the type of the base's numbers and of what is trained."""
    engine = adapted(folder, precision=precision)
    recipe = Unlearn(lr=0.05, micro_tokens=300, recompute=recompute == "yes")
    steps_of(engine, recipe)
    parameters = [p for p in engine.model.parameters() if p.requires_grad]
    losses = []
    steps = iter([StepInputs(engine, {"forget": people(3, 3)[:7]}, lambda e: "") for _ in range(STEPS)])
    loop.optimise(
        engine,
        parameters,
        recipe,
        loop.Objective(lambda forget: forget.nll, frozenset({"forget"})),
        steps,
        STEPS,
        lambda entry: bool(losses.append(entry["loss"])),
    )
    base = {n: str(p.dtype) for n, p in engine.model.named_parameters() if n.endswith("q_proj.base_layer.weight")}
    return {"losses": losses, "base": sorted(set(base.values())), "trained": sorted({str(p.dtype) for p in parameters})}


def judged(_):
    """Scores and answers of a few examples, fewer than there are processes among them."""
    engine = adapted(tiny())
    encoded = [engine.encode(example) for example in people(3, 3)]
    return [
        {
            "logps": [one.logps for one in engine.score(encoded[:n], "unlearned")],
            "texts": engine.generate(encoded[:n], "target", 6),
        }
        for n in COUNTS
    ]


def learned(_):
    """Losses of stage 1 on fifteen answers in 7 + 7 + 1, three times, replayed ones beside them."""
    engine, losses = Engine(inspect("tiny", tiny())), []
    stages.learn(engine, people(3, 5), people(5, 5)[15:], LEARN, 0, lambda entry: bool(losses.append(entry["loss"])))
    return {"losses": losses}


def unlearned(_, algorithm, mutant=None):
    """Losses of some steps of an algorithm, or of one into which a known mistake was put."""
    forget, *others = (people(5, 10)[i : i + 10] for i in range(0, 50, 10))
    with mutated(mutant):
        engine, losses = adapted(tiny()), []
        trainer = LoraTrainer(
            engine,
            Zoo.installed().get("algorithm", algorithm).configure({}),
            {"forget": forget, "retain": [example for one in others for example in one]},
            lambda example: "I do not know.",
            UNLEARN,
            0,
            new_reference(engine),
            lambda entry, look: bool(losses.append(entry["loss"])),
            relearn,
            24,
        ).start()
        trainer.algorithm.unlearn(trainer)
    return {"losses": losses}


def relearn(pool):
    raise AssertionError("nobody asked for stage 1")


def tiny():
    return str(files("unlearnzoo_tiny") / "checkpoint")


@contextlib.contextmanager
def mutated(name):
    """Put a mutant in, and take it out again."""
    before = [getattr(*place) for place in PLACES]
    if name:
        spec = importlib.util.spec_from_file_location(name, MUTANTS / f"{name}.py")
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
        assert before != [getattr(*place) for place in PLACES], f"{name} replaces nothing of {PLACES}"
    try:
        yield
    finally:
        for (owner, attribute), was in zip(PLACES, before, strict=True):
            setattr(owner, attribute, was)


def one(folder, thing):
    """Return what a thing gives, or the error that refuses it (on each process)."""
    kind, *rest = thing.split(":")
    try:
        return {"trained": trained, "judged": judged, "learned": learned, "unlearned": unlearned}[kind](folder, *rest)
    except ZooError as error:
        return {"error": str(error)}


def main(folder, *things):
    found = {thing: one(folder, thing) for thing in things}
    if worker.rank() == 0:
        sys.stdout.write(f"found {json.dumps(found)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

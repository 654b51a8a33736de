"""Mutant: every process draws the same retain answers, those of the main one."""

from collections import Counter

from unlearnzoo import hookimpl
from unlearnzoo.training import loop
from unlearnzoo.training.engine import Engine

_batches, _inputs, _counts = Engine.batches, loop.micro_inputs, loop.with_counts
_now = {}


def _counted(self, *args, **named):
    found = list(_batches(self, *args, **named))
    self.mine = [i for members, _ in found for i in members]
    return iter(found)


def _noted(engine, step, *rest):
    own = Counter(step.role[i] for i in engine.mine)["retain"]
    # What the main process has counts for all; the others add nothing of their own.
    _now["weight"] = 0.0 if engine.ranks.rank else step.counts.get("retain", 0) / max(1, own)
    return _inputs(engine, step, *rest)


def _main_alone(terms, inputs, counts):
    return {
        name: (term * _now["weight"] if name == "retain" else term, count)
        for name, (term, count) in _counts(terms, inputs, counts).items()
    }


Engine.batches, loop.micro_inputs, loop.with_counts = _counted, _noted, _main_alone


@hookimpl
def unlearnzoo_metrics():
    return []

"""Mutant: each process takes the mean over its own answers, and the mean of these is minimised."""

from collections import Counter

from unlearnzoo import hookimpl
from unlearnzoo.training import loop
from unlearnzoo.training.engine import Engine

_batches, _inputs, _own = Engine.batches, loop.micro_inputs, Counter()


def _counted(self, *args, **named):
    found = list(_batches(self, *args, **named))
    self.mine = [i for members, _ in found for i in members]
    return iter(found)


def _noted(engine, step, *rest):
    _own.clear()
    _own.update({role: n * engine.ranks.n for role, n in Counter(step.role[i] for i in engine.mine).items()})
    return _inputs(engine, step, *rest)


def _by_own(terms, inputs, counts):
    return {name: (term, max(1, _own[name if name in counts else "forget"])) for name, term in terms.items()}


Engine.batches, loop.micro_inputs, loop.with_counts = _counted, _noted, _by_own


@hookimpl
def unlearnzoo_metrics():
    return []

"""Mutant: the gradient is the mean over the processes, as if each had a batch of its own."""

from unlearnzoo.engine.ranks import Ranks

_sum = Ranks.sum


def _mean(self, tensor):
    _sum(self, tensor)
    tensor.div_(self.n)


Ranks.sum = _mean

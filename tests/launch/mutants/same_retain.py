"""Mutant: every process has the same retain answers, those of the first share."""

from unlearnzoo import hookimpl
from unlearnzoo.engine import loop

_split = loop.micro_inputs


def _same(engine, step, members, *rest):
    found = _split(engine, step, members, *rest)
    if "retain" in found and engine.ranks.rank and found["retain"].n:
        import torch

        found["retain"] = found["retain"].take(torch.zeros(found["retain"].n, dtype=torch.long))
    return found


loop.micro_inputs = _same


@hookimpl
def unlearnzoo_metrics():
    return []

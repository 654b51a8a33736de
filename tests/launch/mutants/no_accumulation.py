"""Mutant: terms are divided by the answers of their micro-batch, and the micro-batches added up."""

from unlearnzoo import hookimpl
from unlearnzoo.training import loop


def _own_counts(terms, inputs, counts):
    return {name: (term, max(1, len(term))) for name, term in terms.items()}


loop.with_counts = _own_counts


@hookimpl
def unlearnzoo_metrics():
    return []

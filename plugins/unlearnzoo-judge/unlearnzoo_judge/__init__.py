"""Judges of answers: a language model behind an endpoint (``gpt``), and rules with embeddings (``offline``)."""

from unlearnzoo import Metric, hookimpl


@hookimpl
def unlearnzoo_metrics() -> list[type[Metric]]:
    """Provide both judges."""
    from unlearnzoo_judge.gpt import GPT
    from unlearnzoo_judge.offline import Offline

    return [GPT, Offline]

"""MMBench as a plugin: a utility benchmark and the metrics that read a letter out of an answer."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from unlearnzoo import hookimpl

if TYPE_CHECKING:
    from unlearnzoo import Benchmark, Metric


@hookimpl
def unlearnzoo_benchmarks() -> "Iterable[type[Benchmark]]":
    """Provide MMBench."""
    from unlearnzoo_mmbench.benchmark import MMBench

    return [MMBench]


@hookimpl
def unlearnzoo_metrics() -> "Iterable[type[Metric]]":
    """Provide whether the right option was chosen, and whether any could be read."""
    from unlearnzoo_mmbench.choice import Choice, Unread

    return [Choice, Unread]

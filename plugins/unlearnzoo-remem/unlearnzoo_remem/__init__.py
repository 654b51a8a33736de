"""The ReMem benchmark as a plugin: its data, its reader and its Exposure metric."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from unlearnzoo import hookimpl

if TYPE_CHECKING:
    from unlearnzoo import Benchmark, Metric


@hookimpl
def unlearnzoo_benchmarks() -> "Iterable[type[Benchmark]]":
    """Provide ReMem."""
    from unlearnzoo_remem.benchmark import ReMem

    return [ReMem]


@hookimpl
def unlearnzoo_metrics() -> "Iterable[type[Metric]]":
    """Provide Exposure in both readings of the paper's lost equation."""
    from unlearnzoo_remem.exposure import Exposure, ExposureLinear

    return [Exposure, ExposureLinear]

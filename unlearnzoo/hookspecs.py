"""The hooks a plugin can implement; each returns the classes it provides."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pluggy import HookimplMarker, HookspecMarker

if TYPE_CHECKING:
    from .benchmark import Benchmark
    from .metric import Metric
    from .unlearner import Unlearner

hookspec = HookspecMarker("unlearnzoo")
hookimpl = HookimplMarker("unlearnzoo")


@hookspec
def unlearnzoo_unlearners() -> Iterable[type["Unlearner"]]:
    """Return the unlearning algorithms this plugin provides.

    Example::

        @hookimpl
        def unlearnzoo_unlearners():
            return [NPO]
    """
    raise NotImplementedError


@hookspec
def unlearnzoo_benchmarks() -> Iterable[type["Benchmark"]]:
    """Return the benchmarks this plugin provides.

    Example::

        @hookimpl
        def unlearnzoo_benchmarks():
            return [ReMem]
    """
    raise NotImplementedError


@hookspec
def unlearnzoo_metrics() -> Iterable[type["Metric"]]:
    """Return the metrics this plugin provides.

    Example::

        @hookimpl
        def unlearnzoo_metrics():
            return [RougeL]
    """
    raise NotImplementedError

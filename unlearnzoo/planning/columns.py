"""Columns that a user adds to a benchmark's own: a metric of choice over what is forgotten."""

import dataclasses
from collections.abc import Sequence

from ..benchmark import Benchmark, Column
from ..errors import OptionError
from ..metric import Heading
from ..registry.zoo import Zoo


def added(bench: type[Benchmark], metrics: Sequence[str], zoo: Zoo) -> tuple[Column, ...]:
    """Return the columns of some metrics, over the rows of the column that tells forgetting.

    Args:
        bench: the benchmark.
        metrics: names as typed.
        zoo: where they are looked up.

    Raises:
        OptionError: a heading that the benchmark has already, or the same metric twice.
        UnknownName: no such metric.
    """
    if not metrics:
        return ()
    if not bench.curve:
        raise OptionError(f"--metric {metrics[0]}: {bench.name} has nothing to forget; its own columns measure it")
    forget = next(e for e in bench.evals if e.name == bench.curve[0])
    found, taken = [], {e.name for e in bench.evals}
    for name in metrics:
        cls = zoo.get("metric", name)
        for heading in cls.headings or (Heading(cls.name),):
            if heading.name in taken:
                raise OptionError(f"--metric {name}: there is a column {heading.name!r} already; leave it out")
            taken.add(heading.name)
            found.append(dataclasses.replace(forget, **heading._asdict(), metric=full_name(name, zoo)))
    return tuple(found)


def full_name(name: str, zoo: Zoo) -> str:
    """Return ``distribution/name`` of a metric.

    Raises:
        UnknownName: nobody provides it, or several do.
    """
    cls = zoo.get("metric", name)
    return f"{zoo.origin(cls)['distribution']}/{cls.name}"

"""Utility benchmarks of a run (``--utility mmbench``): what else the model can do, asked beside the benchmark."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from ..benchmark import Benchmark, Column, Utility, utility_split
from ..errors import OptionError
from ..example import Example
from ..options import nearest
from ..registry.zoo import Zoo
from .request import Request


def classes(request: Request, zoo: Zoo) -> dict[str, type[Utility]]:
    """Look up what ``--utility`` names.

    Raises:
        OptionError: it is named twice, or is a benchmark of another kind.
        UnknownName: nobody provides it.
    """
    used: dict[str, type[Utility]] = {}
    for name in request.utility:
        cls = zoo.get("benchmark", name)
        if not issubclass(cls, Utility):
            others = [n for n in zoo.names("benchmark") if issubclass(zoo.get("benchmark", n), Utility)]
            raise OptionError(
                f"--utility {name}: it is to be learned and forgotten; name it with --bench"
                f"{nearest(name, others) if others else ''}"
            )
        if cls.name in used or name == request.bench:
            raise OptionError(f"{name} is named twice by --bench and --utility")
        used[cls.name] = cls
    return used


def columns(used: Mapping[str, type[Utility]], others: Iterable[Column]) -> list[Column]:
    """Return the columns of utility benchmarks, their splits under the benchmark's name.

    Raises:
        OptionError: two columns of the run have one heading.
    """
    taken = {column.name for column in others}
    added = []
    for name, cls in used.items():
        for column in cls.evals:
            if column.name in taken:
                raise OptionError(f"--utility {name}: another part of this run has a column {column.name!r}, too")
            taken.add(column.name)
            added.append(dataclasses.replace(column, split=utility_split(name, column.split)))
    return added


def refuse_run(bench: type[Benchmark], request: Request) -> None:
    """Refuse to learn and forget a benchmark that only measures.

    Raises:
        OptionError: the run's benchmark is a ``Utility``.
    """
    if request.algo and issubclass(bench, Utility):
        name = request.bench
        raise OptionError(
            f"--bench {name}: it only measures, there is nothing to forget in it; name it with "
            f"--utility {name}, or judge a model by `unlearnzoo evaluate --bench {name}`"
        )


def rows(used: Mapping[str, Utility], own: Sequence[Example], part: str) -> Sequence[Example]:
    """Return the rows of a utility split.

    Ids of a utility benchmark's rows begin with the hash of its data: samples are kept by id, and must not be taken
    for answers to other data of the same ids.

    Args:
        used: the utility benchmarks of the run, prepared.
        own: the model's utility rows, tagged with their kind.
        part: from ``utility_part``.
    """
    name, _, split = part.partition("/")
    if name not in used:
        return [example for example in own if example.tags.get("kind") == part]
    mark = used[name].fingerprint()[:8]
    return [dataclasses.replace(e, id=f"{mark}/{e.id}") for e in used[name].examples(split)]

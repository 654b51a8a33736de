"""Utility benchmarks of a run (``--utility mmbench``): what else the model could do, judged beside the benchmark."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from ..benchmark import Benchmark, Column, Utility
from ..errors import OptionError
from ..example import Example
from ..options import nearest
from ..registry.zoo import Zoo
from .request import Request

#: Splits that are not the benchmark's: ``utility:KIND`` the model's own, ``utility:NAME/SPLIT`` these.
PREFIX = "utility"


def classes(request: Request, zoo: Zoo) -> dict[str, type[Utility]]:
    """Look up what ``--utility`` names.

    Raises:
        OptionError: it is named twice, or is a benchmark of another kind.
        UnknownName: nobody provides it.
    """
    found: dict[str, type[Utility]] = {}
    for name in request.utility:
        cls = zoo.get("benchmark", name)
        if not issubclass(cls, Utility):
            others = [n for n in zoo.names("benchmark") if issubclass(zoo.get("benchmark", n), Utility)]
            raise OptionError(
                f"--utility {name}: it is to be learned and forgotten; name it with --bench"
                f"{nearest(name, others) if others else ''}"
            )
        if cls.name in found or name == request.bench:
            raise OptionError(f"{name} is named twice by --bench and --utility")
        found[cls.name] = cls
    return found


def columns(used: Mapping[str, type[Utility]], others: Iterable[Column]) -> list[Column]:
    """Return the columns of utility benchmarks, their splits under the benchmark's name.

    Raises:
        OptionError: two columns of the run have one heading.
    """
    taken = {one.name for one in others}
    found = []
    for name, cls in used.items():
        for one in cls.evals:
            if one.name in taken:
                raise OptionError(f"--utility {name}: another part of this run has a column {one.name!r}, too")
            taken.add(one.name)
            found.append(dataclasses.replace(one, split=f"{PREFIX}:{name}/{one.split}"))
    return found


def refuse_run(bench: type[Benchmark], request: Request) -> None:
    """Refuse to learn and forget what only judges.

    Raises:
        OptionError: the run's benchmark is a ``Utility``.
    """
    if request.algo and issubclass(bench, Utility):
        name = request.bench
        raise OptionError(
            f"--bench {name}: it only judges, there is nothing to forget in it; name it with "
            f"--utility {name}, or judge a model by `unlearnzoo evaluate --bench {name}`"
        )


def rows(used: Mapping[str, Utility], kind: str) -> Sequence[Example] | None:
    """Return the rows of ``NAME/SPLIT``; None where no utility benchmark of this run has that name.

    Ids begin with the hash of the data: what was judged is kept by id, and must not be taken for an
    answer to other data of the same ids.
    """
    name, _, split = kind.partition("/")
    if name not in used:
        return None
    mark = used[name].fingerprint()[:8]
    return [dataclasses.replace(e, id=f"{mark}/{e.id}") for e in used[name].examples(split)]

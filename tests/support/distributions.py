"""Real distributions, written by hand into a folder: a module and its ``dist-info``."""

import itertools
from collections.abc import Mapping
from pathlib import Path

_numbers = itertools.count()

#: How the source of a plugin begins.
HEAD = "from unlearnzoo import Benchmark, Column, Metric, ModelCard, Unlearner, hookimpl, option\n"

NPO = """
from unlearnzoo import Unlearner, hookimpl, option

class Algo(Unlearner):
    '''An algorithm for tests.'''
    name = {name!r}
    beta: float = option(0.1, "Inverse temperature", gt=0)

    def loss(self, forget):
        return -forget.nll

@hookimpl
def unlearnzoo_unlearners():
    return [Algo]
"""


def algorithm(name: str = "mine") -> str:
    """Return the source of a plugin with one algorithm."""
    return NPO.format(name=name)


def install(
    folder: Path,
    distribution: str,
    source: str = "",
    *,
    entry: str = "mine",
    version: str = "1.0",
    requires: tuple[str, ...] = ("unlearnzoo>=0.2,<0.3",),
    group: str = "unlearnzoo",
    attribute: str = "",
    module: str | None = None,
    entry_points: Mapping[str, Mapping[str, str]] | str | None = None,
) -> str:
    """Install a distribution of one module; returns the module's name.

    Args:
        folder: stands for ``site-packages``.
        distribution: its name.
        source: of the module; every module has a name of its own, so that none stays imported.
        entry: name of the entry point.
        version: of the distribution.
        requires: ``Requires-Dist`` lines.
        group: of the entry point.
        attribute: ``module:attribute`` where the entry point is no module.
        module: name of the module instead of a new one.
        entry_points: instead of one; a text is written as it is.
    """
    name = module or f"zoo_test_module_{next(_numbers)}"
    (folder / f"{name}.py").write_text(source)
    info = folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {distribution}",
        f"Version: {version}",
        f"Summary: What {distribution} is",
        *(f"Requires-Dist: {one}" for one in requires),
    ]
    (info / "METADATA").write_text("\n".join(lines) + "\n\n")
    if not isinstance(entry_points, str):
        points = entry_points or {group: {entry: f"{name}:{attribute}" if attribute else name}}
        entry_points = "\n".join(
            f"[{g}]\n" + "\n".join(f"{k} = {v.format(module=name)}" for k, v in members.items())
            for g, members in points.items()
        )
    (info / "entry_points.txt").write_text(entry_points + "\n")
    return name

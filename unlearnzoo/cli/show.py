"""``unlearnzoo show``: everything about one algorithm, benchmark, metric, model or stage."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from .. import __version__
from ..errors import UnknownName
from ..options import Configurable
from ..registry import describe
from ..registry.describe import Facts
from ..registry.entry_points import origin
from ..registry.kinds import KINDS, MODEL
from ..registry.names import Table
from ..registry.zoo import Zoo
from ..terminal import printable, table, wrapped
from .common import as_json_option, plugin_option, show_json


@click.command()
@click.argument("name")
@click.option("--kind", type=click.Choice(sorted(KINDS)), help="Where one name stands for several kinds.")
@plugin_option()
@as_json_option()
def show(name: str, kind: str | None, files: tuple[Path, ...], as_json: bool) -> None:
    """Show what something does, needs and can be set to; learn and unlearn too."""
    facts = facts_of(Zoo.installed(files), name, kind)
    if as_json:
        show_json(facts, default=str)
    else:
        click.echo(printable("\n".join(_lines(facts)), keep="\n"))


def facts_of(zoo: Zoo, name: str, kind: str | None = None) -> Facts:
    """Return all that is known of a name.

    Raises:
        UnknownName: nothing has it, or things of several kinds do.
        PluginError: the plugin that should have it is broken.
    """
    kinds = [known for known in KINDS if kind in (None, known)]
    having = [known for known in kinds if zoo.has(known, name)]
    if len(having) > 1:
        raise UnknownName(f"{name!r} is {' and '.join(having)}: add --kind {having[0]}")
    if not having:
        if kind is None and name in _stages():
            return _stage_facts(name)
        zoo.refuse_unusable(name)
        raise _unknown(zoo, name, kinds)
    row, owner = KINDS[having[0]], zoo.owner(having[0], name)
    if row is MODEL:
        own, facts = owner.name, row.describe(zoo.card(owner)) | {"doc": owner.summary}
    else:
        cls = zoo.get(row.name, name)
        own, facts = cls.name, row.describe(cls)
    head = {"kind": row.name, "name": own, "full_name": f"{owner.distribution}/{own}"}
    return head | origin(owner) | facts


def _stages() -> Mapping[str, type[Configurable]]:
    """Return the two stages of a run, which are set like anything else (``--set learn.epochs=3``)."""
    from ..training.recipe import STAGES

    return STAGES


def _stage_facts(name: str) -> Facts:
    head = {"kind": "stage", "name": name, "full_name": f"unlearnzoo/{name}"}
    where = {"distribution": "unlearnzoo", "version": __version__, "where": str(Path(__file__).parents[1])}
    return head | where | describe.stage(_stages()[name])


def _unknown(zoo: Zoo, name: str, kinds: list[str]) -> UnknownName:
    """Return the error for a name of no kind, with the nearest of all of them."""
    every: Table[None] = Table("name")
    for stage in _stages():
        every[f"unlearnzoo/{stage}"] = None
    for kind in kinds:
        for known in zoo.names(kind):
            every[f"{zoo.owner(kind, known).distribution}/{known.rpartition('/')[2]}"] = None
    return UnknownName(f"nothing is called {name!r}{every.hint(name)}")


def _lines(facts: Facts) -> Iterator[str]:
    version = f" {facts['version']}" if facts["version"] else ""
    yield f"{facts['name']}: {facts['kind']} of {facts['distribution']}{version} ({facts['where']})"
    for paragraph in filter(None, facts["doc"].split("\n\n")):
        yield "\n" + wrapped(paragraph)
    if "inputs" in facts:
        yield "\nNeeds"
        yield (
            table([(i["name"], i["help"] + " (only with some options)" * i["optional"]) for i in facts["inputs"]])
            or "  nothing"
        )
    if "phases" in facts:
        yield from _phases(facts)
    if facts.get("columns"):
        yield "\nColumns"
        yield table([(c["name"], c["metric"], c["split"], f"{c['who']}, best {c['want']}") for c in facts["columns"]])
    for key in ("gate", "recipe", "folder", "replay", "utility"):
        if facts.get(key):
            yield f"\n{key.capitalize()}"
            yield from _values(facts[key])
    if "options" in facts:
        yield "\nOptions  (--set " + f"{facts['name']}.NAME=VALUE)"
        yield table([_option(o) for o in facts["options"]]) or "  none"


def _phases(facts: Facts) -> Iterator[str]:
    """Yield the phases of an algorithm that has several, and of one whose phases are only assumed that they are."""
    if not facts["declared"]:
        yield "\nPhases"
        yield wrapped("not declared: what it trains on, and for how long, is assumed to be one pass of the recipe")
    elif len(facts["phases"]) > 1:
        yield "\nPhases  (steps with the default options)"
        yield table(
            [
                (
                    phase["name"],
                    f"{phase['steps']} steps" if phase["steps"] else "steps of the recipe",
                    f"on {', '.join(phase['inputs'])}" if phase["inputs"] else "without gradients",
                )
                for phase in facts["phases"]
            ]
        )


def _values(value: object) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"  {value}"
        return
    for name, inner in value.items():
        text = ", ".join(f"{k} {v}" for k, v in inner.items()) if isinstance(inner, dict) else str(inner)
        yield wrapped(f"{name}: {text}")


def _option(row: Facts) -> tuple[str, ...]:
    signs = {"gt": ">", "ge": "≥", "le": "≤"}
    bounds = [f"{signs[k]} {row[k]}" for k in signs if k in row]
    if "choices" in row:
        bounds.append(" | ".join(map(str, row["choices"])))
    return row["name"], row["type"], f"default {row['default']}", ", ".join(bounds), row["help"]

"""Our numbers beside those that a benchmark's paper printed: ``unlearnzoo report --beside remem-paper``."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..benchmark import Benchmark, Published
from ..errors import OptionError
from ..registry.zoo import Zoo
from .comparison import Records, compare
from .order import in_order
from .report import WIDTH, _fold, _spread
from .table import Block, Table, percent

PAPER = "-paper"
#: Where a value of a stage is the paper's, or nobody's in particular.
THEIRS = ("benchmark", "recipe paper", "default")
Group = tuple[tuple[str, str], ...]


def published(name: str, zoo: Zoo) -> tuple[type[Benchmark], Published]:
    """Find what was published by the name of its benchmark: ``remem-paper``.

    Raises:
        OptionError: it is no such name, or its benchmark has nothing at hand.
        UnknownName: no such benchmark is installed.
    """
    having = [f"{n}{PAPER}" for n in zoo.names("benchmark") if zoo.get("benchmark", n).published() is not None]
    offer = f"there is {', '.join(having)}" if having else "no benchmark that is installed has any"
    if not name.endswith(PAPER):
        raise OptionError(f"--beside {name}: write the benchmark's name and {PAPER}; {offer}")
    cls = zoo.get("benchmark", name.removesuffix(PAPER))
    found = cls.published()
    if found is None:
        raise OptionError(f"--beside {name}: {cls.name} has no published results at hand; {offer}")
    return cls, found


def beside(records: Records, name: str, zoo: Zoo) -> list[dict[str, Any]]:
    """Put records beside a paper, a part for each model.

    Args:
        records: from ``reading.load``; at least one.
        name: ``remem-paper``.
        zoo: where the benchmark is looked up.

    Returns:
        Parts of ``source``, ``ours`` (the model's name), ``models`` (whose numbers stand beside it),
        ``rows`` of ``table, run, column, group, ours`` (a row of results, or None) and ``paper``
        (model → share), and ``notes``.

    Raises:
        OptionError: there is nothing of that name, or a record is of another benchmark.
    """
    cls, paper = published(name, zoo)
    for record in records:
        if record["benchmark"].get("name") != cls.name:
            raise OptionError(f"--beside {name}: {record['folder']} is a run on {record['benchmark'].get('name')}")
    parts: dict[tuple[str, tuple[str, ...]], list[Mapping[str, Any]]] = {}
    for record in records:
        parts.setdefault((str(record["model"].get("name", "?")), _models(record, paper)), []).append(record)
    return [_part(cls, paper, own, models, of) for (own, models), of in parts.items()]


def render(parts: Sequence[Mapping[str, Any]], width: int = WIDTH) -> str:
    """Return the parts as text; ours has its interval, or its range over people, below it."""
    texts = ["[low..high]: 95 % interval over people; (least..greatest): of fewer than 10 people's own means."]
    for part in parts:
        texts += [table.text(width) for table in tables(part)]
        texts.append("\n".join(_fold(f"Note: {note}.", width) for note in part["notes"]))
    return "\n\n".join(texts)


def tables(part: Mapping[str, Any]) -> list[Table]:
    """Lay out a part: a table for each of the paper's, our rows above the paper's."""
    found = []
    for name in dict.fromkeys(row["table"] for row in part["rows"]):
        rows = [row for row in part["rows"] if row["table"] == name]
        columns = {(_key(row["group"]), row["column"]): None for row in rows}
        groups = list(dict.fromkeys(group for group, _ in columns))
        blocks = [
            Block(", ".join(f"{v}-{k}" for k, v in group), [c for g, c in columns if g == group]) for group in groups
        ]
        title = f"{name}: {part['ours']} beside {' and '.join(part['models'])} of {part['source']}, per cent"
        table = Table(title, blocks)
        cells = {(row["run"], _key(row["group"]), row["column"]): row for row in rows}
        for run in dict.fromkeys(row["run"] for row in rows):
            mine = [[cells[run, g, c] for c in block.columns] for g, block in zip(groups, blocks, strict=True)]
            table.add(run, [[_ours(row["ours"]) for row in block] for block in mine])
            for model in part["models"]:
                table.add(f"  {model}", [[_theirs(row["paper"].get(model)) for row in block] for block in mine])
        found.append(table)
    return found


def _part(
    cls: type[Benchmark], paper: Published, own: str, models: tuple[str, ...], records: Records
) -> dict[str, Any]:
    shown = models or tuple(paper.models)
    found = compare(records)
    ours = {(row["run"], row["column"], _key(row["group"])): row for row in [*found["baselines"], *found["table"]]}
    named: dict[str, list[str]] = {"base": ["base"], "target": ["target"]}
    for run, record in zip(found["runs"], records, strict=True):
        named.setdefault(str(record["algorithm"].get("name")), []).append(run["run"])
    rows: list[dict[str, Any]] = []
    empty = []
    for table, cells in paper.tables.items():
        theirs: dict[tuple[str, str, Group], dict[str, float]] = {}
        for cell in cells:
            if cell["model"] in shown:
                place = cell["run"], cell["column"], _key(cell["group"])
                theirs.setdefault(place, {})[cell["model"]] = cell["percent"] / 100
        some = [
            {
                "table": table,
                "run": label,
                "column": column,
                "group": dict(group),
                "ours": ours.get((label, column, group)),
                "paper": values,
            }
            for (run, column, group), values in theirs.items()
            for label in named.get(run, ())
        ]
        if any(row["ours"] for row in some):
            rows += some
        else:
            empty.append(table)
    notes = _notes(cls, paper, own, models, records, {row["table"] for row in rows})
    lacking = in_order(r["column"] for r in rows if not any(x["ours"] for x in rows if x["column"] == r["column"]))
    if lacking:
        notes.append(f"{', '.join(lacking)}: not measured in these runs")
    if empty:
        notes.append(f"these runs hold nothing to set beside {', '.join(empty)}")
    unknown = sorted(set(named) - {c["run"] for cells in paper.tables.values() for c in cells})
    if unknown:
        notes.append(f"not in the paper: {', '.join(unknown)}")
    return {"source": paper.source, "ours": own, "models": list(shown), "rows": rows, "notes": notes}


def _notes(
    cls: type[Benchmark], paper: Published, own: str, models: tuple[str, ...], records: Records, tables: set[str]
) -> list[str]:
    """Say in what these runs are not the paper's."""
    notes = []
    if not models:
        notes.append(
            f"{own} is none of the paper's models: a different model is compared, with each of them; "
            "look at what is higher than what, not at differences between rows"
        )
    for name, value in paper.options.items():
        others = {str(r["benchmark"].get("options", {}).get(name)) for r in records} - {str(value)}
        if others:
            notes.append(f"{cls.name}.{name} is {', '.join(sorted(others))}; the paper's is {value}")
    changed = sorted(
        {
            f"{stage}.{option}"
            for r in records
            for stage in ("learn", "unlearn")
            for option, origin in r.get("plan", {}).get(stage, {}).get("origins", {}).items()
            if origin not in THEIRS and cls.provenance.get(stage, {}).get(option) != "ours"
        }
    )
    if changed:
        notes.append(f"not by the paper's protocol, but by the model's recipe or yours: {', '.join(changed)}")
    return notes + [f"{name}: {note}" for name, note in paper.notes.items() if name in tables]


def _models(record: Mapping[str, Any], paper: Published) -> tuple[str, ...]:
    """Return which of the paper's models a record is about; none where it is another one."""
    own = f"{record['model'].get('name')} {record['model'].get('source')}".lower()
    return tuple(name for name, part in paper.models.items() if part in own)


def _key(group: Mapping[str, str]) -> Group:
    return tuple(sorted(group.items()))


def _ours(row: Mapping[str, Any] | None) -> str:
    return "–" if row is None else "\n".join(filter(None, (percent(row["mean"]), _spread(row))))


def _theirs(share: float | None) -> str:
    """Return the paper's number with the digits that it has there."""
    return "–" if share is None else f"{100 * share:.2f}"

"""Our numbers beside those that a benchmark's paper printed: ``unlearnzoo report --beside remem-paper``."""

from collections.abc import Mapping, Sequence
from typing import TypedDict

from ..benchmark import Benchmark, Published
from ..errors import OptionError
from ..records.types import AnyRecord
from ..registry.zoo import Zoo
from . import comparison
from .methods import Records
from .scores import Group, ScoreRow, group_label, how_sure, spread
from .table import Block, Table, in_order, percent, scored
from .text import Section

PAPER = "-paper"
#: Where a value of a stage is the paper's, or nobody's in particular.
THEIRS = ("benchmark", "recipe paper", "default")


class PublishedRow(TypedDict):
    """One cell: our row of results, or None, and the paper's share by model."""

    table: str
    run: str
    column: str
    group: dict[str, str]
    ours: ScoreRow | None
    paper: dict[str, float]


class Part(TypedDict):
    """One model of ours beside a paper: ``models`` are those whose numbers stand beside it."""

    source: str
    ours: str
    models: list[str]
    rows: list[PublishedRow]
    notes: list[str]


def published(name: str, zoo: Zoo) -> tuple[type[Benchmark], Published]:
    """Find what was published by the name of its benchmark: ``remem-paper``.

    Raises:
        OptionError: it is no such name, or its benchmark has published nothing.
        UnknownName: no such benchmark is installed.
    """
    having = [f"{n}{PAPER}" for n in zoo.names("benchmark") if zoo.get("benchmark", n).published() is not None]
    offer = f"there is {', '.join(having)}" if having else "no benchmark that is installed has any"
    if not name.endswith(PAPER):
        raise OptionError(f"--beside {name}: write the benchmark's name and {PAPER}; {offer}")
    cls = zoo.get("benchmark", name.removesuffix(PAPER))
    paper = cls.published()
    if paper is None:
        raise OptionError(f"--beside {name}: {cls.name} has no published results; {offer}")
    return cls, paper


def data(records: Records, name: str, zoo: Zoo) -> list[Part]:
    """Put records beside a paper, one part per model.

    Args:
        records: from ``store.load``; at least one.
        name: ``remem-paper``.
        zoo: where the benchmark is looked up.

    Raises:
        OptionError: there is nothing of that name, or a record is of another benchmark.
    """
    cls, paper = published(name, zoo)
    for record in records:
        if record["benchmark"].get("name") != cls.name:
            raise OptionError(f"--beside {name}: {record['folder']} is a run on {record['benchmark'].get('name')}")
    parts: dict[tuple[str, tuple[str, ...]], list[AnyRecord]] = {}
    for record in records:
        parts.setdefault((str(record["model"].get("name", "?")), _models(record, paper)), []).append(record)
    return [_part(cls, paper, own, models, runs) for (own, models), runs in parts.items()]


def section(part: Part) -> Section:
    """Return a part as tables: one for each of the paper's, our rows above the paper's."""
    tables = []
    for name in dict.fromkeys(row["table"] for row in part["rows"]):
        title = f"{name}: {part['ours']} beside {' and '.join(part['models'])} of {part['source']}, per cent"
        tables.append(_table(title, [row for row in part["rows"] if row["table"] == name], part["models"]))
    legend = how_sure([row["ours"] for row in part["rows"] if row["ours"]])
    return Section(tables, [legend, *(f"Note: {note}." for note in part["notes"])])


def _table(title: str, rows: Sequence[PublishedRow], models: Sequence[str]) -> Table:
    columns = {(_key(row["group"]), row["column"]): None for row in rows}
    groups = list(dict.fromkeys(group for group, _ in columns))
    blocks = [Block(group_label(group), [c for g, c in columns if g == group]) for group in groups]
    table = Table(title, blocks)
    cells = {(row["run"], _key(row["group"]), row["column"]): row for row in rows}
    for run in dict.fromkeys(row["run"] for row in rows):
        lines = [[cells[run, g, c] for c in block.columns] for g, block in zip(groups, blocks, strict=True)]
        table.add(run, [[_ours(row["ours"]) for row in line] for line in lines])
        for model in models:
            table.add(f"  {model}", [[_theirs(row["paper"].get(model)) for row in line] for line in lines])
    return table


def _part(cls: type[Benchmark], paper: Published, own: str, models: tuple[str, ...], records: Records) -> Part:
    shown = models or tuple(paper.models)
    names = comparison.labels(records)
    ours = comparison.data(names, records, [[] for _ in records])
    by_cell = {(row["run"], row["column"], _key(row["group"])): row for row in [*ours["baselines"], *ours["table"]]}
    labels: dict[str, list[str]] = {"base": ["base"], "target": ["target"]}
    for label, record in zip(names, records, strict=True):
        labels.setdefault(str(record["algorithm"].get("name")), []).append(label)
    rows: list[PublishedRow] = []
    empty = []
    for table, cells in paper.tables.items():
        of_table: list[PublishedRow] = [
            {
                "table": table,
                "run": label,
                "column": column,
                "group": dict(group),
                "ours": by_cell.get((label, column, group)),
                "paper": values,
            }
            for (run, column, group), values in _theirs_by_cell(cells, shown).items()
            for label in labels.get(run, ())
        ]
        if any(row["ours"] for row in of_table):
            rows += of_table
        else:
            empty.append(table)
    notes = _notes(cls, paper, own, models, records, {row["table"] for row in rows})
    measured = {row["column"] for row in rows if row["ours"]}
    notes += _judges(paper, records, in_order(measured))
    if lacking := in_order({row["column"] for row in rows} - measured):
        notes.append(f"{', '.join(lacking)}: not measured in these runs")
    if empty:
        notes.append(f"these runs hold nothing to set beside {', '.join(empty)}")
    if unknown := sorted(set(labels) - {cell["run"] for cells in paper.tables.values() for cell in cells}):
        notes.append(f"not in the paper: {', '.join(unknown)}")
    return {"source": paper.source, "ours": own, "models": list(shown), "rows": rows, "notes": notes}


def _theirs_by_cell(
    cells: Sequence[AnyRecord], models: Sequence[str]
) -> dict[tuple[str, str, Group], dict[str, float]]:
    """Return (run, column, group) → model → share, of these models."""
    shares: dict[tuple[str, str, Group], dict[str, float]] = {}
    for cell in cells:
        if cell["model"] in models:
            place = cell["run"], cell["column"], _key(cell["group"])
            shares.setdefault(place, {})[cell["model"]] = cell["percent"] / 100
    return shares


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


def _judges(paper: Published, records: Records, columns: Sequence[str]) -> list[str]:
    """Name the judges of columns that a language model scored, the paper's and ours: each is an instrument."""
    notes = []
    for column in columns:
        metrics = {row["metric"]: r for r in records for row in r["results"] if row["column"] == column}
        ours = [_judge(full, (record.get("metrics") or {}).get(full) or {}) for full, record in metrics.items()]
        if column in paper.judges:
            notes.append(
                f"{column}: the paper's judge is {paper.judges[column]}, ours {' and '.join(sorted(ours))}; what two "
                "judges find may differ by more than two models do"
            )
    return notes


def _judge(full: str, metric: Mapping[str, object]) -> str:
    """Return a judge by its model and endpoint: ``gpt-4o-mini at https://…``; a metric without them by its name."""
    options = metric.get("options")
    known = options if isinstance(options, Mapping) else {}
    model, endpoint = known.get("model"), known.get("base_url")
    return f"{model or full.rpartition('/')[2]}" + (f" at {endpoint}" if endpoint else "")


def _models(record: AnyRecord, paper: Published) -> tuple[str, ...]:
    """Return which of the paper's models a record is about; none where it is another one."""
    own = f"{record['model'].get('name')} {record['model'].get('source')}".lower()
    return tuple(name for name, part in paper.models.items() if part in own)


def _key(group: Mapping[str, str]) -> Group:
    return tuple(sorted(group.items()))


def _ours(row: ScoreRow | None) -> str:
    return "–" if row is None else "\n".join(filter(None, (percent(row["mean"]) + scored(row), spread(row))))


def _theirs(share: float | None) -> str:
    """Return the paper's number with the digits that it has there."""
    return "–" if share is None else f"{100 * share:.2f}"

"""A report: the sections that it is made of, from records to data to text."""

from collections.abc import Sequence

from ..evaluation.samples import Sample
from ..records import store
from ..records.verdict_types import Verdict
from . import comparison, gold_standard, matched, matched_text, text, verdicts
from .comparison import Comparison
from .gold_standard import Gold
from .matched import Matched
from .methods import Records
from .text import Section


class Report(Comparison):
    """Records beside each other, as data: what a report prints and what ``--json`` gives."""

    equal: Matched
    gold: Gold
    states: list[str]
    verdicts: dict[str, Verdict | None]


def data(records: Records, intervals: bool = True) -> Report:
    """Put records beside each other.

    Args:
        records: from ``store.load`` or ``Record.data``; at least one.
        intervals: give differences their intervals.

    Raises:
        DataError: the samples of a record are damaged.
    """
    names = comparison.labels(records)
    samples: Sequence[Sequence[Sample]] = [(store.samples(r) or []) if len(records) > 1 else [] for r in records]
    columns = comparison.curve_columns(records)
    return {
        **comparison.data(names, records, samples, intervals),
        "equal": matched.data(records, columns),
        "gold": gold_standard.data(names, records, samples, next(iter(columns), None), intervals),
        "states": verdicts.states(names, records),
        "verdicts": verdicts.data(names, records),
    }


def sections(report: Report, intervals: bool = False, pairs: bool = True) -> list[Section]:
    """Return the parts of a report, in order.

    Args:
        report: from ``data``.
        intervals: give each number its interval.
        pairs: give the differences between each two runs, where each is another method.
    """
    gold = report["gold"]
    # Over several runs of a method the table at equal forgetting says it; `--json` has each two runs.
    pairs = pairs and bool(report["paired"]) and all(method["n"] == 1 for method in report["equal"]["methods"])
    return [
        comparison.section(report, intervals, gold["names"], marks=pairs or bool(gold["distance"])),
        matched_text.section(report["equal"]),
        gold_standard.section(gold, intervals, len(report["runs"])),
        Section([comparison.pairs_table(report, intervals)] if pairs else [], [f"Note: {n}." for n in report["notes"]]),
        verdicts.section(report["verdicts"], report["states"]),
    ]


def render(records: Records, intervals: bool = False, width: int | None = None, pairs: bool = True) -> str:
    """Return the report of some records as text.

    Args:
        records: from ``store.load`` or ``Record.data``; at least one.
        intervals: as for ``sections``.
        width: in characters; by default the terminal's.
        pairs: as for ``sections``.

    Raises:
        DataError: the samples of a record are damaged.
    """
    return text.render(sections(data(records, intervals), intervals, pairs), width)

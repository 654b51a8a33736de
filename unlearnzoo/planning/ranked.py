"""Refuse a column whose rows have nothing to rank: all of it would end unscored, after the training."""

from collections.abc import Callable, Mapping, Sequence

from ..benchmark import Benchmark, Column
from ..errors import DataError
from ..evaluation.evaluator import select
from ..example import Example
from ..metric import Metric


def check_ranked(
    benchmark: Benchmark,
    evals: Sequence[Column],
    metrics: Mapping[str, Metric],
    examples: Callable[[str], Sequence[Example]],
) -> None:
    """Refuse columns over candidates where no row has a cloze sentence, its own value and another one.

    Args:
        benchmark: gives the candidates.
        evals: the columns of the run.
        metrics: full name → metric.
        examples: gives all rows of a split.

    Raises:
        DataError: names the column, its metric and what the rows lack.
    """
    gone = benchmark.forget_identities()
    for column in evals:
        if "candidates" not in metrics[column.metric].needs:
            continue
        if not any(_has_rivals(benchmark, item.example) for item in select([column], examples, gone)):
            raise DataError(
                f"column {column.name!r}: {column.metric} ranks a row's own value among those of other people, but no "
                f"row of {benchmark.name} that it asks has both a cloze sentence and another's value of the same "
                "attribute; add them to the data, or leave the metric out"
            )


def _has_rivals(benchmark: Benchmark, row: Example) -> bool:
    values = benchmark.candidates(row) if row.cloze else ()
    return len(values) > 1 and any(value in row.keywords for value in values)

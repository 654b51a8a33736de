"""One evaluated example: what was asked, what was answered, and each score; kept per run as parquet.

Aggregates can be made again from samples, with other groups or intervals, but not samples from aggregates.
A score that is absent was not asked for; NaN means that it was asked for and could not be given.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import DataError
from ..storage.atomic import atomic_write

if TYPE_CHECKING:
    import pyarrow as pa

#: The detail with the true answer's probability to the power of 1 / its tokens, wherever an answer was asked for.
TRUTH = "truth_probability"
_TEXTS = ("model", "split", "id", "identity", "question", "answer", "prediction")
#: Fields of a sample whose entries become columns, and the word for one entry.
_NESTED = {"tags": "tag", "scores": "score", "details": "detail"}


@dataclass(frozen=True)
class Sample:
    """An example as one state of the model answered it.

    Attributes:
        model: ``base``, ``target`` or ``unlearned``.
        id: of the example, unique in a split.
        tags: of the example: ``hop``, ``attribute``, ...
        answer: the true one.
        prediction: the greedy answer; None where no metric asked for one.
        scores: metric's full name → score in [0, 1]; NaN is unscored.
        details: what scores were made of: ``rank``, ``candidates``; ``truth_probability``: the true
            answer's, the geometric mean over its tokens, end token included.
    """

    model: str
    split: str
    id: str
    identity: str
    tags: Mapping[str, str]
    question: str
    answer: str
    prediction: str | None
    scores: Mapping[str, float]
    details: Mapping[str, float] = field(default_factory=dict)


def write_samples(path: Path, samples: Sequence[Sample]) -> None:
    """Write samples as parquet, one column per tag, score and detail; as a whole or not at all.

    Raises:
        RunError: the file cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    fields, columns = [], []
    for name in _TEXTS:
        fields.append(pa.field(name, pa.string(), metadata={"kind": "field", "name": name}))
        columns.append(pa.array([getattr(s, name) for s in samples], pa.string()))
    for kind, word in _NESTED.items():
        type_ = pa.string() if kind == "tags" else pa.float64()
        for name in sorted({n for s in samples for n in getattr(s, kind)}):
            taken = {f.name for f in fields}
            label = name if name not in taken else f"{name} ({word})"
            fields.append(pa.field(label, type_, metadata={"kind": kind, "name": name}))
            # Null is "absent" and NaN "unscored"; conversions by way of pandas lose that.
            columns.append(pa.array([getattr(s, kind).get(name) for s in samples], type_))
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_arrays(columns, schema=pa.schema(fields)), sink, write_page_checksum=True)
    atomic_write(path, sink.getvalue().to_pybytes())


def read_samples(path: Path) -> list[Sample]:
    """Read what ``write_samples`` wrote.

    Raises:
        DataError: there is no such file, or it holds no samples.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Neither Python's file objects nor threads: with them a process may abort when it ends
        # (https://github.com/apache/arrow/issues/34314; one in four, measured).
        table = pq.ParquetFile(pa.BufferReader(path.read_bytes()), page_checksum_verification=True).read(
            use_threads=False
        )
    except (OSError, pa.ArrowException) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(f"{path}: the samples cannot be read ({reason})") from None
    places = {name: _place(name, table.schema) for name in table.column_names}
    if lost := sorted(set(_TEXTS) - {name for kind, name in places.values() if kind == "field"}):
        raise DataError(f"{path}: these are no samples of a run; column {lost[0]!r} is missing")
    return [_sample(places, row) for row in table.to_pylist()]


def _place(column: str, schema: "pa.Schema") -> tuple[str, str]:
    """Return the kind of a column and its name in a sample; foreign columns have no kind."""
    metadata = schema.field(column).metadata or {}
    return metadata.get(b"kind", b"").decode(), metadata.get(b"name", b"").decode()


def _sample(places: Mapping[str, tuple[str, str]], row: Mapping[str, object]) -> Sample:
    values: dict[str, Any] = {kind: {} for kind in _NESTED}
    for column, (kind, name) in places.items():
        if kind == "field":
            values[name] = row[column]
        elif kind in _NESTED and row[column] is not None:
            values[kind][name] = row[column]
    return Sample(**values)

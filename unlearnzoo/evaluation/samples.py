"""One evaluated example: what was asked, what was answered, and each score; kept per run as parquet.

Aggregates can be made again from samples, with other groups or intervals, but not samples from aggregates.
A score that is absent was not asked for; NaN means that it was asked for and could not be given.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..data.problems import quoted
from ..errors import DataError, first_line
from ..example import OfPeople
from ..storage.atomic import atomic_write

if TYPE_CHECKING:
    import pyarrow as pa

#: The detail with the true answer's probability to the power of 1 / its tokens, wherever an answer was asked for.
TRUTH = "truth_probability"
_TEXTS = ("model", "split", "id", "identity", "question", "answer", "prediction")
#: The column of everybody whom a row is about; only in files that hold a row about several people.
_PEOPLE = "identities"
#: How far beyond 0 and 1 a score may lie by its arithmetic.
_ROUNDING = 1e-9
#: Fields of a sample whose entries become columns, and the word for one entry.
_NESTED = {"tags": "tag", "scores": "score", "details": "detail"}


@dataclass(frozen=True)
class Sample(OfPeople):
    """An example as one state of the model answered it.

    Attributes:
        model: ``base``, ``target`` or ``unlearned``.
        id: of the example, unique in a split.
        identity: of the example: whom it is about, for show where they are several.
        tags: of the example: ``hop``, ``attribute``, ...
        answer: the true one.
        prediction: the greedy answer; None where no metric asked for one.
        scores: metric's full name → score in [0, 1]; NaN is unscored.
        details: what scores were made of: ``rank``, ``candidates``; ``truth_probability``: the true
            answer's, the geometric mean over its tokens, end token included.
        identities: of the example: everybody whom it is about.
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
    identities: tuple[str, ...] = ()


def write_samples(path: Path, samples: Sequence[Sample]) -> None:
    """Write samples as parquet, as a whole or not at all.

    Raises:
        RunError: the file cannot be written.
    """
    atomic_write(path, as_parquet(samples))


def as_parquet(samples: Sequence[Sample]) -> bytes:
    """Return samples as the bytes of a parquet file, one column per tag, score and detail."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    fields, columns = [], []
    for name in _TEXTS:
        fields.append(pa.field(name, pa.string(), metadata={"kind": "field", "name": name}))
        columns.append(pa.array([getattr(s, name) for s in samples], pa.string()))
    if any(len(s.identities) > 1 for s in samples):
        type_ = pa.list_(pa.string())
        fields.append(pa.field(_PEOPLE, type_, metadata={"kind": "field", "name": _PEOPLE}))
        columns.append(pa.array([s.identities for s in samples], type_))
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
    return bytes(sink.getvalue().to_pybytes())


def read_samples(path: Path) -> list[Sample]:
    """Read what ``write_samples`` wrote.

    Raises:
        DataError: there is no such file, or it holds no samples.
    """
    from ..storage.parquet import parquet_batches

    found: list[Sample] = []
    try:
        for batch in parquet_batches(path, checksums=True):
            places = {name: _place(name, batch.schema) for name in batch.schema.names}
            if lost := sorted(set(_TEXTS) - {name for kind, name in places.values() if kind == "field"}):
                raise DataError(f"{path}: these are no samples of a run; column {lost[0]!r} is missing")
            found += _samples(path, places, batch.to_pylist())
    except OSError as error:
        raise DataError(f"{path}: cannot be read as parquet ({first_line(error)})") from None
    return found


def _samples(path: Path, places: Mapping[str, tuple[str, str]], rows: Sequence[Mapping[str, object]]) -> list[Sample]:
    try:
        return [_sample(places, row) for row in rows]
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def _place(column: str, schema: "pa.Schema") -> tuple[str, str]:
    """Return the kind of a column and its name in a sample; foreign columns have no kind."""
    metadata = schema.field(column).metadata or {}
    return metadata.get(b"kind", b"").decode("utf-8", "replace"), metadata.get(b"name", b"").decode("utf-8", "replace")


def _sample(places: Mapping[str, tuple[str, str]], row: Mapping[str, object]) -> Sample:
    values: dict[str, Any] = {kind: {} for kind in _NESTED}
    for column, (kind, name) in places.items():
        if kind == "field" and name in (*_TEXTS, _PEOPLE):
            values[name] = _everybody(row.get("id"), row[column]) if name == _PEOPLE else row[column]
        elif kind in _NESTED and row[column] is not None:
            values[kind][name] = row[column]
    _refuse_odd(values)
    return Sample(**values)


def _refuse_odd(values: Mapping[str, Any]) -> None:
    """Refuse what no run writes: every number of a report is made of these.

    Raises:
        DataError: naming the row, the column and the value.
    """
    texts = {name: values[name] for name in _TEXTS if name != "prediction" or values[name] is not None}
    texts |= values["tags"]
    numbers = {**values["scores"], **values["details"]}
    wrong = [(name, "no text", value) for name, value in texts.items() if not isinstance(value, str)]
    wrong += [(name, "no number", v) for name, v in numbers.items() if not isinstance(v, float) or math.isinf(v)]
    beyond = {name: v for name, v in values["scores"].items() if isinstance(v, float) and not math.isnan(v)}
    wrong += [(name, "no score from 0 to 1", v) for name, v in beyond.items() if not -_ROUNDING <= v <= 1 + _ROUNDING]
    if wrong:
        name, what, value = wrong[0]
        raise DataError(f"sample {quoted(values['id'])}: {quoted(name)} is {quoted(value)}, {what}")


def _everybody(row: object, cell: object) -> tuple[str, ...]:
    """Return the people in a cell of their column.

    Raises:
        DataError: it holds something else; who is forgotten would be a guess.
    """
    if not isinstance(cell, list) or not cell or not all(isinstance(person, str) for person in cell):
        raise DataError(f"sample {row!r}: {_PEOPLE} {cell!r} are no names")
    return tuple(cell)

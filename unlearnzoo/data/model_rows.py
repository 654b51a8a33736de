"""Rows that come with a model (replay, utility): parquet → examples, images opened on use."""

from pathlib import Path

from ..errors import DataError, first_line
from ..example import Example
from ..image import LazyImage
from ..storage import lfs
from ..storage.parquet import parquet_batches

COLUMNS = ("id", "identity", "image", "question", "answer", "keywords")
#: Bytes of all rows unpacked, pictures as files have them: they stay in memory.
_LARGEST = 4 << 30


def read(path: Path) -> list[Example]:
    """Read a model's rows; string columns beyond the required ones become tags.

    Raises:
        DataError: the file is missing, larger than is read, or lacks a column.
    """
    if told := lfs.told([path]):
        raise DataError(told)
    examples: list[Example] = []
    try:
        for batch in parquet_batches(path, rows=64, most=_LARGEST):
            names = batch.schema.names
            if missing := [column for column in COLUMNS if column not in names]:
                raise DataError(f"{path}: column {missing[0]!r} is missing; needed are {', '.join(COLUMNS)}")
            rows = enumerate(batch.to_pylist(), len(examples))
            examples += [_example(row, f"{path.name} row {number}") for number, row in rows]
    except OSError as error:
        raise DataError(f"{path}: cannot be read as parquet ({first_line(error)})") from None
    return examples


def _example(row: dict, where: str) -> Example:
    data = (row["image"] or {}).get("bytes")
    tags = {k: v for k, v in row.items() if isinstance(v, str) and k not in (*COLUMNS, "cloze_prompt")}
    return Example(
        id=row["id"],
        identity=row["identity"],
        question=row["question"],
        answer=row["answer"],
        images=(LazyImage(lambda: data, where),) if data else (),
        keywords=tuple(row["keywords"]),
        tags=tags,
        cloze=row.get("cloze_prompt") or None,
    )

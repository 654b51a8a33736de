"""Rows that come with a model (replay, utility): parquet → examples, images opened on use."""

from pathlib import Path

from ..errors import DataError
from ..example import Example
from ..image import LazyImage
from ..storage import lfs

COLUMNS = ("id", "identity", "image", "question", "answer", "keywords")


def read(path: Path) -> list[Example]:
    """Read a model's rows; string columns beyond the required ones become tags.

    Raises:
        DataError: the file is missing or lacks a column.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if told := lfs.told([path]):
        raise DataError(told)
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(f"{path}: cannot be read as parquet ({error})") from None
    missing = [c for c in COLUMNS if c not in table.column_names]
    if missing:
        raise DataError(f"{path}: column {missing[0]!r} is missing; needed are {', '.join(COLUMNS)}")
    rows = table.to_pylist()
    return [_example(row, f"{path.name} row {i}") for i, row in enumerate(rows)]


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

"""Parquet within bounds: a file of some KB can stand for gigabytes, and for rows without end.

A value that many rows share is stored once, and a run of equal values is a number. So the file's own count of values is
looked at before anything is read, and texts are unpacked only when it is known what they take.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DataError, first_line
from ..terminal import printable

if TYPE_CHECKING:
    from pyarrow import Array, DataType, RecordBatch
    from pyarrow.parquet import ParquetFile

#: Values (rows times columns, elements of lists each), and bytes of what is unpacked.
MOST_VALUES, LARGEST = 10_000_000, 512 << 20
#: Parts of a file (row groups times columns), which are looked at one by one.
MOST_PARTS = 50_000
#: Bytes that a batch may take unpacked.
_BATCH = 64 << 20
#: Bytes of a column that are read at a time.
_BUFFER = 1 << 20
#: Bytes behind a footer: its length, and the mark of the format.
_END = 8
#: What pyarrow says of zeros in the place of a page.
_NO_PAGE = "Deserializing page header failed"


def parquet_batches(
    path: Path, columns: Sequence[str] | None = None, rows: int = 1024, most: int = LARGEST, checksums: bool = False
) -> "Iterator[RecordBatch]":
    """Yield a parquet file as batches of rows, one after another and never whole; of no rows one that is empty.

    Args:
        path: of the file.
        columns: names; None for all.
        rows: of a batch, at most.
        most: bytes that all of it may take unpacked.
        checksums: compare those of pages, where the file has any.

    Raises:
        DataError: the file is no parquet, damaged, or beyond a bound; names it and the number.
        OSError: it is not there, or the disk failed.
    """
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    how = {"buffer_size": _BUFFER, "pre_buffer": False, "page_checksum_verification": checksums}
    if path.exists() and not path.is_file():
        raise DataError(f"{path}: no plain file")  # opening a pipe would wait for ever
    try:
        # Neither Python's file objects nor threads: with them a process may abort when it ends
        # (https://github.com/apache/arrow/issues/34314; one in four, measured).
        with ParquetFile(path, **how) as file:
            _refuse_parts(path, file)
            _refuse_contradictions(path, columns)
            packed, at_once = _looked_at(path, file, columns)
        with ParquetFile(path, read_dictionary=packed, **how) as file:
            plain, unpacked = pa.schema([f.with_type(_plain(f.type)) for f in file.schema_arrow]), 0
            if not file.metadata.num_rows:
                yield pa.RecordBatch.from_pylist([], plain)
            for batch in _batches(file, min(rows, at_once), columns):
                batch.validate(full=True)  # texts that are no UTF-8, and indices that lead elsewhere
                size = sum(map(_size, batch.columns))
                unpacked += size
                if unpacked > most:
                    raise DataError(
                        f"{path}: the file has {path.stat().st_size:,} bytes and takes more than {most >> 20:,} MB "
                        "unpacked; give fewer rows or shorter values"
                    )
                length = max(1, batch.num_rows * _BATCH // max(1, size))
                for start in range(0, batch.num_rows, length):
                    yield batch.slice(start, length).cast(pa.schema([plain.field(n) for n in batch.schema.names]))
    except DataError:
        raise  # it has said all
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:  # names that are no UTF-8 among them
        if isinstance(error, OSError) and error.errno:
            raise
        raise DataError(f"{path}: cannot be read as parquet ({printable(first_line(error)[:200])})") from None


def _batches(file: "ParquetFile", rows: int, columns: Sequence[str] | None) -> "Iterator[RecordBatch]":
    """Yield batches of one row group each: pyarrow joins no packed texts in lists and structs of two."""
    for group in range(file.num_row_groups):
        yield from file.iter_batches(rows, [group], columns, use_threads=False)


def _refuse_parts(path: Path, file: "ParquetFile") -> None:
    """Refuse a file of more parts than are looked at one by one."""
    if (parts := file.metadata.num_row_groups * file.metadata.num_columns) > MOST_PARTS:
        raise DataError(
            f"{path}: {parts:,} parts (row groups times columns), of which {MOST_PARTS:,} are read; "
            "write it with larger row groups"
        )


def _refuse_contradictions(path: Path, columns: Sequence[str] | None) -> None:
    """Refuse a footer that contradicts itself, of which ``row_group(i).column(j)`` would end the process.

    pyarrow's reader raises instead, but would read on. So it is given the footer alone, with zeros for pages: where
    the footer is sound, the first page is what it cannot read.

    Raises:
        OSError: what pyarrow says of it.
    """
    import mmap

    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    size = path.stat().st_size
    zeros = mmap.mmap(-1, size)  # takes no memory where nothing is written
    with path.open("rb") as content:
        content.seek(size - _END)
        start = size - _END - int.from_bytes(content.read(4), "little")
        content.seek(start)
        zeros[start:] = content.read(size - start)
    with ParquetFile(pa.py_buffer(zeros), pre_buffer=False) as hollow:
        for group in range(hollow.num_row_groups):
            try:
                next(hollow.iter_batches(1, [group], columns, use_threads=False), None)
            except OSError as error:
                if _NO_PAGE not in str(error):
                    raise


def _looked_at(path: Path, file: "ParquetFile", columns: Sequence[str] | None) -> tuple[list[str], int]:
    """Refuse by the file's own numbers; return the columns that are read packed, and how many rows fit into a batch.

    Raises:
        DataError: it has more values than are read.
    """
    about = file.metadata
    values, largest, packed = 0, 1, set()
    for group in map(about.row_group, range(about.num_row_groups)):
        for place in range(about.num_columns):
            column = file.schema.column(place)
            if columns is not None and column.path.partition(".")[0] not in columns:
                continue
            part = group.column(place)
            values += max(part.num_values, group.num_rows)
            # A picture per row is not packed: all of a row group would be held together. They come few at a time.
            few = column.logical_type.type != "STRING" and not column.max_repetition_level
            if part.physical_type == "BYTE_ARRAY" and not few and "DELTA_BYTE_ARRAY" not in part.encodings:
                packed.add(part.path_in_schema)
            elif part.physical_type.endswith("BYTE_ARRAY"):
                largest = max(largest, part.total_uncompressed_size)  # no value is larger
                if column.max_repetition_level:
                    raise DataError(f"{path}: column {part.path_in_schema!r} is encoded in a way that is not read")
    if values > MOST_VALUES:
        raise DataError(
            f"{path}: {about.num_rows:,} rows of {values:,} values, of which {MOST_VALUES:,} are read; give fewer rows"
        )
    return sorted(packed), max(1, _BATCH // largest)


def _size(array: "Array") -> int:
    """Return the bytes of a column's values once they are unpacked."""
    import pyarrow as pa
    from pyarrow import compute, types

    if isinstance(array, pa.DictionaryArray):
        if array.type.value_type not in (pa.string(), pa.large_string(), pa.binary(), pa.large_binary()):
            return len(array) * max(8, array.dictionary.nbytes)
        lengths = compute.binary_length(array.dictionary).cast(pa.int64())
        return len(array) * 4 + (compute.sum(lengths.take(array.indices)).as_py() or 0)
    if types.is_struct(array.type):
        return sum(map(_size, array.flatten()))
    if types.is_list(array.type) or types.is_large_list(array.type):
        return 4 * len(array) + _size(array.flatten())
    return int(array.nbytes)


def _plain(kind: "DataType") -> "DataType":
    """Return a type without dictionaries, at any depth."""
    import pyarrow as pa
    from pyarrow import types

    if types.is_dictionary(kind):
        return _plain(kind.value_type)
    if types.is_list(kind):
        return pa.list_(_plain(kind.value_type))
    if types.is_large_list(kind):
        return pa.large_list(_plain(kind.value_type))
    if types.is_struct(kind):
        return pa.struct([field.with_type(_plain(field.type)) for field in kind])
    return kind

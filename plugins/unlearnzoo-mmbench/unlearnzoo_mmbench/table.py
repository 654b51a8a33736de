"""Open MMBench: the public TSV, a parquet file or a data set of the hub, all memory-mapped and undecoded."""

import contextlib
import csv
import itertools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from unlearnzoo import DataError, OptionError, first_line, parquet_batches

if TYPE_CHECKING:
    from datasets import Dataset

NEEDED = ("index", "question", "answer", "image", "A", "B")
#: Bytes of a parquet file unpacked; so many times what it has on the disk, if that is more.
LARGEST, SWELL = 1 << 30, 100
#: Bytes of the line of names, and of a row with its image.
LONGEST_HEAD, LONGEST_LINE = 1 << 20, 64 << 20
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def open_table(data: str | None, split: str | None) -> tuple["Dataset", str | None]:
    """Open the rows, images as they are stored.

    Returns:
        The rows, and the split that is still to be taken from them: a file has a column for it.

    Args:
        data: a ``.tsv`` or ``.parquet`` file, or ``owner/name`` on the hub.
        split: as the user named it.

    Raises:
        OptionError: no file is named.
        DataError: it is not there, cannot be read, or lacks a column.
    """
    if not data:
        raise OptionError("mmbench.data is not set; name the file: --set mmbench.data=mmbench_dev.tsv")
    path = Path(data).expanduser()
    if path.is_file():
        table, rest = _from_file(data, path), split
    elif path.suffix in (".tsv", ".parquet") or not _HUB_ID.fullmatch(data):
        raise DataError(f"mmbench.data={data}: no such file (a data set on the hub is owner/name)")
    else:
        table, rest = _from_hub(data, split), None
    _check_columns(data, table.column_names)
    return _undecoded(table), rest


def _from_file(data: str, path: Path) -> "Dataset":
    from datasets import Dataset, Features, Value
    from datasets.exceptions import DatasetsError
    from pyarrow import ArrowException

    from unlearnzoo import cache_folder

    where = str(cache_folder("datasets"))
    _refuse_swelling(data, path)
    try:
        with _no_bars():
            if path.suffix == ".parquet":
                return Dataset.from_parquet(str(path), cache_dir=where)
            if path.suffix != ".tsv":
                raise DataError(f"mmbench.data={data}: the name must end in .tsv or .parquet; it says how it is read")
            with path.open(encoding="utf-8-sig", newline="") as file:
                names = next(csv.reader(file, delimiter="\t"), [])
            _check_columns(data, names)
            # Texts as they stand: pandas would take "None" and "NA" for nothing. Few rows at a time: images are long.
            texts = Features(dict.fromkeys(names, Value("string")))
            return Dataset.from_csv(
                str(path), cache_dir=where, features=texts, sep="\t", keep_default_na=False, chunksize=200
            )
    except (DatasetsError, ArrowException, ValueError, csv.Error) as error:
        raise DataError(f"mmbench.data={data}: cannot be read ({_shown(error.__cause__ or error)})") from None


def _refuse_swelling(data: str, path: Path) -> None:
    """Refuse what would fill memory or cache: whole files are copied there, unpacked.

    Raises:
        DataError: a parquet file of too many values, or that unpacks to too much; a TSV with an endless line.
    """
    if path.suffix == ".parquet":
        for _ in parquet_batches(path, rows=16, most=max(LARGEST, SWELL * path.stat().st_size)):
            pass
        return
    with path.open("rb") as file:
        longest = LONGEST_HEAD
        for number in itertools.count(1):
            if len(line := file.readline(longest + 1)) > longest:
                raise DataError(
                    f"mmbench.data={data}: line {number} is longer than {longest:,} bytes; is it a TSV of MMBench?"
                )
            if not line:
                return
            longest = LONGEST_LINE


def _from_hub(name: str, split: str | None) -> "Dataset":
    from datasets import load_dataset

    try:
        found = load_dataset(name)
    except Exception as error:  # noqa: BLE001 - the hub client raises a dozen unrelated types
        raise DataError(
            f"mmbench.data={name}: no such file here, and the hub of Hugging Face could not be read "
            f"({type(error).__name__}: {_shown(error)}); give the TSV itself"
        ) from None
    if split is None and len(found) == 1:
        split = next(iter(found))
    if split not in found:
        raise OptionError(f"--set mmbench.split={split or 'SPLIT'}: {name} has {', '.join(sorted(found))}")
    return found[split]


def _check_columns(data: str, names: Sequence[str]) -> None:
    if missing := [name for name in NEEDED if name not in names]:
        shown = ", ".join(ascii(name)[1:-1] for name in names)[:200] or "none"
        raise DataError(f"mmbench.data={data}: no column {', '.join(missing)}; it has {shown}")


def _undecoded(table: "Dataset") -> "Dataset":
    from datasets import Image

    is_image = isinstance(table.features["image"], Image)
    return table.cast_column("image", Image(decode=False)) if is_image else table


def _no_bars() -> contextlib.AbstractContextManager[object]:
    """Keep ``datasets`` from drawing progress bars over seconds of work."""
    from datasets.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    if are_progress_bars_disabled():
        return contextlib.nullcontext()
    disable_progress_bars()
    stack = contextlib.ExitStack()
    stack.callback(enable_progress_bars)
    return stack


def _shown(error: BaseException) -> str:
    return ascii(first_line(error)[:200])[1:-1]

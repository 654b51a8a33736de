"""Open a ReMem data set: the generated one, any folder like it and the hub's, in one way.

All end as `datasets.Dataset` with undecoded images, memory-mapped: the published set is 9.5 GB.
Local files go through `Dataset.from_parquet`, because `load_dataset` reports each use of a local
file to the hub, and the default benchmark is to work without a network.
"""

import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from unlearnzoo import DataError
from unlearnzoo_remem.problems import Problems

if TYPE_CHECKING:
    from datasets import Dataset

COLUMNS = (
    "image",
    "question",
    "answer",
    "keywords",
    "question_type",
    "qa_category",
    "attribute",
    "cloze_prompt",
    "image_path",
)
NEEDED = ("finetune", "retain", "test")
PUBLISHED = ("forget1", "forget2", "forget3", "forget4")

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_FILE = re.compile(r"(?P<split>\w+?)(-\d{5}-of-\d{5})?\.parquet")


def open_splits(data: str) -> Mapping[str, "Dataset"]:
    """Open the splits of a folder or of a data set on the Hugging Face hub.

    Args:
        data: a folder with ``data/<split>-*.parquet`` (or the files themselves), or ``owner/name``.

    Raises:
        DataError: there is no such folder, the hub cannot be read, or splits or columns are
            missing: all of them are named.
        OSError: the cache cannot be written.
    """
    folder = Path(data).expanduser()
    if folder.is_dir():
        found = _from_folder(folder)
    elif folder.exists():
        raise DataError(f"remem.data={data}: a file; give the folder that holds its parquet files")
    elif _HUB_ID.fullmatch(data):
        found = _from_hub(data)
    else:
        raise DataError(f"remem.data={data}: no such folder (a data set on the hub is owner/name)")
    _check_columns(data, found)
    return {split: _undecoded(data, split, dataset) for split, dataset in found.items()}


def _from_folder(folder: Path) -> dict[str, "Dataset"]:
    from datasets import Dataset
    from datasets.exceptions import DatasetsError
    from pyarrow import ArrowException

    from unlearnzoo.cache import folder as cache_folder

    files: dict[str, list[str]] = {}
    for path in sorted((folder / "data").glob("*.parquet")) or sorted(folder.glob("*.parquet")):
        if match := _FILE.fullmatch(path.name):
            files.setdefault(match["split"], []).append(str(path))
    found = {}
    for split in (*NEEDED, *PUBLISHED):
        if split in files:
            try:
                with no_bars():
                    found[split] = Dataset.from_parquet(
                        files[split], cache_dir=str(cache_folder("datasets"))
                    )
            except (DatasetsError, ArrowException, ValueError) as error:
                cause = error.__cause__ or error
                if isinstance(cause, OSError) and cause.errno:
                    raise cause from None  # the disk failed, not the file
                raise DataError(
                    f"{files[split][0]}: no readable parquet file ({_first_line(cause)})"
                ) from None
    return found


def _from_hub(name: str) -> dict[str, "Dataset"]:
    from datasets import load_dataset

    try:
        loaded = load_dataset(name)
    except Exception as error:  # noqa: BLE001 - the hub client raises a dozen unrelated types
        raise DataError(
            f"remem.data={name}: no such folder here, and the hub of Hugging Face could not be "
            f"read ({type(error).__name__}: {_first_line(error)}); check the network, "
            "HF_HUB_OFFLINE and the spelling, or give a local copy"
        ) from None
    return {split: loaded[split] for split in (*NEEDED, *PUBLISHED) if split in loaded}


def _check_columns(data: str, found: Mapping[str, "Dataset"]) -> None:
    problems = Problems(data)
    for split in NEEDED:
        if split not in found:
            has = ", ".join(sorted(found)) or "none"
            problems.add(f"no split {split!r} (data/{split}-*.parquet); it has {has}")
    for split, dataset in found.items():
        if missing := [c for c in COLUMNS if c not in dataset.column_names]:
            problems.add(
                f"split {split} has no column {', '.join(missing)}; "
                f"it has {', '.join(dataset.column_names)}"
            )
    problems.stop()


def _undecoded(data: str, split: str, dataset: "Dataset") -> "Dataset":
    from datasets import Image

    try:
        return dataset.select_columns(list(COLUMNS)).cast_column("image", Image(decode=False))
    except (ValueError, TypeError) as error:
        raise DataError(
            f"{data}: split {split}: column image holds no images ({_first_line(error)})"
        ) from None


@contextlib.contextmanager
def no_bars() -> Iterator[None]:
    """Keep `datasets` from drawing progress bars over seconds of work."""
    from datasets.utils import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    before = are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    finally:
        if not before:
            enable_progress_bars()


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]

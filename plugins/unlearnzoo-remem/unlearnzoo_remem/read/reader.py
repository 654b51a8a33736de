"""Open a ReMem data set: the generated one, any folder like it and the hub's, in one way.

Parquet is streamed: the texts are read whole, the pictures a few at a time, because the published
set is 9.5 GB. Nothing is mapped into memory either, where pages that were touched count as used.
"""

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from unlearnzoo import DataError, Problems, first_line, parquet_batches
from unlearnzoo_remem.read.names import some

if TYPE_CHECKING:
    from pyarrow import DataType, RecordBatch, Schema

TEXTS = ("question", "answer", "keywords", "question_type", "qa_category", "attribute", "cloze_prompt", "image_path")
COLUMNS = ("image", *TEXTS)
NEEDED = ("finetune", "retain", "test")
PUBLISHED = ("forget1", "forget2", "forget3", "forget4")

#: Pictures in memory at once.
BATCH = 4
#: Bytes of a file unpacked: of its texts, and of its pictures so many times what it has on the disk, if that is more.
LARGEST, SWELL = 512 << 20, 100
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_FILE = re.compile(r"(?P<split>\w+?)(-\d{5}-of-(?P<of>\d{5}))?\.parquet")


@dataclass(frozen=True)
class Split:
    """The parquet files of one split.

    Attributes:
        name: as in the file names.
        files: in order.
        missing: columns that it lacks, or has with values that are something else.
    """

    name: str
    files: tuple[Path, ...]
    missing: frozenset[str] = frozenset()

    def texts(self) -> dict[str, list[str | None]]:
        """Return the text columns that it has, as they are (None, too)."""
        columns = [c for c in TEXTS if c not in self.missing]
        found: dict[str, list[str | None]] = {c: [] for c in columns}
        for batch in self._batches(columns, 1024):
            for column in columns:
                found[column] += batch.column(column).to_pylist()
        return found

    def images(self) -> Iterator[bytes]:
        """Yield the encoded image of each row, empty where none is embedded.

        A path in its place is not followed: data name no files.
        """
        for batch in self._batches(["image"], BATCH):
            for value in batch.column("image").to_pylist():
                yield (value.get("bytes") if isinstance(value, dict) else value) or b""

    def _batches(self, columns: list[str], size: int) -> Iterator["RecordBatch"]:
        for path in self.files:
            # Pictures are not kept, and rows may share one; texts are all in memory.
            most = max(LARGEST, SWELL * path.stat().st_size) if columns == ["image"] else LARGEST
            yield from parquet_batches(path, columns, size, most)


def open_splits(data: str, problems: Problems) -> Mapping[str, Split]:
    """Find the splits of a folder or of a data set on the Hugging Face hub.

    Args:
        data: a folder with ``data/<split>-*.parquet`` (or the files themselves), or ``owner/name``.
        problems: where unreadable files and missing splits, files and columns are noted.

    Raises:
        DataError: there is no such folder, or the hub cannot be read.
    """
    folder = _folder(data)
    files: dict[str, list[Path]] = {}
    for path in sorted((folder / "data").glob("*.parquet")) or sorted(folder.glob("*.parquet")):
        if match := _FILE.fullmatch(path.name):
            files.setdefault(match["split"], []).append(path)
    for name in NEEDED:
        if name not in files:
            has = some(sorted(files)) or "none"
            text = f"no split {name!r} (data/{name}-*.parquet); it has {has}"
            problems.add(text, kind="missing splits")
    wanted = {name: files[name] for name in (*NEEDED, *PUBLISHED) if name in files}
    return {name: _split(name, paths, problems) for name, paths in wanted.items()}


def _folder(data: str) -> Path:
    folder = Path(data).expanduser()
    if folder.is_dir():
        return folder
    if folder.exists():
        raise DataError(f"remem.data={data}: a file; give the folder that holds its parquet files")
    if _HUB_ID.fullmatch(data):
        return _from_hub(data)
    raise DataError(f"remem.data={data}: no such folder (a data set on the hub is owner/name)")


def _from_hub(name: str) -> Path:
    """Fetch what is not in the hub's own cache yet; a folder named after the revision."""
    import huggingface_hub

    patterns = [f"data/{split}-*.parquet" for split in (*NEEDED, *PUBLISHED)]
    try:
        return Path(huggingface_hub.snapshot_download(name, repo_type="dataset", allow_patterns=patterns))
    except Exception as error:  # noqa: BLE001 - the hub client raises a dozen unrelated types
        raise DataError(
            f"remem.data={name}: no such folder here, and the hub of Hugging Face could not be "
            f"read ({type(error).__name__}: {first_line(error)[:200]}); check the network, "
            "HF_HUB_OFFLINE and the spelling, or give a local copy"
        ) from None


def _split(name: str, paths: list[Path], problems: Problems) -> Split:
    """Look at the schemas of a split's files."""
    parts = {int(match["of"]) for p in paths if (match := _FILE.fullmatch(p.name)) and match["of"]}
    if parts and parts != {len(paths)}:
        problems.add(f"split {name} has {len(paths)} of {max(parts)} files; fetch the others", kind="incomplete splits")
    usable, missing = [], set()
    for path in paths:
        schema = _schema(path, problems)
        if schema is not None:
            usable.append(path)
            missing |= _unfit(f"split {name}", schema, problems)
    return Split(name, tuple(usable), frozenset(missing if usable else COLUMNS))


def _schema(path: Path, problems: Problems) -> "Schema | None":
    from pyarrow import ArrowException
    from pyarrow.parquet import read_schema

    try:
        return read_schema(path)
    except (ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise  # the disk failed, not the file
        with path.open("rb") as file:
            pointer = file.read(23) == b"version https://git-lfs"
        why = "a pointer of Git LFS; run `git lfs pull`" if pointer else first_line(error)[:200]
        problems.add(f"{path}: no readable parquet file ({why})", kind="unreadable files")
        return None


def _unfit(where: str, schema: "Schema", problems: Problems) -> set[str]:
    """Note the columns that are missing or hold something else; return them."""
    missing = [c for c in COLUMNS if c not in schema.names]
    if missing:
        problems.add(f"{where} has no column {', '.join(missing)}; it has {some(schema.names)}", kind="missing columns")
    wrong = [c for c in COLUMNS if c not in missing and not _fits(c, schema.field(c).type)]
    for column in wrong:
        expected = "images (bytes embedded)" if column == "image" else "strings"
        text = f"{where}: column {column} holds {schema.field(column).type}; expected {expected}"
        problems.add(text, kind="columns of another type")
    return {*missing, *wrong}


def _fits(column: str, kind: "DataType") -> bool:
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    if column == "image":
        if types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
            kind = kind.field("bytes").type
        return bool(types.is_binary(kind) or types.is_large_binary(kind))
    if column == "keywords" and (types.is_list(kind) or types.is_large_list(kind)):
        kind = kind.value_type
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


@contextlib.contextmanager
def no_bars() -> Iterator[None]:
    """Keep `datasets` from drawing progress bars over seconds of work."""
    from datasets.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    before = are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    finally:
        if not before:
            enable_progress_bars()

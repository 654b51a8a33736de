"""One pass over all images: each is an image, one path is one image, and a hash of it all.

Gigabytes for the published set, so the outcome is kept, keyed by the files that were read.
"""

import hashlib
import io
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unlearnzoo.cache import folder
from unlearnzoo_remem.problems import Problems

if TYPE_CHECKING:
    from datasets import Dataset

#: Raise it whenever the checks change, so that outcomes of older ones do not count.
VERSION = 1
BATCH = 32


def check_content(label: str, splits: Mapping[str, "Dataset"]) -> str:
    """Return the hash of all strings and encoded images, once their images have been checked.

    Raises:
        DataError: naming the rows whose image is missing or broken, and those that give a path
            another image than an earlier row did.
    """
    kept = folder("remem", "checked") / f"{_key(splits)}.txt"
    if kept.exists():
        return kept.read_text(encoding="ascii")
    problems = Problems(label)
    found = _hash(splits, problems)
    problems.stop()
    _write(kept, found)
    return found


def _hash(splits: Mapping[str, "Dataset"], problems: Problems) -> str:
    total = hashlib.sha256()
    first: dict[str, tuple[str, str]] = {}  # image_path → hash of its image, and the row it is from
    looked_at: set[str] = set()
    for split, dataset in splits.items():
        for number, row in enumerate(_rows(dataset)):
            where = f"split {split} row {number}"
            content = (row.pop("image") or {}).get("bytes") or b""
            digest = hashlib.sha256(content).hexdigest()
            earlier, whose = first.setdefault(row["image_path"], (digest, where))
            if digest != earlier:
                problems.add(
                    f"{where}: image_path {row['image_path']!r} is another image than "
                    f"in {whose}; a path must name one image"
                )
            if digest not in looked_at and (error := _broken(content)):
                problems.add(f"{where}: {error}")
            looked_at.add(digest)
            total.update(json.dumps([split, row, digest], sort_keys=True).encode())
    return total.hexdigest()


def _rows(dataset: "Dataset") -> Any:
    for batch in dataset.iter(BATCH):
        for values in zip(*batch.values(), strict=True):
            yield dict(zip(batch, values, strict=True))


def _broken(content: bytes) -> str | None:
    """Say what is wrong with an encoded image; checksums and headers only, without decoding it."""
    from PIL import Image

    if not content:
        return "no image is embedded in the row"
    try:
        Image.open(io.BytesIO(content)).verify()
    except Exception as error:  # noqa: BLE001 - PIL raises SyntaxError, OSError and more
        return f"the image is corrupt ({str(error).splitlines()[0][:120]})"
    return None


def _key(splits: Mapping[str, "Dataset"]) -> str:
    """Hash the names, sizes and times of the memory-mapped files, and which rows are meant."""
    paths = [Path(file["filename"]) for dataset in splits.values() for file in dataset.cache_files]
    files = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in paths]
    rows = [(split, len(dataset)) for split, dataset in splits.items()]
    return hashlib.sha256(json.dumps([VERSION, files, rows]).encode()).hexdigest()[:32]


def _write(path: Path, text: str) -> None:
    """Write at once, so that another process reads all of it or nothing."""
    with tempfile.TemporaryDirectory(dir=path.parent) as part:
        file = Path(part, path.name)
        file.write_text(text, encoding="ascii")
        file.replace(path)

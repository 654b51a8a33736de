"""One pass over all images: each is an image, one path is one image, and a hash of it all.

The pass is over gigabytes for the published set, so it is made once for the files as they are. It
leaves every distinct image in one flat file, from which a row's image is read when it is used:
parquet cannot give one row without its whole row group.
"""

import contextlib
import hashlib
import json
import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from unlearnzoo import DataError, LazyImage, Problems, build_once, cache_folder, content_key
from unlearnzoo_remem.read.reader import Split

#: Raise it whenever the checks change, so that outcomes of older ones do not count.
VERSION = 3
IMAGES, INDEX = "images.bin", "index.json"
#: From here on the first pass takes long enough to be announced.
_MANY = 200 << 20

log = logging.getLogger(__name__)
Texts = Mapping[str, Mapping[str, Sequence[str | None]]]


@dataclass(frozen=True)
class Stored:
    """An encoded image in the flat file: where it is, and the SHA-256 of its bytes."""

    file: Path
    offset: int
    length: int
    digest: str

    def read(self) -> bytes:
        """Return the bytes.

        Raises:
            OSError: the file is gone (the cache was emptied) or cut short.
        """
        with self.file.open("rb") as file:
            file.seek(self.offset)
            found = file.read(self.length)
        if len(found) != self.length:
            raise OSError(f"{self.file} is cut short")
        return found


@dataclass(frozen=True)
class Content:
    """The outcome of the pass.

    Attributes:
        fingerprint: hash of all strings and encoded images.
        images: split → the image of each row.
    """

    fingerprint: str
    images: Mapping[str, Sequence[Stored]]


def check_content(splits: Mapping[str, Split], texts: Texts, problems: Problems) -> Content:
    """Check the images of some splits, or look up that they were checked.

    Args:
        splits: those whose images count.
        texts: their text columns.
        problems: where rows are noted whose image is missing or broken, or is another than an
            earlier row gave the same path. If there are any, from before or now, nothing is kept.

    Raises:
        DataError: there are problems, or the cache has no room for the images.
        OSError: the cache cannot be written.
    """
    if len(problems):
        _pass(splits, texts, problems, None)
        problems.stop()
    home = cache_folder("remem", "images")

    def write(folder: Path) -> None:
        _announce(splits, problems.label, home)
        with (folder / IMAGES).open("wb") as file:
            found = _pass(splits, texts, problems, file)
        problems.stop()
        (folder / INDEX).write_text(json.dumps(found), encoding="utf-8")

    # By the number of bytes, not by checksums: the published set is 9.5 GB.
    place = build_once(home / _key(splits), write, lambda folder: _kept(folder) is not None)
    if (content := _kept(place)) is None:
        raise OSError(f"{place} was changed while it was in use")
    return content


def _pass(splits: Mapping[str, Split], texts: Texts, problems: Problems, sink: BinaryIO | None) -> dict[str, object]:
    """Read every image once; write the distinct ones one after another."""
    total = hashlib.sha256()
    first: dict[str, tuple[str, str]] = {}  # image_path → hash of its image, and the row it is from
    at: dict[str, int] = {}  # hash of an image → its number
    broken: dict[str, str | None] = {}
    where_of: list[tuple[int, int, str]] = []
    rows: dict[str, list[int]] = {name: [] for name in splits}
    end = 0
    for name, number, content in _images(splits):
        where = f"split {name} row {number}"
        digest = hashlib.sha256(content).hexdigest()
        row = {column: values[number] for column, values in texts[name].items()}
        _same_path(row.get("image_path"), digest, where, first, problems)
        if digest not in at:
            at[digest], broken[digest] = len(at), _broken(content)
            where_of.append((end, len(content), digest))
            end += len(content)
            if sink:
                sink.write(content)
        if error := broken[digest]:
            problems.add(error, where, "rows without a readable image")
        rows[name].append(at[digest])
        total.update(json.dumps([name, row, digest], sort_keys=True).encode())
    return {"fingerprint": total.hexdigest(), "bytes": end, "images": where_of, "rows": rows}


def _images(splits: Mapping[str, Split]) -> Iterator[tuple[str, int, bytes]]:
    for name, split in splits.items():
        if "image" not in split.missing:
            for number, content in enumerate(split.images()):
                yield name, number, content


def _same_path(
    path: str | None, digest: str, where: str, first: dict[str, tuple[str, str]], problems: Problems
) -> None:
    if path is None:
        return
    earlier, whose = first.setdefault(path, (digest, where))
    if digest != earlier:
        text = f"image_path {path!r} is another image than in {whose}; a path must name one image"
        problems.add(text, where, "paths of two images")


def _broken(content: bytes) -> str | None:
    """Say what is wrong with an encoded image, without decoding it: that takes an hour for 9.5 GB."""
    if not content:
        return "no image is embedded in the row"
    wrong = LazyImage(lambda: content, "").problem()
    return f"the image {wrong}" if wrong else None


def _kept(place: Path) -> Content | None:
    """Read what an earlier pass left; None if there is nothing, or it is damaged."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, IndexError):
        found = json.loads((place / INDEX).read_text(encoding="utf-8"))
        if (place / IMAGES).stat().st_size == found["bytes"]:
            stored = [Stored(place / IMAGES, *one) for one in found["images"]]
            rows = {name: [stored[i] for i in numbers] for name, numbers in found["rows"].items()}
            return Content(found["fingerprint"], rows)
    return None


def _announce(splits: Mapping[str, Split], label: str, home: Path) -> None:
    size = sum(path.stat().st_size for split in splits.values() for path in split.files)
    if size > shutil.disk_usage(home).free:
        raise DataError(
            f"{label}: {size / 1e9:.1f} GB of images do not fit into the cache {home}; make room, "
            "or set UNLEARNZOO_CACHE to another folder"
        )
    if size > _MANY:
        log.warning("%s: reading and checking %.1f GB, once", label, size / 1e9)


def _key(splits: Mapping[str, Split]) -> str:
    """Hash the names, sizes and times of the files (of the hub: of blobs named by content)."""
    files = [
        (name, str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns)
        for name, split in splits.items()
        for path in split.files
    ]
    return content_key([VERSION, files], 32)

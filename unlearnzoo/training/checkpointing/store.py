"""What a killed run goes on from: numbered positions in a folder, each whole, checksummed, the last two kept.

A position is a JSON file that names the files it stands on, with their SHA-256; it is written after
them. Nothing is ever unpickled. Which is the newest is told by its number, never by a clock.
"""

import json
import re
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypedDict

import msgspec

from ...errors import CheckpointWarning
from ...storage.atomic import atomic_path, atomic_write, file_hash, private_folder, refuse_links, sync_folder
from ...storage.documents import LARGEST_JSON, read_bounded
from ...storage.hashing import content_key
from ...storage.locks import holder_file
from ...terminal import printable

FORMAT = 2
KEPT = 2
#: Of the lock that a run holds in its folder.
LOCK = "lock"
#: Of a position, and of what it stands on: `state-000001.safetensors`. A list of files may name no other.
_NAME, _FILE = re.compile(r"([0-9]{6,9})\.json"), re.compile(r"[a-z]+-[0-9]{4,9}\.(safetensors|parquet)")


class Damaged(Exception):
    """Why a position cannot be used."""


class _Body(TypedDict):
    format: int
    key: str
    facts: dict[str, object]
    files: dict[str, str]


class _Sealed(TypedDict):
    sha256: str
    position: _Body


class Store:
    """The positions of one piece of work.

    Args:
        folder: made where missing, readable by its owner only.
        key: what the work is; positions of other work are refused.

    Attributes:
        files: name → SHA-256 of what the position being made stands on; ``add`` and ``drop`` change it.
        number: of the last position.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self.folder, self.key = folder, key
        self.files: dict[str, str] = {}
        self.number = 0
        self._whole: list[tuple[int, dict[str, str]]] = []
        private_folder(folder)

    def load(self) -> dict[str, object] | None:
        """Return the facts of the newest position that is whole; None where there is none."""
        numbers = sorted((int(m[1]) for p in self.folder.iterdir() if (m := _NAME.fullmatch(p.name))), reverse=True)
        self.number = numbers[0] if numbers else 0
        for i, number in enumerate(numbers):
            try:
                body = self._read(number)
            except Damaged as error:
                rest = "the one before is used" if i + 1 < len(numbers) else "this stage starts again"
                warnings.warn(
                    f"{self.folder}: checkpoint {number} cannot be used ({error}); {rest}",
                    CheckpointWarning,
                    stacklevel=2,
                )
                continue
            self.files = dict(body["files"])
            self._whole = [(number, dict(body["files"]))]
            return body["facts"]
        return None

    def add(self, name: str, write: Callable[[Path], None]) -> None:
        """Write a file that the next position stands on.

        Args:
            name: as `state-000001.safetensors`: a word, a number of four digits or more, and what it is written as.
            write: makes the file at the path that it is given.

        Raises:
            OSError: it cannot be written.
            RunError: something there has become a link.
        """
        assert _FILE.fullmatch(name), name  # `load` would refuse it
        refuse_links(self.folder)
        with atomic_path(self.folder / name) as fresh:
            write(fresh)
            digest = file_hash(fresh)
        self.files[name] = digest

    def drop(self, name: str) -> None:
        """Leave a file out of the next position; it goes when no kept one stands on it."""
        self.files.pop(name, None)

    def seal(self, facts: Mapping[str, object]) -> None:
        """Write a position: these facts and the files as they are now.

        Raises:
            RunError: it cannot be written, or something there has become a link.
        """
        refuse_links(self.folder)
        self.number += 1
        body = {"format": FORMAT, "key": self.key, "facts": facts, "files": self.files}
        content = json.dumps({"sha256": content_key(body, 64), "position": body}).encode()
        atomic_write(self.folder / f"{self.number:06}.json", content)
        sync_folder(self.folder)
        self._whole = [*self._whole, (self.number, dict(self.files))][-KEPT:]
        self.sweep()

    def sweep(self) -> None:
        """Remove what no kept position stands on, halves of a killed process among it.

        Raises:
            RunError: the folder has become a link, and what is elsewhere is not ours.
        """
        wanted = {LOCK, holder_file(LOCK), *self.files}
        for number, named in self._whole:
            wanted |= {f"{number:06}.json", *named}
        refuse_links(self.folder)
        for path in self.folder.iterdir():
            if path.name not in wanted:
                path.unlink(missing_ok=True)

    def _read(self, number: int) -> _Body:
        """Read and verify a position.

        Raises:
            Damaged: what is wrong with it.
        """
        try:
            # Not `read_json`: a generator's state has numbers of 128 bits.
            sealed = json.loads(read_bounded(self.folder / f"{number:06}.json", LARGEST_JSON))
            msgspec.convert(sealed, _Sealed)
            body: _Body = sealed["position"]
            if sealed["sha256"] != content_key(body, 64):
                raise Damaged("its list of files was changed")
        except (OSError, ValueError, RecursionError):  # msgspec's own errors are ValueErrors
            raise Damaged("its list of files is damaged") from None
        if body["format"] != FORMAT:
            raise Damaged(f"its format is {body['format']!r}, this unlearnzoo reads {FORMAT}")
        if body["key"] != self.key:
            raise Damaged("it is of another run")
        for name, digest in body["files"].items():
            # No place elsewhere, and no pipe, which would wait for ever.
            if not _FILE.fullmatch(name) or (self.folder / name).exists() and not (self.folder / name).is_file():
                raise Damaged(f"{printable(name)[:100]!r} is no file of a checkpoint")
            try:
                actual = file_hash(self.folder / name)
            except OSError as error:
                raise Damaged(f"{name}: {error.strerror}") from None
            if actual != digest:
                raise Damaged(f"{name} was truncated or changed")
        return body

"""A file that a table names: below the table's folder, whatever system the table was written on.

The table may come from somebody else; it must not choose what is read on this machine.
"""

import os
import unicodedata
from collections import defaultdict
from pathlib import Path, PureWindowsPath

from .problems import quoted


class FilesBelow:
    """Finds the files of one folder by the paths that its table gives.

    Args:
        home: the folder that the table lies in.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self._listed: dict[Path, dict[str, list[str]]] = {}

    def find(self, name: str) -> Path:
        r"""Return the file of a path.

        Folders may be parted by ``/`` or by ``\``, and an accented letter may be one character or two: Windows and
        macOS write tables and archives so.

        Raises:
            ValueError: it lies outside or is no file; says which, as the end of a sentence about the path.
        """
        # This class knows both kinds of separators, drives and shares, wherever we run.
        pure = PureWindowsPath(name)
        if not name or pure.anchor or ".." in pure.parts:
            raise ValueError("leads out of the file's folder; give a path below it, without '..'")
        try:
            path = self.home / name
            path = (path if path.exists() else self._spelled(pure.parts)).resolve()
            exists, inside = path.is_file(), path.is_relative_to(self.home.resolve())
        except (OSError, RuntimeError, ValueError):  # a loop of links, a name that no file can have
            raise ValueError("is no file") from None
        if not inside:
            raise ValueError("leads out of the file's folder by a link; copy the image into it")
        if not exists:
            raise ValueError(f"is no file in the file's folder{self._meant(path)}")
        return path

    def _spelled(self, parts: tuple[str, ...]) -> Path:
        """Return the path with each part as the disk spells it, as far as it is there."""
        here = self.home
        for part in parts:
            same = [n for n in self._alike(here, part) if _composed(n) == _composed(part)]
            here /= part if part in same or len(same) != 1 else same[0]
        return here

    def _meant(self, path: Path) -> str:
        """Return a hint at the file that differs in capital letters alone."""
        alike = [name for name in self._alike(path.parent, path.name) if name != path.name]
        return f"; there is {quoted(alike[0])}, and capital letters count" if alike else ""

    def _alike(self, folder: Path, name: str) -> list[str]:
        """Return the names in a folder that differ from one in capital letters and coding at most."""
        if folder not in self._listed:
            found = defaultdict(list)
            for entry in sorted(os.listdir(folder)) if folder.is_dir() else ():
                found[_composed(entry).casefold()].append(entry)
            self._listed[folder] = dict(found)
        return self._listed[folder].get(_composed(name).casefold(), [])


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)

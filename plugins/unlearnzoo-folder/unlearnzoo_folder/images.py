"""Images that rows name by path: none from outside the file's folder, each decoded once as a check.

A file of examples may come from somebody else; it must not choose what is read on this machine.
"""

from pathlib import Path, PureWindowsPath

from unlearnzoo import LazyImage


class Images:
    """Opens the images of one folder; rows that name the same file share an image.

    Args:
        home: the folder that the file of examples lies in.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self._known: dict[Path, LazyImage | None] = {}

    def open(self, name: str, where: str) -> LazyImage:
        """Return an image that can be decoded, opened again on each use.

        Args:
            name: path relative to ``home``.
            where: file and row, for errors later on.

        Raises:
            ValueError: it lies outside, is missing or cannot be decoded; says which.
        """
        path = self._inside(name)
        if path not in self._known:
            image = LazyImage(path.read_bytes, where)
            self._known[path] = image if _decodes(image) else None
        found = self._known[path]
        if found is None:
            raise ValueError("is no image that can be decoded")
        return found

    def _inside(self, name: str) -> Path:
        # This class knows both kinds of separators, drives and shares, wherever we run.
        pure = PureWindowsPath(name)
        if pure.anchor or ".." in pure.parts:
            raise ValueError("leads out of the file's folder; give a path below it, without '..'")
        try:
            path = (self.home / name).resolve()
            exists = path.is_file()
            inside = path.is_relative_to(self.home.resolve())
        except (OSError, RuntimeError, ValueError):  # a loop of links, a name that no file can have
            raise ValueError("is no file") from None
        if not inside:
            raise ValueError("leads out of the file's folder by a link; copy the image into it")
        if not exists:
            raise ValueError("is no file in the file's folder")
        return path


def _decodes(image: LazyImage) -> bool:
    try:
        image.open()
    except Exception:  # noqa: BLE001 - PIL raises SyntaxError, struct.error and more over broken files
        return False
    return True

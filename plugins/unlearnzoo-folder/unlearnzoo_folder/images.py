"""Images that rows name by path: none from outside the file's folder, each decoded once as a check."""

from pathlib import Path

from unlearnzoo import FilesBelow, LazyImage


class Images:
    """Opens the images of one folder; rows that name the same file share an image.

    Args:
        home: the folder that the file of examples lies in.
    """

    def __init__(self, home: Path) -> None:
        self._files = FilesBelow(home)
        self._known: dict[Path, tuple[LazyImage, str]] = {}

    def open(self, name: str, where: str) -> LazyImage:
        """Return an image that can be decoded, opened again on each use.

        Args:
            name: path relative to ``home``.
            where: file and row, for errors later on.

        Raises:
            ValueError: it lies outside, is missing or cannot be decoded; says which.
        """
        path = self._files.find(name)
        if path not in self._known:
            image = LazyImage(path.read_bytes, where)
            self._known[path] = image, image.problem(decode=True)
        image, wrong = self._known[path]
        if wrong:
            raise ValueError(wrong)
        return image

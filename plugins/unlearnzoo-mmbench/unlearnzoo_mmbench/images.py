"""The image of a row: base64 of an encoded picture, a picture of a data set, or the index of the row that has it."""

import base64
import binascii
from typing import TYPE_CHECKING, Any

from unlearnzoo import LazyImage

if TYPE_CHECKING:
    from datasets import Dataset

#: Of one encoded picture; those of MMBench are some ten thousand bytes.
MOST_BYTES = 32 * 2**20
#: Longer cells are no reference to another row.
_REFERENCE = 64


class Images:
    """Reads pictures of a table on use; none is kept.

    Args:
        table: its column ``image`` undecoded.
        rows: index → row number, for references.
        label: the file, for errors.
    """

    def __init__(self, table: "Dataset", rows: dict[int, int], label: str) -> None:
        self._cells = table.select_columns(["image"])
        self._rows, self._label = rows, label

    def lazy(self, row: int) -> LazyImage:
        """Return the picture of a row, opened when it is asked for."""
        return LazyImage(lambda: self._encoded(row), f"mmbench.data={self._label}: row {row + 1}")

    def check(self, row: int) -> bytes:
        """Return the encoded picture of a row, whose heading and checksums were looked at.

        Raises:
            ValueError: it is missing, too large or damaged.
        """
        encoded = self._encoded(row)
        if wrong := LazyImage(lambda: encoded, "").problem():
            raise ValueError(f"the image {wrong}")
        return encoded

    def _encoded(self, row: int, again: bool = True) -> bytes:
        cell: Any = self._cells[row]["image"]
        if isinstance(cell, dict):
            cell = cell.get("bytes") or b""
        if isinstance(cell, str) and 0 < len(cell) <= _REFERENCE and cell.isascii() and cell.isdigit():
            other = self._rows.get(int(cell))
            if other is None or not again:
                raise ValueError(f"the image is that of index {cell}, which has none")
            return self._encoded(other, again=False)
        if not cell:
            raise ValueError("the image is empty")
        if len(cell) > MOST_BYTES * (4 / 3 if isinstance(cell, str) else 1):
            raise ValueError(f"the image is larger than {MOST_BYTES >> 20} MiB")
        try:
            return base64.b64decode(cell, validate=True) if isinstance(cell, str) else bytes(cell)
        except (binascii.Error, ValueError):
            raise ValueError("the image is no base64") from None

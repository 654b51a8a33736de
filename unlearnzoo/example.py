"""What a benchmark yields: one question about one person's image, and the image opened on use."""

import functools
import hashlib
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from .errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

T = TypeVar("T")


class LazyImage:
    """An encoded image that is read and decoded only when asked for.

    Args:
        read: returns the encoded bytes (PNG, JPEG); called again at each use, so that a set
            larger than memory never sits in it.
        where: file and row, for the error a corrupt image gives.
        digest: SHA-256 of the bytes in hex, where it is known: then they are not read for the key.
    """

    def __init__(self, read: Callable[[], bytes], where: str, digest: str = "") -> None:
        self._read, self.where, self._digest = read, where, digest

    @functools.cached_property
    def key(self) -> str:
        """Hash of the encoded bytes; equal keys are packed behind one image prefix."""
        return (self._digest or hashlib.sha256(self._bytes()).hexdigest())[:32]

    @functools.cached_property
    def size(self) -> tuple[int, int]:
        """Width and height by the header, without decoding.

        Raises:
            DataError: the bytes are no image; names the row.
        """
        from PIL import Image

        return self._checked(lambda: Image.open(io.BytesIO(self._bytes())).size)

    def open(self) -> "Image":
        """Decode to RGB.

        Raises:
            DataError: the bytes are no image; names the row.
        """
        from PIL import Image

        return self._checked(lambda: Image.open(io.BytesIO(self._bytes())).convert("RGB"))

    def _checked(self, use: "Callable[[], T]") -> "T":
        from PIL import Image, UnidentifiedImageError

        try:
            return use()
        except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
            raise DataError(f"{self.where}: the image cannot be decoded ({error})") from None

    def _bytes(self) -> bytes:
        try:
            return self._read()
        except OSError as error:
            raise DataError(f"{self.where}: the image cannot be read ({error})") from None


@dataclass(frozen=True)
class Example:
    """One question and its answer.

    Attributes:
        id: unique in the benchmark, stable across runs.
        identity: whom the row is about; pools and intervals go by it.
        images: empty for a text-only row.
        question: empty for a row that is only an assistant sentence after the image.
        answer: the sentence to learn or forget.
        keywords: the private values inside the answer.
        tags: ``hop`` (single | multi), ``attribute`` and whatever a benchmark groups by.
        cloze: assistant prefix that the value completes, for Exposure; None where there is none.
        choices: the options of a multiple-choice question, A first; the answer is then a letter.
    """

    id: str
    identity: str
    images: tuple[LazyImage, ...]
    question: str
    answer: str
    keywords: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    cloze: str | None = None
    choices: tuple[str, ...] = ()

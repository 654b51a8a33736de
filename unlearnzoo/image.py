"""A picture as the model is shown it: from the bytes of a file to upright RGB, the one way for all pictures."""

import functools
import hashlib
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from .errors import DataError, OptionError, first_line
from .image_header import GREY_16, PictureError, check_mode, look_at, opened, pillow

if TYPE_CHECKING:
    from PIL.Image import Image

log = logging.getLogger(__name__)
T = TypeVar("T")
#: Raise it whenever some picture may become other pixels: what was computed from the old ones is not used again.
PICTURE_RULE: int = 2
#: EXIF orientation → what puts a picture upright, as Pillow names it.
_TURNS = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
_ORIENTATION, _BITS, _PHOTOMETRIC = 274, 258, 262
#: One of these is in a PNG that has an orientation; without, it need not be decoded to know that it has none.
_PNG_EXIF = (b"eXIf", b"Raw profile type exif", b"XML:com.adobe.xmp")


class LazyImage:
    """An encoded image that is read and decoded only when asked for.

    Args:
        read: returns the encoded bytes (PNG, JPEG); called again at each use, so that a set
            larger than memory never sits in it.
        where: file and row, for the error a corrupt image gives.
        digest: SHA-256 of the bytes in hex, where it is known: then they are not read for the key.
    """

    _frames_told = False

    def __init__(self, read: Callable[[], bytes], where: str, digest: str = "") -> None:
        self._read, self.where, self._digest = read, where, digest

    @functools.cached_property
    def key(self) -> str:
        """Hash of the encoded bytes; equal keys are packed behind one image prefix."""
        return (self._digest or self._named(lambda content: hashlib.sha256(content).hexdigest()))[:32]

    @functools.cached_property
    def size(self) -> tuple[int, int]:
        """Width and height of the upright picture by the header, without decoding.

        Raises:
            DataError: the bytes are no picture that is read; names the row.
        """
        return self._named(lambda content: _size(opened(content), content))

    def open(self) -> "Image":
        """Decode to upright RGB, see `to_rgb`.

        Raises:
            DataError: the bytes are no picture that is read; names the row.
        """
        return self._named(self._decoded)

    def problem(self, decode: bool = False) -> str:
        """Return what is wrong with the picture, as the end of a sentence ("is empty"); the empty text if nothing is.

        Args:
            decode: look at the pixels, too. Without, at the header, the checksums (PNG) and the end mark (JPEG).
        """
        return self._tried(self._decoded if decode else look_at)[1]

    def _decoded(self, content: bytes) -> "Image":
        image = opened(content)
        if not LazyImage._frames_told and _several(image):
            LazyImage._frames_told = True
            log.warning("%s: a picture of several frames; of such pictures the first frame is shown", self.where)
        return to_rgb(image)

    def _named(self, use: Callable[[bytes], T]) -> T:
        found, wrong = self._tried(use)
        if found is None:
            raise DataError(f"{self.where}: the image {wrong}")
        return found

    def _tried(self, use: Callable[[bytes], T]) -> tuple[T | None, str]:
        """Return what a use of the bytes gives, or what is wrong with them."""
        try:
            content = self._read()
        except (OSError, ValueError) as error:
            return None, f"cannot be read ({first_line(error)})"
        try:
            return use(content), ""
        except PictureError as error:
            return None, str(error)
        except OptionError:
            raise  # of the bound, which is no fault of the picture's
        except Exception as error:  # noqa: BLE001 - decoders raise SyntaxError, struct.error, MemoryError and more
            return None, f"cannot be decoded ({first_line(error)[:120]})"


def to_rgb(image: "Image") -> "Image":
    """Return what a viewer shows: the first frame, upright, in RGB, with nothing beside the pixels.

    Orientation (EXIF, XMP) is applied and taken out, so that no library turns the picture again. Whatever is
    transparent is laid over white, as the image processors of transformers do. 16-bit grey is divided by 257 (12-bit
    by 16.06) and rounded; of 16-bit colour Pillow keeps the higher byte. CMYK goes by Pillow's plain formula, and
    colour profiles are not applied.

    Raises:
        PictureError: grey of more than 16 bits, floating-point values, or a colour space such as LAB.
    """
    image.load()
    turn = _turn(image)
    check_mode(image)
    if image.mode in GREY_16:
        image = _eight_bits(image)
    if image.has_transparency_data:
        clear = image.convert("RGBA")
        image = pillow().new("RGBA", image.size, "white")
        image.alpha_composite(clear)
    rgb = image.convert("RGB")
    if turn:
        rgb = rgb.transpose(pillow().Transpose[turn])
    rgb.info = {}
    return rgb


def _size(image: "Image", content: bytes) -> tuple[int, int]:
    width, height = image.size
    plain = image.format == "PNG" and not any(mark in content for mark in _PNG_EXIF)
    sideways = not plain and _turn(image) in ("TRANSPOSE", "ROTATE_270", "TRANSVERSE", "ROTATE_90")
    return (height, width) if sideways else (width, height)


def _turn(image: "Image") -> str | None:
    """Return what puts a picture upright; None if it is, or its tags cannot be read, as viewers take it."""
    if image.format == "TIFF":
        return None  # Pillow turns it while loading, and gives the size that it has then
    # Not `exif_transpose`: it writes all tags anew, and fails over the many that cameras write wrongly.
    try:
        return _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - damaged tags raise anything
        return None


def _several(image: "Image") -> bool:
    """Return whether there are further frames; the second picture in a phone's JPEG (MPO) is none that one looks at."""
    try:
        return image.format != "MPO" and bool(getattr(image, "is_animated", False))
    except Exception:  # noqa: BLE001 - damage behind the first frame
        return False


def _eight_bits(image: "Image") -> "Image":
    """Scale grey of 16 bits to 8; the value that a PNG calls transparent becomes so."""
    import numpy as np

    stored = np.asarray(image)
    if stored.min() < 0 or stored.max() > 65535:
        raise PictureError(f"has grey values from {stored.min()} to {stored.max()}; 16 bits hold 0 to 65535")
    tags = getattr(image, "tag_v2", {})
    if tags.get(_BITS) == (32,) and stored.max() < 256:
        raise PictureError(
            "has grey of 32 bits and no value above 255, which 8 bits hold as well as 16; save it with 8"
        )
    top = 4095 if tags.get(_BITS) == (12,) else 65535
    values = np.arange(65536)
    if tags.get(_PHOTOMETRIC) == 0:  # white is zero, which Pillow undoes for 8 bits alone
        values = top - values
    # By a table of all values: arithmetic over the picture would take 24 bytes per pixel.
    table = ((values * 255 + top // 2) // top).astype(np.uint8)
    grey = pillow().fromarray(table[stored])
    if (clear := image.info.get("transparency")) is None:
        return grey
    alpha = pillow().fromarray(np.where(values == clear, 0, 255).astype(np.uint8)[stored])
    return pillow().merge("LA", (grey, alpha))

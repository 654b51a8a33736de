"""The header of a picture's file: whether it is one that is read, and what it is if not."""

import functools
import io
import os
from types import ModuleType
from typing import TYPE_CHECKING

from .errors import OptionError

if TYPE_CHECKING:
    from PIL.Image import Image

#: Decoding so many takes a second and 0.5 GB, with transparency 1 GB; the file may have 20 KB.
MOST_PIXELS = 1 << 26
#: In the environment: another bound, for pictures of your own.
MOST_PIXELS_HERE = "UNLEARNZOO_MOST_PIXELS"
#: A progressive JPEG is decoded once per scan: pixels times scans. Common ones have ten scans.
MOST_SCANNED = 1 << 31
#: Those that Pillow decodes itself, AVIF from its version 11.3; EPS, which it can open as well, is a program.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM")
_IN_WORDS = "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, JPEG 2000, PPM"
#: Grey of 16 bits, and all others that have a way to RGB.
GREY_16 = ("I;16", "I;16B", "I;16L", "I;16N", "I")
_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV")
_SUBFILE, _DNG = 254, 50706
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_STARTS = (
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"RIFF", "WebP"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
)


class PictureError(ValueError):
    """What is wrong with a picture, as the end of a sentence about it: "is empty"."""


@functools.cache
def pillow() -> ModuleType:
    """Import Pillow, and keep to ourselves what it warns of: sizes are refused here, damaged tags are none."""
    import warnings

    from PIL import Image

    warnings.filterwarnings("ignore", module=r"PIL\.")
    # Pillow's own bound would be half of an error and half of a warning; ours is one refusal.
    Image.MAX_IMAGE_PIXELS = None
    Image.init()
    return Image


def opened(content: bytes) -> "Image":
    """Read a header.

    Raises:
        PictureError: it is no picture, or one that is not read.
    """
    from PIL import UnidentifiedImageError

    library = pillow()
    try:
        image: Image = library.open(io.BytesIO(content), formats=[kind for kind in FORMATS if kind in library.OPEN])
    except UnidentifiedImageError:
        raise PictureError(_what(content)) from None
    _refuse_large(image, content)
    tags = getattr(image, "tag_v2", {})
    if _DNG in tags or tags.get(_SUBFILE, 0) & 1:
        raise PictureError("is a camera's raw file, of which only a thumbnail could be read; save it as JPEG or PNG")
    check_mode(image)
    _scale_transparency(image, content)
    return image


def _refuse_large(image: "Image", content: bytes) -> None:
    """Refuse a small file that takes long to decode.

    Raises:
        PictureError: too many pixels, or scans of them.
    """
    pixels, most = image.width * image.height, _most_pixels()
    if pixels > most:
        raise PictureError(
            f"has {pixels:,} pixels, of which at most {most:,} are decoded; make it smaller, or set {MOST_PIXELS_HERE}"
        )
    # Inside the data of a scan these two bytes cannot follow each other.
    if image.format in ("JPEG", "MPO") and (scans := content.count(b"\xff\xda")) * pixels > MOST_SCANNED:
        raise PictureError(f"is a JPEG of {scans:,} scans over {pixels:,} pixels, which take too long; save it anew")


def _most_pixels() -> int:
    """Return the bound.

    Raises:
        OptionError: the environment names no number.
    """
    text = os.environ.get(MOST_PIXELS_HERE, str(MOST_PIXELS))
    if not (text.isascii() and text.isdecimal() and int(text[:18])):
        raise OptionError(f"{MOST_PIXELS_HERE}={text[:50]!r}: give a whole number, such as {MOST_PIXELS}")
    return int(text[:18])


def _what(content: bytes) -> str:
    """Say what some bytes are that Pillow does not know."""
    head = content[:1000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not content:
        return "is empty (0 bytes)"
    if head.startswith(b"version https://git-lfs"):
        return "is a Git LFS pointer, not the picture itself; fetch that with `git lfs pull`"
    if content[4:8] == b"ftyp" and content[8:12] in _HEIC:
        return "is a HEIC picture, which is not read; save it as JPEG or PNG"
    if b"<svg" in head:
        return "is an SVG drawing, which is not read; save it as PNG"
    if head.startswith((b"<!doctype html", b"<html")):
        return "is a web page, not a picture"
    for start, name in _STARTS:
        if content.startswith(start):
            kind = ", or its pixels are of no kind that is read" if name == "TIFF" else ""
            return f"cannot be decoded (the head of the {name} is damaged{kind})"
    return f"is no picture of a kind that is read ({_IN_WORDS})"


def check_mode(image: "Image") -> None:
    """Refuse what has no agreed way to RGB.

    Raises:
        PictureError: floating-point values, or a colour space such as LAB.
    """
    if image.mode == "F":
        raise PictureError("has floating-point values, of which none is known to be white; save it with 8 or 16 bits")
    if image.mode not in (*_MODES, *GREY_16):
        raise PictureError(f"is in the colour space {image.mode}, which is not read; save it as RGB")


def _scale_transparency(image: "Image", content: bytes) -> None:
    """Give a PNG's transparent colour the scale that Pillow gives its pixels."""
    if image.format != "PNG" or (clear := image.info.get("transparency")) is None:
        return
    bits = content[24]  # by the header, which begins at byte 16
    if image.mode == "RGB" and bits == 16:
        image.info["transparency"] = tuple(value >> 8 for value in clear)
    elif image.mode == "L" and bits < 8:
        image.info["transparency"] = clear * 255 // (2**bits - 1)


def look_at(content: bytes) -> None:
    """Find what is wrong without decoding: by header, checksums (PNG) and end mark (JPEG).

    Raises:
        PictureError: it is no picture that is read. What a decoder raises over damage comes through.
    """
    image = opened(content)
    kind = image.format
    image.verify()
    if kind in ("JPEG", "MPO") and b"\xff\xd9" not in content[-65536:]:
        raise PictureError("cannot be decoded (the JPEG is cut short)")

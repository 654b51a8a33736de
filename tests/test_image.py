"""From the bytes of a file to what the model is shown: by closed forms, and files of every kind that break."""

import io
import random
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from unlearnzoo import DataError, LazyImage, OptionError, image_header
from unlearnzoo.image import PictureError, to_rgb

GREY = np.array([[0, 128, 129, 257, 385, 32896, 40000, 65535]], np.uint16)
#: EXIF orientation → how the upright picture lies in the file: its first row and column are those of the TIFF standard.
STORED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: a.swapaxes(0, 1)[::-1],
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: a.swapaxes(0, 1)[:, ::-1],
}


def encode(picture, kind, **options):
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def lazy(content):
    return LazyImage(lambda: content, "set.csv, line 7")


def shown(content):
    return np.asarray(lazy(content).open())


def first(content):
    return lazy(content).open().getpixel((0, 0))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, bits, colours, pixels, *more):
    """Write a PNG by hand; ``more`` are its chunks before the pixels."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0))
    tail = chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + tail


def tagged(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Camera of Ann"
    return exif


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "JPEG", "MPO", "AVIF"])
def test_a_picture_is_shown_upright_and_has_that_size(kind, orientation):
    upright = np.zeros((32, 64, 3), np.uint8)
    upright[:16, :32], upright[16:, 32:], upright[:16, 32:] = (255, 0, 0), (0, 0, 255), 255
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](upright)))
    exact = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100, "subsampling": 0}}.get(kind, {})
    found = lazy(encode(stored, kind, exif=tagged(orientation), **exact))
    assert found.size == found.open().size == (64, 32)
    assert np.abs(np.asarray(found.open()).astype(int) - upright).mean() < 4
    # transformers turns pictures, too: nothing may be left that would make it turn this one again.
    assert not found.open().getexif() and not found.open().info
    assert ImageOps.exif_transpose(found.open()).size == (64, 32)


def test_an_orientation_behind_the_pixels_or_in_xmp_counts():
    plain = encode(Image.new("RGB", (8, 4)), "PNG")
    at = plain.index(b"IEND") - 4
    late = plain[:at] + chunk(b"eXIf", tagged(6).tobytes()[6:]) + plain[at:]
    text = b'XML:com.adobe.xmp\0\0\0\0\0<x:xmpmeta tiff:Orientation="8"/>'
    for content in (late, plain[:33] + chunk(b"iTXt", text) + plain[33:]):
        assert lazy(content).size == lazy(content).open().size == (4, 8)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("exif", [b"Exif\0\0nonsense", b"Exif\0\0II*\0\x08\0\0\0\xff\xff", tagged(0), tagged(9)])
def test_tags_that_say_nothing_turn_nothing(exif):
    found = lazy(encode(Image.new("RGB", (8, 4)), "JPEG", exif=exif))
    assert found.size == found.open().size == (8, 4) and not found.problem()


def test_sixteen_bits_are_divided_by_257_and_rounded():
    expected = [round(int(value) / 257) for value in GREY[0]]
    big = Image.frombytes("I;16B", (8, 1), GREY.astype(">u2").tobytes())
    wide = Image.fromarray(GREY.astype(np.int32))
    files = [
        encode(Image.fromarray(GREY), "PNG"),
        encode(Image.fromarray(GREY), "TIFF"),
        encode(Image.fromarray(GREY), "TIFF", compression="tiff_lzw"),
        encode(big, "TIFF"),
        encode(wide, "TIFF"),
        b"P5 8 1 65535\n" + GREY.astype(">u2").tobytes(),
    ]
    for content in files:
        assert shown(content)[0].tolist() == [[v] * 3 for v in expected]
    assert {to_rgb(p).getpixel((6, 0)) for p in (big, wide)} == {(156, 156, 156)}


def test_twelve_bits_and_white_as_zero_have_their_own_scale():
    def tiff(bits, white_is_zero, data):
        entries = {256: (4, 2), 257: (4, 1), 258: (3, bits), 259: (3, 1), 262: (3, int(not white_is_zero))}
        entries |= {273: (4, 200), 277: (3, 1), 278: (4, 1), 279: (4, len(data))}
        fields = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, (kind, value) in entries.items())
        head = b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + fields + bytes(4)
        return head.ljust(200, b"\0") + data

    # Two values of 12 bits lie in three bytes: 0x800 and 0xfff.
    assert shown(tiff(12, False, b"\x80\x0f\xff"))[0, :, 0].tolist() == [round(0x800 / 4095 * 255), 255]
    assert shown(tiff(16, True, struct.pack("<2H", 0, 40000)))[0, :, 0].tolist() == [255, round(25535 / 257)]


def test_wide_grey_that_may_have_8_bits_or_16_is_refused():
    content = encode(Image.fromarray(np.array([[0, 255]], np.int32)), "TIFF")
    with pytest.raises(DataError, match="line 7: the image has grey of 32 bits and no value above 255"):
        lazy(content).open()


@pytest.mark.parametrize(
    ("picture", "text"),
    [
        (np.array([[-1, 3]], np.int32), "has grey values from -1 to 3; 16 bits hold 0 to 65535"),
        (np.array([[0, 70000]], np.int32), "has grey values from 0 to 70000"),
        (np.array([[0.5, 1]], np.float32), "has floating-point values"),
    ],
)
def test_grey_without_a_known_white_is_refused(picture, text):
    content = encode(Image.fromarray(picture), "TIFF")
    assert lazy(content).problem(decode=True).startswith(text)
    with pytest.raises(DataError, match=f"set.csv, line 7: the image {text}"):
        lazy(content).open()
    with pytest.raises(PictureError, match=text):
        to_rgb(Image.fromarray(picture))


def test_a_colour_space_without_a_way_to_rgb_is_refused_by_its_header():
    assert lazy(encode(Image.new("LAB", (4, 4)), "TIFF")).problem() == (
        "is in the colour space LAB, which is not read; save it as RGB"
    )


@pytest.mark.parametrize("alpha", [0, 64, 128, 255])
def test_what_is_transparent_is_laid_over_white(alpha):
    over = lambda *colour: tuple(round((c * alpha + 255 * (255 - alpha)) / 255) for c in colour)  # noqa: E731
    colour = (200, 10, 30)
    palette = Image.new("P", (2, 2), 1)
    palette.putpalette([1, 2, 3, *colour])
    clear = Image.new("RGBA", (2, 2), (*colour, alpha))
    for content in (
        encode(clear, "PNG"),
        encode(clear, "TIFF"),
        encode(clear, "WEBP", lossless=True, exact=True),
        encode(palette, "PNG", transparency=bytes([255, alpha])),
    ):
        assert first(content) == over(*colour)
    assert first(encode(Image.new("LA", (2, 2), (40, alpha)), "PNG")) == over(40, 40, 40)


def test_one_colour_that_is_transparent_is_white_whatever_the_bits():
    palette = Image.new("P", (2, 2), 1)
    palette.putpalette([1, 2, 3, 200, 0, 0])
    files = [
        encode(palette, "GIF", transparency=1),
        encode(palette, "PNG", transparency=1),
        encode(Image.new("RGB", (2, 2), (9, 8, 7)), "PNG", transparency=(9, 8, 7)),
        encode(Image.new("L", (2, 2), 9), "PNG", transparency=9),
        encode(Image.new("1", (2, 2), 0), "PNG", transparency=0),
        encode(Image.fromarray(GREY[:, 6:]), "PNG", transparency=40000),
        png(2, 1, 2, 0, b"\0\x90", chunk(b"tRNS", struct.pack(">H", 2))),
        png(2, 1, 16, 2, b"\0" + struct.pack(">6H", 40000, 200, 300, 0, 0, 0), chunk(b"tRNS", b"\x9c\x40\0\xc8\1\x2c")),
    ]
    assert [first(content) for content in files] == [(255, 255, 255)] * len(files)
    assert shown(files[-2])[0, 1].tolist() == [85] * 3 and shown(files[-1])[0, 1].tolist() == [0] * 3


def test_other_modes():
    assert first(encode(Image.new("CMYK", (2, 2), (0, 255, 255, 0)), "TIFF")) == (255, 0, 0)
    assert first(encode(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=100)) == pytest.approx(
        (255, 0, 0), abs=3
    )
    assert first(encode(Image.new("1", (2, 2), 1), "PNG")) == (255, 255, 255)
    assert first(encode(Image.new("YCbCr", (8, 8), (255, 128, 128)), "JPEG")) == (255, 255, 255)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_of_several_frames_the_first_is_shown_and_it_is_said_once(kind, caplog, monkeypatch):
    monkeypatch.setattr(LazyImage, "_frames_told", False)
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue", "lime")]
    found = lazy(encode(frames[0], kind, save_all=True, append_images=frames[1:]))
    assert found.open().getpixel((0, 0)) == found.open().getpixel((0, 0)) == pytest.approx((255, 0, 0), abs=3)
    assert caplog.messages == [
        "set.csv, line 7: a picture of several frames; of such pictures the first frame is shown"
    ]


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
NO_PICTURES = [
    (b"", "is empty (0 bytes)"),
    (b"hello", "is no picture of a kind that is read (JPEG, PNG, WebP"),
    (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n", "is no picture of a kind that is read"),
    (b"\xef\xbb\xbf<?xml version='1.0'?>\n<svg xmlns='x'/>", "is an SVG drawing, which is not read; save it as PNG"),
    (b"<!DOCTYPE html><html>404", "is a web page, not a picture"),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "is a Git LFS pointer, not the picture itself"),
    (HEIC, "is a HEIC picture, which is not read; save it as JPEG or PNG"),
    (b"\x89PNG\r\n\x1a\nrest", "cannot be decoded (the head of the PNG is damaged)"),
    (b"\xff\xd8\xff\xe0", "cannot be decoded (the head of the JPEG is damaged)"),
    (
        png(8192, 8193, 8, 2, b""),
        "has 67,117,056 pixels, of which at most 67,108,864 are decoded; make it smaller, or set",
    ),
    (png(60000, 60000, 8, 2, b""), "has 3,600,000,000 pixels, of which at most 67,108,864 are decoded"),
]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("content", "text"), NO_PICTURES)
def test_what_is_no_picture_is_said_by_name(content, text):
    found = lazy(content)
    assert found.problem().startswith(text) and found.problem(decode=True).startswith(text)
    for use in (found.open, lambda: found.size):
        with pytest.raises(DataError) as error:
            use()
        assert str(error.value).startswith(f"set.csv, line 7: the image {text}") and "\n" not in str(error.value)


def test_a_thumbnail_does_not_stand_for_a_raw_file():
    raw = encode(Image.new("RGB", (8, 8)), "TIFF", tiffinfo={254: 1})
    assert lazy(raw).problem().startswith("is a camera's raw file")


def test_damage_is_found_by_checksums_and_the_end_mark_without_decoding():
    noise = Image.effect_noise((64, 64), 90)
    broken = bytearray(encode(noise, "PNG"))
    broken[-30] ^= 1
    assert "bad header checksum" in lazy(bytes(broken)).problem()
    assert lazy(encode(noise, "JPEG")[:-300]).problem() == "cannot be decoded (the JPEG is cut short)"
    assert lazy(encode(noise, "PNG")).problem() == lazy(encode(noise, "JPEG")).problem() == ""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "AVIF", "JPEG2000", "PPM"])
def test_whatever_is_damaged_is_named_by_row(kind):
    rng = random.Random(kind)
    whole = encode(Image.frombytes("RGB", (48, 32), rng.randbytes(48 * 32 * 3)), kind)
    assert lazy(whole).problem(decode=True) == ""
    for i in range(40):
        content = bytearray(whole)
        for _ in range(4):
            content[rng.randrange(min(len(content), 300))] = rng.randrange(256)
        cut = whole[: rng.randrange(len(whole) - 40)]
        for one in (bytes(content), cut):
            found = lazy(one)
            wrong = found.problem(decode=True)
            if wrong:
                with pytest.raises(DataError, match="set.csv, line 7: the image "):
                    found.open()
        assert wrong, f"{kind} cut at {len(cut)} of {len(whole)} bytes was taken, try {i}"


@pytest.mark.parametrize(
    "error", [MemoryError(), EOFError("end"), SyntaxError("x"), struct.error("y"), zlib.error("z")]
)
def test_whatever_a_decoder_raises_is_named_by_row(error, monkeypatch):
    def fail(*_):
        raise error

    monkeypatch.setattr(Image.Image, "convert", fail)
    with pytest.raises(DataError, match=r"set.csv, line 7: the image cannot be decoded \(\w+\)"):
        lazy(encode(Image.new("RGB", (4, 4)), "PNG")).open()


def test_what_cannot_be_read_is_named_by_row():
    gone = LazyImage(lambda: open("/nowhere/at/all", "rb").read(), "row 3")  # noqa: SIM115
    for use in (gone.open, lambda: gone.size, lambda: gone.key):
        with pytest.raises(DataError, match="row 3: the image cannot be read .*No such file"):
            use()
    assert gone.problem().startswith("cannot be read")


def test_the_bound_counts_pixels_and_can_be_set(monkeypatch):
    found = lazy(encode(Image.new("RGB", (4, 4)), "PNG"))
    monkeypatch.setenv("UNLEARNZOO_MOST_PIXELS", "15")
    told = "has 16 pixels, of which at most 15 are decoded; make it smaller, or set UNLEARNZOO_MOST_PIXELS"
    assert found.problem() == found.problem(decode=True) == told
    monkeypatch.setenv("UNLEARNZOO_MOST_PIXELS", "16")
    assert found.problem(decode=True) == ""
    monkeypatch.setenv("UNLEARNZOO_MOST_PIXELS", "4000000000")  # Pillow's own bound does not come between
    assert lazy(png(60000, 60000, 8, 2, b"")).size == (60000, 60000)


@pytest.mark.parametrize("text", ["", "many", "0", "-1", "1e9", "\u0663"])
def test_a_bound_that_is_no_number_is_the_users_mistake_and_not_the_pictures(monkeypatch, text):
    monkeypatch.setenv("UNLEARNZOO_MOST_PIXELS", text)
    with pytest.raises(OptionError, match="UNLEARNZOO_MOST_PIXELS=.*: give a whole number, such as 67108864"):
        lazy(encode(Image.new("RGB", (4, 4)), "PNG")).problem()


def test_a_jpeg_of_many_scans_is_refused_before_it_is_decoded(monkeypatch):
    """Each scan is a pass over all pixels, and may take some bytes in the file."""
    monkeypatch.setattr(image_header, "MOST_SCANNED", 20 * 64 * 64)
    plain = encode(Image.new("L", (64, 64), 90), "JPEG", progressive=True)
    scan = plain[plain.rindex(b"\xff\xda") : -2]
    assert lazy(plain).problem(decode=True) == ""
    many = plain[:-2] + 20 * scan + b"\xff\xd9"
    told = f"is a JPEG of {20 + plain.count(scan[:2])} scans over 4,096 pixels, which take too long; save it anew"
    assert lazy(many).problem() == told


@pytest.mark.parametrize(("kind", "before"), [(b"zTXt", b"k\0\0"), (b"iTXt", b"k\0\1\0\0\0"), (b"iCCP", b"k\0\0")])
def test_a_text_that_swells_is_refused(kind, before):
    content = png(1, 1, 8, 0, b"\0\0", chunk(kind, before + zlib.compress(b"a" * (4 << 20))))
    assert lazy(content).problem().startswith("cannot be decoded (Decompressed data too large")


def test_frames_behind_the_first_are_not_decoded():
    frames = [Image.new("L", (8, 8), n) for n in range(300)]
    content = encode(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    # Zeros where the second page begins: whoever looks at it fails.
    assert first(content[:600] + bytes(len(content) - 600)) == first(content) == (0, 0, 0)


def test_16_bits_take_no_more_memory_than_their_picture():
    """By the numbers of numpy's own allocations: arithmetic over all pixels took 24 bytes each."""
    tracemalloc.start()
    to_rgb(Image.new("I;16", (2000, 1000), 257))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * 2000 * 1000

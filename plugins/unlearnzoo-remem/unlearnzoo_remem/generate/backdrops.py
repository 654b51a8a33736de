"""Backgrounds for drawn people: each name is one kind, coloured at random.

Which layout uses which kinds is decided in `faces`; here they are only painted. Sizes are fractions
of the picture, so that a larger picture shows the same pattern.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

Colour = tuple[int, int, int]


def backdrop(kind: str, rng: random.Random, size: int) -> Image:
    """Paint a background of the named kind as an RGB picture."""
    return _PAINTERS[kind](rng, size)


def _colour(rng: random.Random) -> Colour:
    return rng.randint(90, 250), rng.randint(90, 250), rng.randint(90, 250)


def _plain(rng: random.Random, size: int) -> Image:
    from PIL import Image

    return Image.new("RGB", (size, size), _colour(rng))


def _gradient(rng: random.Random, size: int) -> Image:
    from PIL import Image

    ramp = Image.linear_gradient("L").resize((size, size))
    if rng.random() < 0.5:
        ramp = ramp.rotate(90)
    return Image.composite(_plain(rng, size), _plain(rng, size), ramp)


def _sunset(rng: random.Random, size: int) -> Image:
    from PIL import Image

    glow = Image.radial_gradient("L").resize((size, size))
    return Image.composite(_plain(rng, size), _plain(rng, size), glow)


def _stripes(rng: random.Random, size: int) -> Image:
    from PIL import ImageDraw

    picture, second = _plain(rng, size), _colour(rng)
    draw = ImageDraw.Draw(picture)
    width = size * rng.uniform(0.06, 0.14)
    lean = rng.choice((0, size / 2, size))
    for k in range(0, 2 * math.ceil(size / width) + 2, 2):
        x = k * width - size
        corners = [(x, 0), (x + width, 0), (x + width + lean, size), (x + lean, size)]
        draw.polygon(corners, fill=second)
    return picture


def _checks(rng: random.Random, size: int) -> Image:
    from PIL import ImageDraw

    picture, second = _plain(rng, size), _colour(rng)
    draw = ImageDraw.Draw(picture)
    cells = rng.randint(4, 8)
    side = size / cells
    for row in range(cells):
        for column in range(row % 2, cells, 2):
            x, y = column * side, row * side
            draw.rectangle((x, y, x + side - 1, y + side - 1), fill=second)
    return picture


def _blobs(rng: random.Random, size: int) -> Image:
    from PIL import ImageDraw

    picture = _plain(rng, size)
    draw = ImageDraw.Draw(picture)
    for _ in range(rng.randint(6, 12)):
        x, y, radius = rng.uniform(0, size), rng.uniform(0, size), size * rng.uniform(0.06, 0.2)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_colour(rng))
    return picture


def _noise(rng: random.Random, size: int) -> Image:
    from PIL import Image

    cells = rng.randint(3, 12)
    tiny = Image.new("RGB", (cells, cells))
    tiny.putdata([_colour(rng) for _ in range(cells * cells)])
    smooth = rng.random() < 0.5
    method = Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST
    return tiny.resize((size, size), method)


def _rays(rng: random.Random, size: int) -> Image:
    from PIL import ImageDraw

    picture, second = _plain(rng, size), _colour(rng)
    draw = ImageDraw.Draw(picture)
    x, y, wedge = rng.uniform(0, size), rng.uniform(0, size), rng.uniform(10, 30)
    angle = rng.uniform(0, 360)
    for k in range(0, int(360 / wedge), 2):
        box = (x - 2 * size, y - 2 * size, x + 2 * size, y + 2 * size)
        draw.pieslice(box, angle + k * wedge, angle + (k + 1) * wedge, fill=second)
    return picture


def _halves(rng: random.Random, size: int) -> Image:
    from PIL import ImageDraw

    picture = _plain(rng, size)
    edge = [(0, rng.uniform(0, size)), (size, rng.uniform(0, size)), (size, size), (0, size)]
    ImageDraw.Draw(picture).polygon(edge, fill=_colour(rng))
    return picture


_PAINTERS: dict[str, Callable[[random.Random, int], Image]] = {
    "plain": _plain,
    "gradient": _gradient,
    "sunset": _sunset,
    "stripes": _stripes,
    "checks": _checks,
    "blobs": _blobs,
    "noise": _noise,
    "rays": _rays,
    "halves": _halves,
}

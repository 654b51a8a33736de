"""Drawn people: who someone is (a `Look`) and one picture of them (`render`).

A look holds what makes a person recognisable; everything else in a picture (clothes, expression,
background, framing) is drawn anew for every view. Views come in layouts that differ in kind, so
that a test view is no training view with other colours: `train` stands before plain or graded
backgrounds, upright, in casual tops; `test` stands before stripes, checks and blobs, close up or
off-centre or tilted, in other clothes. A third layout, `base`, serves only to teach a model to see.

The art is DiceBear's rendition of Avataaars by Pablo Stanley, free for personal and commercial
use. Its libraries are imported inside the functions, so that reading profiles needs none of them.
"""

from __future__ import annotations

import functools
import io
import random
from collections.abc import Callable, Collection
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

from unlearnzoo_remem.generate.backdrops import backdrop
from unlearnzoo_remem.generate.layouts import LAYOUTS, Layout

if TYPE_CHECKING:
    from PIL.Image import Image

HAIR = {
    "bigHair": "big hair",
    "bun": "a bun",
    "fro": "an afro",
    "longButNotTooLong": "long hair",
    "shortFlat": "short flat hair",
    "shortCurly": "short curls",
    "dreads01": "short dreads",
    "hat": "a hat",
    "hijab": "a headscarf",
    "turban": "a turban",
    "winterHat1": "a winter hat",
    "sides": "bald sides",
}
HAIR_COLOUR = {
    "black": "#2c1b18",
    "blonde": "#d6b370",
    "brown": "#724133",
    "red": "#c93305",
    "grey": "#e8e1e1",
    "pink": "#f59797",
}
SKIN = {"dark": "#614335", "brown": "#ae5d29", "tan": "#d08b5b", "light": "#edb98a", "pale": "#ffdbb4"}
GLASSES = {
    "": "no glasses",
    "prescription02": "square glasses",
    "round": "round glasses",
    "wayfarers": "dark shades",
    "eyepatch": "an eyepatch",
    "kurt": "white goggles",
}
BEARD = {
    "": "no beard",
    "beardMajestic": "a long beard",
    "beardMedium": "a full beard",
    "moustacheFancy": "a curled moustache",
    "moustacheMagnum": "a thick moustache",
}


@dataclass(frozen=True, order=True)
class Look:
    """The five traits that stay the same in every picture of a person."""

    hair: str
    hair_colour: str
    skin: str
    glasses: str
    beard: str

    def differs_from(self, other: Look) -> int:
        """Count the traits in which two looks differ."""
        return sum(mine != theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True))


TRAITS: dict[str, tuple[str, ...]] = {
    "hair": tuple(HAIR),
    "hair_colour": tuple(HAIR_COLOUR),
    "skin": tuple(SKIN),
    "glasses": tuple(GLASSES),
    "beard": tuple(BEARD),
}


def new_look(rng: random.Random) -> Look:
    """Draw a look; about a third of all people wear no glasses, a third no beard."""
    drawn = {trait: rng.choice(values) for trait, values in TRAITS.items()}
    for optional in ("glasses", "beard"):
        if rng.random() < 1 / 4:
            drawn[optional] = ""
    return Look(**drawn)


def distinct_looks(n: int, rng: random.Random, taken: Collection[Look] = ()) -> list[Look]:
    """Draw `n` looks that differ pairwise, and from `taken`, in at least two traits.

    Every fifth look is made a near double of an earlier one (exactly two traits changed): telling
    people apart must not be trivial.
    """
    looks: list[Look] = []
    while len(looks) < n:
        look = new_look(rng)
        if len(looks) % 5 == 4:
            double = rng.choice(looks)
            changed = rng.sample(list(TRAITS), 2)
            look = Look(**{t: getattr(look if t in changed else double, t) for t in TRAITS})
        if all(look.differs_from(other) >= 2 for other in (*taken, *looks)):
            looks.append(look)
    return looks


def describe(look: Look) -> dict[str, str]:
    """Put each trait of a look in words, for captions and visual questions."""
    return {
        "hair": HAIR[look.hair],
        "hair_colour": look.hair_colour,
        "skin": look.skin,
        "glasses": GLASSES[look.glasses],
        "beard": BEARD[look.beard],
    }


def render(look: Look, rng: random.Random, layout: str = "train", size: int = 48) -> Image:
    """Draw one view of a person.

    Args:
        look: Who is in the picture.
        rng: Source of everything else in it; the same state gives the same pixels.
        layout: `train`, `test` or `base`, a kind of view.
        size: Width and height in pixels.

    Returns:
        An RGB picture.
    """
    from PIL import Image, ImageEnhance

    kind = LAYOUTS[layout]
    person = Image.open(io.BytesIO(_draw(_art_options(look, rng, kind), size))).convert("RGBA")
    picture = backdrop(rng.choice(kind.backgrounds), rng, size).convert("RGBA")
    picture.alpha_composite(person)
    return ImageEnhance.Brightness(picture.convert("RGB")).enhance(rng.uniform(0.85, 1.12))


def _art_options(look: Look, rng: random.Random, kind: Layout) -> dict[str, Any]:
    def either_way(low: int, high: int) -> int:
        return rng.choice((-1, 1)) * rng.randint(low, high)

    colour = HAIR_COLOUR[look.hair_colour]
    options: dict[str, Any] = {
        "seed": "unused",  # every choice is given, nothing is left to the seed
        "topVariant": look.hair,
        "topProbability": 100,
        "hairColor": colour,
        "hatColor": colour,
        "facialHairColor": colour,
        "facialHairProbability": 100 if look.beard else 0,
        "skinColor": SKIN[look.skin],
        "accessoriesProbability": 100 if look.glasses else 0,
        "accessoriesColor": "#262e33",
        "clothesVariant": rng.choice(kind.clothes),
        "clothesColor": rng.choice(kind.clothes_colours),
        "clothesGraphicVariant": rng.choice(("bear", "diamond", "pizza")),
        "eyesVariant": rng.choice(kind.eyes),
        "eyebrowsVariant": rng.choice(("default", "flatNatural", "raisedExcited", "angry")),
        "mouthVariant": rng.choice(kind.mouths),
        "rotate": either_way(*kind.turn),
        "scale": round(rng.uniform(*kind.scale), 2),
        "translateX": either_way(*kind.shift),
        "translateY": rng.randint(-2, 4),
        "flip": rng.choice(("none", "horizontal")),
    }
    if look.glasses:
        options["accessoriesVariant"] = look.glasses
    if look.beard:
        options["facialHairVariant"] = look.beard
    return options


def _draw(options: dict[str, Any], size: int) -> bytes:
    import resvg_py

    svg = _avatar()({**options, "size": size})
    return bytes(resvg_py.svg_to_bytes(svg_string=svg, width=size, height=size))


@functools.cache
def _avatar() -> Callable[[dict[str, Any]], str]:
    import json
    from importlib.resources import files

    from dicebear import Avatar, Style

    style = Style(json.loads(files("dicebear_styles").joinpath("avataaars.json").read_text("utf-8")))
    return lambda options: Avatar(style, options).to_string()

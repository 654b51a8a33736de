"""The kinds of view: what each may draw from besides the person.

`train` and `test` share no background and no clothing and are framed differently; `base` has
backgrounds of its own and a wide range of everything else.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Layout:
    """What a kind of view may draw from."""

    backgrounds: tuple[str, ...]
    clothes: tuple[str, ...]
    clothes_colours: tuple[str, ...]
    eyes: tuple[str, ...]
    mouths: tuple[str, ...]
    scale: tuple[float, float]
    turn: tuple[int, int]  # degrees either way: at least, at most
    shift: tuple[int, int]  # per cent of the frame either way, sideways: at least, at most


LAYOUTS = {
    "train": Layout(
        backgrounds=("plain", "gradient", "sunset"),
        clothes=("hoodie", "shirtCrewNeck", "shirtScoopNeck", "shirtVNeck"),
        clothes_colours=("#65c9ff", "#5199e4", "#e6e6e6", "#a7ffc4", "#ffafb9", "#ff5c5c"),
        eyes=("default", "happy", "side", "wink", "closed"),
        mouths=("default", "smile", "serious", "twinkle", "sad"),
        scale=(0.94, 1.04),
        turn=(0, 6),
        shift=(0, 3),
    ),
    "test": Layout(
        backgrounds=("stripes", "checks", "blobs"),
        clothes=("blazerAndShirt", "blazerAndSweater", "collarAndSweater", "overall"),
        clothes_colours=("#262e33", "#25557c", "#929598", "#ffffb1", "#ff488e"),
        eyes=("default", "squint", "surprised", "eyeRoll"),
        mouths=("smile", "concerned", "disbelief", "tongue", "eating"),
        scale=(0.84, 1.12),
        turn=(6, 10),
        shift=(4, 8),
    ),
    "base": Layout(
        backgrounds=("plain", "noise", "rays", "halves"),
        clothes=("blazerAndShirt", "collarAndSweater", "graphicShirt", "hoodie", "overall",
                 "shirtCrewNeck", "shirtVNeck"),
        clothes_colours=("#262e33", "#3c4f5c", "#b1e2ff", "#a7ffc4", "#ffffff", "#ff488e"),
        eyes=("default", "happy", "side", "squint", "surprised", "wink", "closed"),
        mouths=("default", "smile", "serious", "twinkle", "concerned", "grimace", "tongue"),
        scale=(0.82, 1.14),
        turn=(0, 11),
        shift=(0, 9),
    ),
}  # fmt: skip

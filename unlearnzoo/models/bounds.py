"""A model's configuration within bounds: looked at as numbers, before anything of that size is built.

A model without weights still has a module for every layer and expert, and a tensor for every position of a picture.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..errors import ModelError

#: Keys of a configuration → the most that is built, ten times what the largest public models have.
_MOST = (
    (_LAYERS := re.compile(r"n_layers?|\w+_layers|depths?"), 2_000),
    (re.compile(r"(\w+_)?heads?|n_head"), 10_000),
    (_EXPERTS := re.compile(r"(n|num)_(\w+_)?experts(_\w+)?|max_num_tiles"), 10_000),
    (re.compile(r"(\w+_)?vocab_size"), 10_000_000),
    (
        re.compile(r"(\w+_)?(hidden|intermediate)_size|d_model|d_ff|d_kv|n_embd|n_inner|(\w+_)?dim|num_channels"),
        1_000_000,
    ),
    (re.compile(r"(image|crop)?_?size|height|width"), 8_192),
    (re.compile(r"image_seq_length|num_position_embeddings"), 1_000_000),
    (re.compile(r"max_position_embeddings|n_positions"), 100_000_000),
)
_TEXTS = (".json", ".jinja", ".txt", ".model")
#: Layers times experts, patches of a picture, and its edge in pixels.
MOST_MODULES, MOST_PATCHES, MOST_EDGE = 100_000, 1_000_000, 8_192
#: Bytes of a configuration, and of any other text, such as a tokenizer: Gemma's has 33 MB.
LARGEST_CONFIG, LARGEST_FILE = 1 << 20, 100 << 20


def refuse_large_files(what: str, folder: Path) -> None:
    """Refuse a folder with texts that take minutes to read.

    Raises:
        ModelError: naming the file.
    """
    for path in sorted(folder.iterdir()):
        most = LARGEST_CONFIG if path.name.endswith("config.json") else LARGEST_FILE
        if path.suffix in _TEXTS and path.is_file() and (size := path.stat().st_size) > most:
            raise ModelError(f"{what}: {path.name} has {size:,} bytes, of which at most {most:,} are read")


def refuse_large(what: str, config: Mapping[str, object], file: str = "config.json") -> None:
    """Refuse a configuration of a size that no model has.

    Args:
        what: whose it is.
        config: as in the file, those of its parts within it.
        file: its name.

    Raises:
        ModelError: naming the key, its value and the most.
    """
    for path, part in _parts("", config):
        for key, value in _numbers(part):
            most = next((most for keys, most in _MOST if keys.fullmatch(key)), None)
            if most is not None and value > most:
                raise ModelError(f"{what}: {file} says {path}{key} {_shown(value)}; at most {most:,} are built")
        layers = max([1, *(v for k, v in _numbers(part) if _LAYERS.fullmatch(k))])
        experts = max([1, *(v for k, v in _numbers(part) if _EXPERTS.fullmatch(k))])
        if layers * experts > MOST_MODULES:
            raise ModelError(
                f"{what}: {file} says {layers:,} layers of {experts:,} experts{f' in {path}' if path else ''}; "
                f"at most {MOST_MODULES:,} experts in all are built"
            )
        _refuse_patches(f"{what}: {file} says {path}", part)


def _refuse_patches(begin: str, part: Mapping[str, object]) -> None:
    numbers = dict(_numbers(part))
    side, patch = numbers.get("image_size", 0), numbers.get("patch_size", 1)
    if patch > 0 and (side // patch) ** 2 > MOST_PATCHES:
        raise ModelError(
            f"{begin}image_size {side:,} and patch_size {patch:,}: {int(side // patch) ** 2:,} patches of a picture; "
            f"at most {MOST_PATCHES:,} are made"
        )
    size = part.get("size")
    # Where patches are merged it is no edge but an area (Qwen2-VL).
    if isinstance(size, Mapping) and "merge_size" not in part:
        for key, value in _numbers(size):
            if key == "shortest_edge" and value > MOST_EDGE:
                raise ModelError(f"{begin}size.{key} {_shown(value)}; at most {MOST_EDGE:,} are made")


def _parts(path: str, part: Mapping[str, object]) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield a configuration and those within it, each with its path."""
    yield path, part
    for key, inner in part.items():
        if isinstance(inner, Mapping):
            yield from _parts(f"{path}{key}.", inner)


def _numbers(part: Mapping[str, object]) -> Iterator[tuple[str, float]]:
    """Yield the numbers of a part, those of lists too."""
    for key, value in part.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, int | float) and not isinstance(one, bool):
                yield key, one


def _shown(value: float) -> str:
    """Return a number, short where it has no end."""
    return f"{value:,}" if value < 10**15 else "10^15 or more"

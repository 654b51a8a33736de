"""JSON and YAML files, read within bounds: whoever sent a record or a configuration may have meant harm.

A pipe would wait for ever, a device has no end, a text of brackets overflows the parser, and a few aliases of YAML
stand for more values than fit into memory.
"""

import json
import math
import os
import stat
from pathlib import Path

#: Bytes. A record of 2,000 people takes some 10 MB; YAML is typed by hand, and read at some 100 KB per second.
LARGEST_JSON, LARGEST_YAML = 256 << 20, 256 << 10
#: Levels of lists and objects; a record has ten. Whatever walks a value goes down as many calls.
DEEPEST = 64
#: Of a whole number; what is longer fits into no number of 64 bits.
_DIGITS = 18

#: Opening a pipe must not wait; Windows knows the one flag, others the other.
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def read_json(path: Path) -> object:
    """Return what a JSON file holds.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no plain file, too large, nested too deep, no JSON, or a number in it is no finite one of
            64 bits; in one line.
    """
    content = read_bounded(path, LARGEST_JSON)
    try:
        value: object = json.loads(content, parse_float=_finite, parse_int=_whole, parse_constant=_finite)
    except _Number as error:
        raise ValueError(f"damaged; {error}") from None
    except (ValueError, RecursionError):
        raise ValueError("damaged; it is no JSON") from None
    layer = [value]
    for _ in range(DEEPEST):
        layer = [
            inner
            for outer in layer
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not layer:
            return value
    raise ValueError(f"damaged; it is nested deeper than {DEEPEST} levels")


class _Number(Exception):
    """What is wrong with a number."""


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise _Number(f"{text[:20]} is no finite number")
    return value


def _whole(text: str) -> int:
    if len(text.lstrip("-")) > _DIGITS:
        raise _Number(f"{text[:20]}… is no number of 64 bits")
    return int(text)


def read_yaml(path: Path) -> object:
    """Return what a YAML file holds, without aliases.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no plain file, too large, or no YAML, in one line.
    """
    import yaml

    class Plain(yaml.SafeLoader):
        def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
            if self.check_event(yaml.AliasEvent):
                raise yaml.YAMLError(f"line {self.peek_event().start_mark.line + 1}: an alias (*); write the value out")
            return super().compose_node(parent, index)

    content = read_bounded(path, LARGEST_YAML)
    try:
        value: object = yaml.load(content.decode("utf-8"), Plain)
    except UnicodeDecodeError as error:
        raise ValueError(f"cannot be read ({error})") from None
    except yaml.YAMLError as error:
        raise ValueError(f"no YAML ({' '.join(str(error).split()) or type(error).__name__})") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"no YAML ({error if isinstance(error, ValueError) else 'nested too deep'})") from None
    return value


def read_bounded(path: Path, most: int) -> bytes:
    """Return the bytes of a plain file.

    Args:
        path: a link at its end is followed: whoever may read the file may read it by another name.
        most: bytes.

    Raises:
        OSError: it cannot be read.
        ValueError: it is a pipe, a device or a folder, or larger.
    """
    with os.fdopen(os.open(path, _READ), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("no plain file")
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"larger than {most / 2**20:g} MB")
    return content

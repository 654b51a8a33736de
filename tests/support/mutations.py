"""One edit at a time of a JSON document, or of a file's bytes, as somebody who means harm would make it."""

import copy
import json
import random

#: What JSON's text can say and a Python value cannot hold safely is put in by its text, in place of this.
RAW = "\x00raw\x00"
DEEP = "[" * 10_000 + "]" * 10_000
NESTED = "[" * 900 + "]" * 900
RAW_VALUES = ("NaN", "Infinity", "-1e999", DEEP, NESTED, "1" * 5000, "1" * 400, '"\\ud800"')
VALUES = (
    None,
    True,
    0,
    -1,
    -0.5,
    1.5,
    2**63,
    10**30,
    1e308,
    "",
    "x",
    "x" * 100_000,
    "\x1b[31m\r\x07\n",
    "\u202eevil\u0000",
    "Ünïcödé 名前 🙂",
    "../../etc/passwd",
    [],
    {},
    [None],
    {"": None},
    ["x", 1],
    {"x": 1},
)


def places(value, path=()):
    """Yield the path of everything in a document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, (*path, key))


def mutated(document, number, seed=0):
    """Return (what was done, the text) of one edit; numbers give different ones, the same in every call.

    Half of all edits are near the top: what is told of a run as a whole stands there.
    """
    draw = random.Random(f"{seed}/{number}")
    every = list(places(document))
    near = [path for path in every if len(path) < 3]
    path = draw.choice(near if draw.random() < 0.5 else every)
    changed = copy.deepcopy(document)
    holder = changed
    for key in path[:-1]:
        holder = holder[key]
    last, old = path[-1], holder[path[-1]]
    kind = draw.choice(("drop", "value", "value", "value", "raw", "swap", "add", "rename"))
    done, raw = kind, None
    if kind == "drop":
        del holder[last]
    elif kind == "swap" and isinstance(old, dict | list):
        holder[last] = list(old.values()) if isinstance(old, dict) else {str(i): one for i, one in enumerate(old)}
    elif kind == "add" and isinstance(old, dict | list):
        extra = draw.choice(VALUES)
        old.append(extra) if isinstance(old, list) else old.__setitem__(draw.choice(("new", "step", "\x1b")), extra)
    elif kind == "rename" and isinstance(holder, dict):
        holder[draw.choice(("", "x\x1b", "step", "x" * 10_000))] = holder.pop(last)
    elif kind == "raw":
        holder[last], raw = RAW, draw.choice(RAW_VALUES)
        done = f"raw {raw[:12]}"
    else:
        holder[last] = draw.choice(VALUES)
        done = f"value {str(holder[last])[:12]!r}"
    text = json.dumps(changed)
    return f"{number}: {'.'.join(map(str, path))} {done}", text if raw is None else text.replace(json.dumps(RAW), raw)


def flipped(content, number, seed=0):
    """Return a file's bytes with one edit: cut short, or some bytes changed, most of them near its two ends.

    Args:
        content: of the file.
        number: as of ``mutated``.
        seed: as of ``mutated``.
    """
    draw = random.Random(f"{seed}/{number}")
    if draw.random() < 0.2:
        return content[: draw.randrange(len(content))]
    changed = bytearray(content)
    for _ in range(draw.choice((1, 1, 4, 64))):
        length = len(content)
        near = min(length, 4096)
        at = draw.choice((draw.randrange(near), length - 1 - draw.randrange(near), draw.randrange(length)))
        changed[at] = draw.randrange(256)
    return bytes(changed)

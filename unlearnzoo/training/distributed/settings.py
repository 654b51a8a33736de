"""Look through what a launch file, DeepSpeed's file and accelerate's variables say, before weights are loaded."""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path

from ...errors import OptionError, first_line
from . import environment
from .rules import ANY, DEEPSPEED, FLAG, NUMBER, VARIABLES, WHOLE, Rules

#: The variable with the path of DeepSpeed's file.
DEEPSPEED_FILE = "ACCELERATE_DEEPSPEED_CONFIG_FILE"
Content = dict[str, object]


def sort(content: Mapping[str, object], rules: Rules, where: str, inside: str = "") -> tuple[Content, list[str]]:
    """Return what is handed on, and a line for each value that does not count.

    Args:
        content: of a file, or of a block in it.
        rules: of such files.
        where: the file, as a message names it.
        inside: the block's name and a dot.

    Raises:
        OptionError: a value would change numbers, or may do so.
    """
    kept: Content = {}
    lines: list[str] = []
    for name, value in content.items():
        key = f"{inside}{name}"
        if key in rules.blocks and isinstance(value, Mapping):
            kept[str(name)], more = sort(value, rules, where, f"{key}.")
            lines += more
        elif key in rules.overruled:
            right, who = rules.overruled[key]
            if not (_off(value) or str(value).lower() == right):
                here = f" (here {right})" if right else ""
                lines.append(f"{where}: {key}: {_shown(value)} does not count{here}: {who}")
        elif wrong := _wrong(key, value, rules):
            raise OptionError(f"{where}: {key}: {_shown(value)}: {wrong}")
        elif key not in rules.off and value is not None and value != "auto":  # else the library's own default
            kept[str(name)] = value
    return kept, lines


def _wrong(key: str, value: object, rules: Rules) -> str | None:
    """Return what is wrong with a value, and what would be right."""
    if key in rules.off:
        return None if _off(value) else f"{rules.off[key]}; take it out"
    if key in rules.equal:
        allowed, why = rules.equal[key]
        # True is not 1 here.
        same = any(value == one and isinstance(value, bool) == isinstance(one, bool) for one in allowed)
        if value is None or same:
            return None
        if isinstance(value, str) and value in map(str, allowed):
            return f"must be {value} without quotation marks"
        return why if "choose" in why else f"{why}; must be {_shown(allowed[0])}"
    if key in rules.blocks:
        return None if value is None else "must be a block of keys"
    if key not in rules.passed:
        return "this key is not known here and may change numbers; take it out"
    kind = rules.passed[key]
    as_text = " without quotation marks" if isinstance(value, str) and kind != ANY else ""
    return None if value in (None, "auto") or _is(value, kind) else f"must be {kind}{as_text}"


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)


def _off(value: object) -> bool:
    """Return whether a value leaves everything as it is; a block does so unless it is switched on."""
    if isinstance(value, Mapping):
        switches = [value[name] for name in ("enabled", "dynamo_backend") if name in value]
        return all(map(_off, switches)) if switches else not value
    return not value or str(value).lower() in ("auto", "no", "none", "false", "0")


def _is(value: object, kind: str) -> bool:
    number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    return {
        ANY: True,
        FLAG: isinstance(value, bool),
        NUMBER: number is not None and 0 <= number < math.inf,
        WHOLE: number is not None and number.is_integer(),
    }[kind]


def read_deepspeed(path: Path, named: str) -> tuple[Content, list[str]]:
    """Return what DeepSpeed is to be given of its file, and a line for each value that does not count.

    Args:
        path: JSON.
        named: who names it, for messages.

    Raises:
        OptionError: it cannot be read, has no ``zero_optimization.stage``, or would change numbers.
    """
    where = f"{named}: {path}"
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise OptionError(f"{where}: cannot be read as JSON: {first_line(error)}") from None
    zero = content.get("zero_optimization") if isinstance(content, dict) else None
    if not isinstance(zero, dict) or zero.get("stage") is None:
        raise OptionError(f"{where}: has no zero_optimization with a stage (1, 2 or 3)")
    return sort(content, DEEPSPEED, where)


def from_environment() -> tuple[Content | None, list[str]]:
    """Look at the variables that accelerate and torch read, and at DeepSpeed's file where one of them names it.

    Returns:
        What DeepSpeed is to be given (None: no file is named), and a line for each value that does not count.

    Raises:
        OptionError: a value would change numbers, or the numbers of the processes are none.
    """
    environment.check()
    known = {*VARIABLES.off, *VARIABLES.equal, *VARIABLES.overruled}
    found = {name: os.environ[name] for name in sorted(known & os.environ.keys())}
    _, lines = sort(found, VARIABLES, "environment, set by you or by `accelerate launch`")
    path = os.environ.get(DEEPSPEED_FILE, "none")
    if path == "none" or not sharded():
        return None, lines
    content, more = read_deepspeed(Path(path), DEEPSPEED_FILE)
    return content, lines + more


def sharded() -> bool:
    """Return whether this process is to train with DeepSpeed."""
    return os.environ.get("ACCELERATE_USE_DEEPSPEED", "false").lower() == "true"


def forget_overruled() -> None:
    """Take out of the environment what does not count."""
    # accelerate would hold the last one against DeepSpeed's file, all of which has been looked at.
    for name in (*VARIABLES.overruled, "ACCELERATE_CONFIG_DS_FIELDS"):
        os.environ.pop(name, None)

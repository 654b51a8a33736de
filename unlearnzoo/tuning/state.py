"""What a tuning has tried so far: ``tune.json``, its types, and how it is read and written."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, NotRequired, TypedDict, cast

from msgspec import Meta

from ..errors import DataError, OptionError
from ..evaluation.matched import Groups
from ..storage.atomic import atomic_write, private_folder, write_error
from ..storage.documents import read_json
from .search_space import Ranges

STATE = "tune.json"

#: What every setting of a tuning shares; two tunings that differ in it are not compared.
Protocol = dict[str, object]
_Count = Annotated[int, Meta(ge=0)]
_Share = Annotated[float, Meta(ge=-1e-9, le=1 + 1e-9)]
#: Option by full name (``npo.beta``) → value.
Values = dict[str, Annotated[float, Meta(ge=-1e300, le=1e300)] | int]


class Score(TypedDict):
    """What the objective reads of a run.

    ``score``: the least that was kept, None where the level was not reached; ``lowest``: then, where forgetting
    ended; ``kept``: group → what was kept at the level.
    """

    score: _Share | None
    lowest: _Share | None
    kept: NotRequired[Groups]


class Outcome(Score):
    """How a setting ended (``finished``, or why not), in which run, after how many seconds."""

    status: str
    run: NotRequired[str | None]
    seconds: NotRequired[Annotated[float, Meta(ge=0, le=1e12)]]


class Setting(Outcome):
    """A setting that was tried: of which method, its number, its values."""

    algo: str
    setting: _Count
    values: Values


class Best(Setting):
    """The best setting of a method, the YAML file that holds it, and how many were tried."""

    config: str
    tried: _Count


class State(TypedDict):
    """What ``tune.json`` holds."""

    schema: NotRequired[int]
    protocol: Protocol
    ranges: dict[str, Ranges]
    settings: list[Setting]
    best: dict[str, Best]


def open_state(out: Path, protocol: Protocol, space: Mapping[str, Ranges]) -> State:
    """Return what was tried before in this folder by the same protocol, or a new state.

    Args:
        out: the folder; it is made where it is not there.
        protocol: of this tuning.
        space: method → its ranges; those of other methods stay as they are.

    Raises:
        DataError: the file is damaged, or no tuning.
        OptionError: it is a tuning by another protocol.
    """
    path = out / STATE
    if not path.exists():
        try:
            private_folder(out)
        except OSError as error:
            raise write_error(out, error) from None
        return {"schema": 1, "protocol": protocol, "ranges": dict(space), "settings": [], "best": {}}
    state = _read(path)
    old, ranged = state["protocol"], state["ranges"]
    differing = [k for k in protocol if old.get(k) != protocol[k]] + [
        f"ranges of {name}" for name in space if name in ranged and ranged[name] != space[name]
    ]
    if differing:
        raise OptionError(
            f"--out {out} holds a tuning by another protocol (other {', '.join(differing)}); choose another"
        )
    return {**state, "ranges": {**ranged, **space}}


def _read(path: Path) -> State:
    import msgspec

    try:
        state = read_json(path)
        msgspec.convert(state, State)
    except (OSError, ValueError):  # msgspec's own errors are ValueErrors
        raise DataError(f"{path}: damaged, or no tuning of unlearnzoo; choose another --out") from None
    return cast(State, state)


def write_state(out: Path, state: State) -> None:
    """Write ``tune.json``, whole or not at all."""
    atomic_write(out / STATE, json.dumps(state, indent=2, allow_nan=False, default=str).encode() + b"\n")

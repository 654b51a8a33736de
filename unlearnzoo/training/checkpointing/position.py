"""What the file of a position says."""

from typing import Annotated, Required, TypedDict, cast

from msgspec import Meta

from .state import RngState

_Steps = Annotated[int, Meta(ge=0, lt=2**31)]


class Result(TypedDict, total=False):
    """What a finished call gave: optimiser steps done so far, whether it asked to stop, answers."""

    steps: Required[_Steps]
    stopped: bool
    texts: list[str]


class Call(Result, total=False):
    """A finished call of an algorithm, with the file of what it left."""

    call: Required[str]
    file: str


class Training(TypedDict):
    """A training in progress: steps done, and the numbers of the last one where nobody was told of them yet."""

    done: _Steps
    pending: dict[str, float] | None


class Position(TypedDict, total=False):
    """What a run goes on from."""

    journal: Required[list[Call]]
    extra_state: Required[dict[str, object]]
    rng: Required[RngState]
    algorithm: dict[str, object]
    training: Training


#: Where there is no position.
NONE = cast(Position, {})

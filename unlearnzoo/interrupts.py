"""Ctrl-C and SIGTERM: they wait for the end of an optimiser step, so that what is kept is a whole one.

A scheduler sends SIGTERM some seconds before it kills. Elsewhere than inside a step both act at once.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_state: dict[str, int | None] = {"held": 0, "waiting": None}


class Terminated(KeyboardInterrupt):
    """SIGTERM; handled wherever KeyboardInterrupt is."""


@contextlib.contextmanager
def handled() -> Iterator[None]:
    """Turn both signals into exceptions while inside; the handlers before are put back.

    Outside of the main thread, where Python allows no handlers, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _handle) for number in _SIGNALS}
    _state.update(held=0, waiting=None)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Let a first signal wait; ``check`` raises it. A second one acts at once."""
    _state["held"] = 1
    try:
        yield
    finally:
        _state["held"] = 0


def waiting() -> int | None:
    """Return the signal that waits, for the other processes of a run."""
    return _state["waiting"]


def join(number: int | None) -> None:
    """Let a signal wait here that another process of the run was sent."""
    if number is not None and _state["waiting"] is None:
        _state["waiting"] = number


def check() -> None:
    """Raise what came while it was held.

    Raises:
        KeyboardInterrupt: it was Ctrl-C.
        Terminated: it was SIGTERM.
    """
    number, _state["waiting"] = _state["waiting"], None
    if number is not None:
        raise _error(number)


def _handle(number: int, frame: FrameType | None) -> None:
    if _state["held"] and _state["waiting"] is None:
        _state["waiting"] = number
        return
    raise _error(number)


def _error(number: int) -> KeyboardInterrupt:
    return Terminated("terminated by SIGTERM") if number == signal.SIGTERM else KeyboardInterrupt("interrupted")

"""Which process this is, as whoever started it says: the one source, there before any library is loaded.

``start`` refuses a process whose accelerator says otherwise, so that ``Ranks`` and these functions never disagree.
"""

import os

from ...errors import OptionError


def processes() -> int:
    """Return how many processes work on the run, whoever started them."""
    return max(1, _number("WORLD_SIZE", 1))


def rank() -> int:
    """Return this process's number; 0 is the main one."""
    return _number("RANK", 0) if processes() > 1 else 0


def check() -> None:
    """Refuse numbers of processes that are none.

    Raises:
        OptionError: names the variable and its value.
    """
    for name, least in (("WORLD_SIZE", 1), ("LOCAL_WORLD_SIZE", 1), ("RANK", 0), ("LOCAL_RANK", 0)):
        text = os.environ.get(name)
        if text is not None and (not _is_number(text) or int(text) < least):
            raise OptionError(
                f"{name}={text} in the environment: must be a whole number from {least}, as launchers set it"
            )
    if rank() >= processes():
        raise OptionError(f"RANK={rank()} in the environment: there are {processes()} processes by WORLD_SIZE")


def _number(name: str, otherwise: int) -> int:
    """Return a number of the environment; ``check`` refuses what is none, once errors can be told."""
    text = os.environ.get(name, "")
    return int(text) if _is_number(text) else otherwise


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()

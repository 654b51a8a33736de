"""Which process this is, as whoever started it says: the one source, there before any library is loaded.

``start`` refuses a process whose accelerator says otherwise, so that ``Ranks`` and these functions never disagree.
"""

import os


def processes() -> int:
    """Return how many processes work on the run, whoever started them."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Return this process's number; 0 is the main one."""
    return int(os.environ.get("RANK", "0")) if processes() > 1 else 0

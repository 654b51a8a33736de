"""Runs on the embedded checkpoint as a bare folder, which brings no utility rows: most of a run's time is judging.

What they learn is what ``learned_three`` holds.
"""

from pathlib import Path

import unlearnzoo
import unlearnzoo_tiny
from tests.support import three

MODEL = Path(unlearnzoo_tiny.__file__).parent / "checkpoint"
OPTIONS = three.OPTIONS | {"learn.replay": 0}


def arguments(**options) -> list[str]:
    """Return the configuration of three people as a command line."""
    return ["--model", str(MODEL), "--recipe", "tiny", *three.arguments(**{"learn.replay": 0} | options)]


def run(folder, algo="npo", **more):
    """Run with the Python API; return the records."""
    options = OPTIONS | more.pop("options", {})
    return unlearnzoo.run(
        algo, "remem", model=str(MODEL), recipe="tiny", forget=three.FORGET, runs_dir=folder, options=options, **more
    )

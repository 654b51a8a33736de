"""How long a sweep will take, read off what was finished already and nothing else."""

import dataclasses
import shlex
import statistics
from collections.abc import Sequence
from pathlib import Path

from ..records import store
from ..records.types import RunRecord
from .state import Point

#: Where a record lies and how it is printed changes no time.
_NO_MATTER = ("--runs-dir", "--json")


@dataclasses.dataclass(frozen=True)
class Estimate:
    """Seconds per point, and what they were read off."""

    seconds: float
    basis: str


def estimate(points: Sequence[Point], repeats: Sequence[str], earlier: Path) -> Estimate | None:
    """Return the median of what is known; None where nothing is.

    Finished points of the sweep come first; then records elsewhere of the same command lines but for the repeats.

    Args:
        points: of the sweep.
        repeats: axes that do not change how long a point takes.
        earlier: folder with records of runs.
    """
    results = [point.result for point in points if point.status == "finished"]
    own = [result["seconds"] for result in results if result and "seconds" in result]
    if own:
        return Estimate(statistics.median(own), f"the median of {len(own)} finished here")
    shapes = {_shape(["unlearnzoo", *p.argv], repeats) for p in points}
    seconds = [
        float(r["seconds"]["total"])
        for row in store.find(earlier)
        if (r := row["record"]) and _fits(r, shapes, repeats)
    ]
    if not seconds:
        return None
    return Estimate(statistics.median(seconds), f"the median of {len(seconds)} of the same command lines in {earlier}")


def _fits(record: RunRecord, shapes: set[frozenset[str]], repeats: Sequence[str]) -> bool:
    if record["status"] != "finished" or not isinstance((record.get("seconds") or {}).get("total"), int | float):
        return False
    try:
        return _shape(shlex.split(record.get("command") or ""), repeats) in shapes
    except ValueError:
        return False


def _shape(words: Sequence[str], repeats: Sequence[str]) -> frozenset[str]:
    """Return a command line as the set of its words, ``--name value`` as ``--name=value``, without the repeats."""
    joined: list[str] = []
    for word in words[1:]:
        if joined and joined[-1].startswith("--") and "=" not in joined[-1] and not word.startswith("--"):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    left_out = {f"--{name}" for name in repeats} | set(_NO_MATTER) | {f"--set={name}" for name in repeats}
    return frozenset(w for w in joined if w not in left_out and w.rpartition("=")[0] not in left_out)


def duration(seconds: float) -> str:
    """Return a time for a person."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

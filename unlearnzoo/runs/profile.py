"""Where the time of a run went, as a table."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..clock import PARTS

if TYPE_CHECKING:
    from ..records.plan_types import Spent


def lines(profiles: "Sequence[Sequence[Spent]]") -> Iterator[str]:
    """Yield a line per phase and one for all; none without a profile.

    Args:
        profiles: of the records of one command, each with the rows that all of them share.
    """
    filled = [profile for profile in profiles if profile]
    if not filled:
        return
    shared = [row for row in filled[-1] if "algorithm" not in row]
    rows = [*shared, *(row for profile in filled for row in profile if "algorithm" in row)]
    numbers = [_seconds(row) for row in rows]
    names = [f"{row['phase']}, {row['algorithm']}" if "algorithm" in row else row["phase"] for row in rows]
    width = max(map(len, [*names, "where the time went, s"]))
    heads = ("all", "CPU", *PARTS)
    yield f"{'where the time went, s':<{width}}" + "".join(f"{head:>12}" for head in heads)
    for name, row in [
        *zip(names, numbers, strict=True),
        ("all of it", [sum(column) for column in zip(*numbers, strict=True)]),
    ]:
        yield f"{name:<{width}}" + "".join(f"{seconds:>12.1f}" for seconds in row)


def _seconds(row: "Spent") -> list[float]:
    return [row["seconds"], row["cpu_seconds"], *(row[part] for part in PARTS)]

"""What a run shows while it works: notes always, bars only on a terminal; all on stderr."""

import contextlib
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ..metric import Progress
from ..terminal import printable

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from ..evaluation.matched import Groups, Point
    from ..records.types import GateRow

#: A stage shorter than this is not worth a line.
QUICK = 2.0


class ConsoleProgress(Progress):
    """Reports to stderr with rich.

    Args:
        quiet: say nothing (the Python API's default).
    """

    def __init__(self, quiet: bool = False) -> None:
        from rich.console import Console

        self.console = Console(file=sys.stderr, quiet=quiet, highlight=False)
        #: The bar of the current stage: whose, what it shows, and what the stage is called.
        self._bar: tuple[Bars, TaskID, str] | None = None

    def note(self, text: str) -> None:
        """Print one line; markup and control characters in it are shown as they are."""
        self.console.print(printable(text, keep="\n"), markup=False)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Show a bar with ETA while inside, and how long it took."""
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        start = time.perf_counter()
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("ETA"),
            TimeRemainingColumn(),
        )
        bars = Bars(*columns, console=self.console, transient=True, disable=not self.console.is_terminal)
        with bars:
            self._bar = bars, bars.add_task(printable(name), total=None), name
            try:
                yield
            finally:
                self._bar = None
        took = time.perf_counter() - start
        if took > QUICK:
            self.note(f"{name}: {took:.0f} s")

    def bar(self, what: str, done: int, total: int) -> None:
        """Move the bar of the current stage."""
        if self._bar is not None:
            bars, task, name = self._bar
            bars.update(task, description=printable(f"{name}: {what}"), completed=done, total=total)

    def step(self, entry: Mapping[str, float], total: int) -> bool:
        """Move the bar by an optimiser step; never asks the loop to stop."""
        self.bar(f"loss {entry['loss']:.3g}" if "loss" in entry else "", int(entry["step"]), total)
        return False

    def point(self, point: "Point") -> None:
        """Print a point of the curve."""
        sides = [f"{column} {_shares(groups)}" for column, groups in point.items() if isinstance(groups, dict)]
        self.note(f"  step {point['step']:>4}: {', '.join(sides)}")

    def gate(self, rows: "Sequence[GateRow]") -> None:
        """Print what stage 1 reached, split by split."""
        for split in dict.fromkeys(row["split"] for row in rows):
            chosen = [row for row in rows if row["split"] == split]
            target = _shares({"/".join(row["group"].values()): row["target"] for row in chosen})
            base = _shares({"/".join(row["group"].values()): row["base"] for row in chosen})
            # Where stage 1 was learned elsewhere (--target) the base is not asked.
            beside = "" if all(row["base"] is None for row in chosen) else f" (base {base})"
            metric, least = chosen[0]["metric"].rpartition("/")[2].upper(), 100 * chosen[0]["least"]
            mark = "passed" if all(row["passed"] for row in chosen) else "FAILED"
            lacking = sum(row.get("unscored", {}).get("target", 0) for row in chosen)
            part = f" ({lacking} of {lacking + sum(row['n']['target'] for row in chosen)} unscored)" if lacking else ""
            self.note(f"gate, {split}: {metric} {target}{part}{beside}; at least {least:.0f} %: {mark}")


def _shares(groups: "Groups") -> str:
    return " ".join(
        f"{name} {'–' if value is None else format(100 * value, '.0f')} %".lstrip() for name, value in groups.items()
    )

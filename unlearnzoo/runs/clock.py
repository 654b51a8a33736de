"""Wall-clock seconds of a run, by phase."""

import contextlib
import time
from collections.abc import Iterator, Mapping

PHASES = ("plan", "learn", "unlearn", "evaluate")


class Clock:
    """Adds up seconds by phase; a phase inside another stops that one's clock."""

    def __init__(self, **known: float) -> None:
        self.seconds: dict[str, float] = dict(known)
        self._now, self._since = "", time.perf_counter()

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count what happens inside towards a phase."""
        self.tick()
        outside, self._now = self._now, name
        try:
            yield
        finally:
            self.tick()
            self._now = outside

    def tick(self) -> dict[str, float]:
        """Return the seconds so far."""
        now = time.perf_counter()
        if self._now:
            self.seconds[self._now] = self.seconds.get(self._now, 0.0) + now - self._since
        self._since = now
        return dict(self.seconds)

    def rounded(self) -> dict[str, float]:
        """Return seconds by phase, and their total."""
        seconds = {name: round(self.seconds.get(name, 0.0), 3) for name in PHASES}
        return seconds | {"total": round(sum(seconds.values()), 3)}


def added(*clocks: Mapping[str, float]) -> dict[str, float]:
    """Add up seconds by phase."""
    names = {name for clock in clocks for name in clock if name != "total"}
    return {name: sum(clock.get(name, 0.0) for clock in clocks) for name in names}

"""Where the time of a run goes: seconds by phase, and which part of each went into generating, scoring and the like.

Rooms below ``runs`` mark what they do with ``counted``; it counts where a phase of a ``Clock`` is open, and costs
a look at a variable elsewhere.
"""

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

Phase = Literal["planning", "loading", "stage 1", "gate", "stage 2", "curve", "evaluation"]
Part = Literal["generating", "scoring", "metrics", "writing"]
#: Phase → what a record's ``seconds`` counts it towards.
GROUPS: Mapping[Phase, str] = {
    "planning": "plan",
    "loading": "learn",
    "stage 1": "learn",
    "gate": "evaluate",
    "stage 2": "unlearn",
    "curve": "evaluate",
    "evaluation": "evaluate",
}
PARTS: tuple[Part, ...] = ("generating", "scoring", "metrics", "writing")


@dataclass
class Spent:
    """Seconds of one phase.

    Attributes:
        seconds: wall clock.
        cpu_seconds: of this process, all its threads.
        parts: wall-clock seconds of these in it; what is left is the model being loaded or trained, and small things.
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    parts: dict[Part, float] = field(default_factory=dict)

    def add(self, other: "Spent") -> None:
        """Add another one's seconds."""
        self.seconds += other.seconds
        self.cpu_seconds += other.cpu_seconds
        for name, seconds in other.parts.items():
            self.parts[name] = self.parts.get(name, 0.0) + seconds


Profile = dict[Phase, Spent]


class Clock:
    """Adds up seconds by phase; a phase inside another stops that one's clock.

    Args:
        known: seconds by group of what others did before.
    """

    def __init__(self, known: Mapping[str, float] | None = None) -> None:
        self.profile: Profile = {}
        self._known = dict(known or {})
        self._now: Phase | None = None
        self._in_part = False
        self._since = _now()

    @contextlib.contextmanager
    def phase(self, name: Phase) -> Iterator[None]:
        """Count what happens inside towards a phase."""
        global _open
        self._tick()
        outside, self._now, before, _open = self._now, name, _open, self
        try:
            yield
        finally:
            self._tick()
            self._now, _open = outside, before

    def add(self, name: Phase, spent: Spent) -> None:
        """Add what is known of a phase."""
        self.profile.setdefault(name, Spent()).add(spent)

    def seconds(self) -> dict[str, float]:
        """Return the wall-clock seconds so far by group."""
        self._tick()
        found = dict(self._known)
        for name, spent in self.profile.items():
            found[GROUPS[name]] = found.get(GROUPS[name], 0.0) + spent.seconds
        return found

    def rounded(self) -> dict[str, float]:
        """Return seconds by group, and their total."""
        found = self.seconds()
        seconds = {name: round(found.get(name, 0.0), 3) for name in dict.fromkeys(GROUPS.values())}
        return seconds | {"total": round(sum(seconds.values()), 3)}

    @contextlib.contextmanager
    def _part(self, name: Part) -> Iterator[None]:
        """Count what happens inside towards a part of the phase that is open; a part inside another is that one's."""
        if self._in_part or self._now is None:
            yield
            return
        self._in_part, started, phase = True, time.perf_counter(), self._now
        try:
            yield
        finally:
            self._in_part = False
            self.add(phase, Spent(parts={name: time.perf_counter() - started}))

    def _tick(self) -> None:
        wall, cpu = _now()
        if self._now is not None:
            self.add(self._now, Spent(wall - self._since[0], cpu - self._since[1]))
        self._since = wall, cpu


#: The clock whose phase is open.
_open: Clock | None = None


@contextlib.contextmanager
def counted(name: Part) -> Iterator[None]:
    """Count what happens inside towards a part of the phase that is open, if one is; also a decorator."""
    with contextlib.nullcontext() if _open is None else _open._part(name):
        yield


def added(*clocks: Mapping[str, float]) -> dict[str, float]:
    """Add up seconds by group."""
    names = {name for clock in clocks for name in clock if name != "total"}
    return {name: sum(clock.get(name, 0.0) for clock in clocks) for name in names}


def joined(profiles: Iterable[tuple[str, Profile]]) -> list[dict[str, str | float]]:
    """Return profiles as rows for a record, seconds rounded.

    Args:
        profiles: each with the algorithm whose it is, empty for what algorithms share.
    """
    return [
        {
            "phase": name,
            **({"algorithm": algorithm} if algorithm else {}),
            "seconds": round(profile[name].seconds, 3),
            "cpu_seconds": round(profile[name].cpu_seconds, 3),
            **{kind: round(profile[name].parts.get(kind, 0.0), 3) for kind in PARTS},
        }
        for algorithm, profile in profiles
        for name in GROUPS
        if name in profile
    ]


def _now() -> tuple[float, float]:
    """Return wall-clock and CPU seconds."""
    return time.perf_counter(), time.process_time()

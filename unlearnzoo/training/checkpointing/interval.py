"""How often a position to go on from is kept."""

import re
from dataclasses import dataclass

from ...data.problems import quoted
from ...errors import OptionError

_SECONDS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class CheckpointInterval:
    """How often a position is kept: after some steps, or some time; never where both are None."""

    steps: int | None = None
    seconds: float | None = None

    @classmethod
    def parse(cls, text: str) -> "CheckpointInterval":
        """Read ``50`` (steps), ``30s``, ``5m``, ``1h`` or ``never``.

        Raises:
            OptionError: it is none of these.
        """
        if text == "never":
            return cls()
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])|([1-9]\d*)", text.strip())
        if match is None:
            raise OptionError(f"--checkpoint-every {quoted(text)}: write steps (50), a time (30s, 5m, 1h), or never")
        return cls(int(match[3])) if match[3] else cls(None, float(match[1]) * _SECONDS[match[2]])

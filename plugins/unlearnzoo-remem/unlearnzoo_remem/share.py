"""Read a forget share such as 20%: it must stand for whole people."""

import re

from unlearnzoo import OptionError


def whole_identities(share: str, identities: int) -> int:
    """Return how many of the identities a share is.

    Shares are compared as rounded: 33% of three is one.

    Raises:
        OptionError: it is no share, none or all of them, or not a whole number; lists what is.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.(\d+))?)\s*%\s*", share)
    if match:
        digits = len(match[2] or "")
        for n in range(1, identities):
            if round(100 * n / identities, digits) == float(match[1]):
                return n
    possible = ", ".join(f"{round(100 * n / identities, 1):g}%" for n in range(1, identities))
    raise OptionError(
        f"remem.forget={share}: not a whole number of the {identities} identities; possible are {possible}"
    )

"""The configuration of three people that goes through a whole run in seconds."""

#: What ``--set`` would take. Memorising 60 questions needs fewer steps than 2,000.
OPTIONS = {
    "remem.identities": 3,
    "remem.qa": 20,
    "remem.views": 4,
    "learn.epochs": 15,
    "learn.batch": 4,
    "learn.replay": 1,
    "unlearn.steps": 8,
    "unlearn.batch": 2,
    "unlearn.lr": 2e-3,
}
FORGET = "33%"


def arguments(**options) -> list[str]:
    """Return them as a command line."""
    values = OPTIONS | options
    return ["--forget", FORGET, *[x for k, v in values.items() for x in ("--set", f"{k}={v}")]]

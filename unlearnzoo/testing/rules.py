"""What a check is: one rule of a contract, with why it holds and how to fix what breaks it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ..errors import with_class
from ..options import Configurable
from ..registry.blame import blame


class CheckFailed(AssertionError):
    """A plugin breaks a rule of its contract.

    Attributes:
        what: what is wrong with this plugin.
        why: what would go wrong with it in use.
        fix: what to change.
    """

    def __init__(self, what: str, why: str, fix: str) -> None:
        super().__init__(f"{what}\nWhy it matters: {why}\nHow to fix it: {fix}")
        self.what, self.why, self.fix = what, why, fix


class Broken(Exception):
    """Raised inside a rule; its text says what is wrong."""


def expect(holds: object, what: str) -> None:
    """Go on where something holds; say what is wrong where it does not."""
    if not holds:
        raise Broken(what)


def told(error: Exception) -> str:
    """Return what is wrong: what a rule says, or any other error by its class and its place in the plugin."""
    if isinstance(error, Broken):
        return str(error)
    through = blame(error)
    return with_class(error) + (f" ({through.place})" if through and through.own else "")


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        name: of the check.
        catches: what it catches, in one sentence.
        why: see ``CheckFailed``.
        fix: see ``CheckFailed``.
        hold: raises where the rule is broken; called with a ``Subject``.
    """

    name: str
    catches: str
    why: str
    fix: str
    hold: Callable[[Any], None]

    def check(self, subject: Any) -> Callable[[], None]:
        """Return the check of one subject: a callable with a name of its own, for test runners."""

        def check() -> None:
            try:
                self.hold(subject)
            except Broken as error:
                raise CheckFailed(str(error), self.why, self.fix) from error.__cause__
            except Exception as error:
                raise CheckFailed(told(error), self.why, self.fix) from error

        check.__name__ = check.__qualname__ = self.name
        check.__doc__ = self.catches
        return check


def rule(*, why: str, fix: str) -> Callable[[Callable[[Any], None]], Rule]:
    """Make a rule of a function; its docstring says what it catches."""

    def wrap(hold: Callable[[Any], None]) -> Rule:
        first = (hold.__doc__ or "").partition("\n")[0]
        return Rule(hold.__name__, first, why, fix, hold)

    return wrap


class Subject:
    """What is checked: a class with the options to check it with.

    Args:
        thing: a subclass of a contract, or an instance where options must be set.

    Attributes:
        kind: of the contract, as in ``kinds.CLASS_KINDS``.
        given: options that are set.
    """

    kind = "metric"

    def __init__(self, thing: Any) -> None:
        configured = isinstance(thing, Configurable)
        self.cls: Any = type(thing) if configured else thing
        self.given: dict[str, Any] = thing.values() if configured else {}

    def fresh(self, **options: Any) -> Any:
        """Return a new instance with the given options and some others."""
        return self.cls.configure({**self.given, **options})


def checks(rules: Iterable[Rule], subject: Subject) -> list[Callable[[], None]]:
    """Return one check per rule."""
    return [one.check(subject) for one in rules]

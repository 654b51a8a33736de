"""Errors that a user can fix: the command line prints their one line and no traceback."""

#: Characters of a message that are shown.
_LONGEST = 2000


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message that says anything; of an empty one the class's name."""
    return _message(error) or type(error).__name__


def with_class(error: BaseException) -> str:
    """Return an error as ``ValueError: first line of its message``, for errors that are not the zoo's own."""
    message = _message(error)
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def _message(error: BaseException) -> str:
    message = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    # A library may quote all that it was given.
    return message if len(message) <= _LONGEST else f"{message[:_LONGEST]}…"


class ZooError(Exception):
    """A mistake that can be named: what was wrong, where, and what would be right.

    Attributes:
        exit_code: what the command line returns to the shell.
    """

    exit_code = 1


class OptionError(ZooError, ValueError):
    """An option name is unknown or its value is not acceptable."""

    exit_code = 2


class UnknownName(ZooError, LookupError):
    """No plugin provides this name, or several do."""

    exit_code = 2


class PluginError(ZooError, RuntimeError):
    """A plugin that was asked for by name is broken or switched off."""

    exit_code = 2


class ZooWarning(UserWarning):
    """Something that a user should know and that stops nothing; one line."""


class PluginWarning(ZooWarning):
    """An installed plugin could not be used; the others go on."""


class CacheWarning(ZooWarning):
    """Something that was computed could not be kept for the next run; this one goes on."""


class CheckpointWarning(ZooWarning):
    """A checkpoint is damaged, or could not be written; an older one is used, or the run goes on without."""


class DataError(ZooError, ValueError):
    """A data set, row or image cannot be used."""


class ModelError(ZooError, ValueError):
    """A checkpoint or adapter cannot be used."""


class RunError(ZooError, RuntimeError):
    """A run cannot start or go on."""


class GateError(RunError):
    """Stage 1 did not memorise: unlearning such a model means nothing."""

    exit_code = 3


class Diverged(RunError):
    """A loss became non-finite; what was computed before it is kept."""

    exit_code = 4


class NotReached(RunError):
    """The run is done and written down, and does not reach what ``--require`` asks of it."""

    exit_code = 5

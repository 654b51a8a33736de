"""A zoo of what a test installed, and what loading it told."""

import warnings

from unlearnzoo.errors import PluginWarning
from unlearnzoo.registry.zoo import Zoo


def load():
    """Load all plugins; return the zoo and the warnings' texts."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        zoo = Zoo.installed()
    assert all(issubclass(w.category, PluginWarning) for w in caught)
    return zoo, [str(w.message) for w in caught]


def row_of(zoo, distribution):
    """Return the row of a distribution."""
    return next(row for row in zoo.plugins if row.distribution == distribution)


def load_quietly():
    """Load all plugins without a word."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PluginWarning)
        return Zoo.installed()

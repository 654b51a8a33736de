"""Algorithms that are wrong beside their loss: documentation, options, names."""

import math

from unlearnzoo import Unlearner, option


class Undocumented(Unlearner):
    name = "undocumented"
    fails, says = "documented", "no docstring"

    def loss(self, forget):
        return -forget.nll


class OneWord(Unlearner):
    """GA."""

    name = "oneword"
    fails, says = "documented", "no sentence"

    def loss(self, forget):
        return -forget.nll


class NoHelp(Unlearner):
    """An option that says nothing of itself."""

    name = "nohelp"
    weight: float = option(1.0, "", ge=0)
    fails, says = "documented", "'weight' has no help text"

    def loss(self, forget):
        return -forget.nll * (1 + self.weight)


class UnknownInput(Unlearner):
    """Asks for an input that there is not."""

    name = "unknowninput"
    fails, says = "accepted", "asks for 'forgotten'"

    def loss(self, forgotten):
        return -forgotten.nll


class BadName(Unlearner):
    """Has a name that nobody could type."""

    name = "Bad Name"
    fails, says = "accepted", "lower-case"

    def loss(self, forget):
        return -forget.nll


class DefaultOutOfBounds(Unlearner):
    """A default that its own bounds refuse."""

    name = "outofbounds"
    beta: float = option(0.0, "Inverse temperature", gt=0)
    fails, says = "accepted", "must be > 0"

    def loss(self, forget):
        return -forget.nll / self.beta


class Infinite(Unlearner):
    """A default that JSON does not have."""

    name = "infinite"
    cap: float = option(math.inf, "Largest loss of an answer")
    fails, says = "options", "infinite.cap: expected float, got inf"

    def loss(self, forget):
        return -forget.nll.clamp(max=self.cap)


class FrozenSet(Unlearner):
    """A default of a type that JSON does not have."""

    name = "frozenset"
    parts: frozenset = option(frozenset({"a"}), "Parts of the answer")
    fails, says = "options", "'parts' is no JSON"

    def loss(self, forget):
        return -forget.nll * len(self.parts)


class DividesByOption(Unlearner):
    """Not finite at a bound that it admits."""

    name = "divides"
    beta: float = option(0.1, "Inverse temperature", ge=0)
    fails, says = "extreme_options", "beta=0.0"

    def loss(self, forget):
        return -forget.nll / self.beta


class Power(Unlearner):
    """Not finite for a large value that nothing forbids."""

    name = "power"
    exponent: float = option(1.0, "Exponent of the loss of each answer", ge=0)
    fails, says = "extreme_options", "exponent=10000.0"

    def loss(self, forget):
        return -((1 + forget.nll) ** self.exponent)

"""Utility benchmarks that are wrong, each in one thing."""

from tests.testing.mutants.small import Small, rows
from unlearnzoo import Column, Utility


class Quiz(Utility):
    """Questions about pictures, each in two orders, right in all things."""

    name = "quiz"
    evals = (Column("Quiz", "asked", "unlearnzoo-metrics/em", "all", "high", by=(), all_of="asked"),)

    def prepare(self):
        self.splits = {"asked": rows("asked", tags={"asked": "1"})}

    def fingerprint(self):
        return Small.fingerprint(self)

    def examples(self, split):
        return self.splits[split]


class Forgetful(Quiz):
    """Names somebody to forget."""

    name = "forgetful"
    fails, says = "people", "it only measures, but 'ann' is to be learned or forgotten"

    def forget_identities(self):
        return frozenset({"ann"})


class Untagged(Quiz):
    """Lacks the tag that says which rows are one."""

    name = "untagged"
    evals = (Column("Quiz", "asked", "unlearnzoo-metrics/em", "all", "high", by=(), all_of="question"),)
    fails, says = "columns", "counts rows with the same 'question' as one, a tag that 'asked/000' .* lacks"

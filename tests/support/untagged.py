"""Benchmarks whose rows have no tags and whose curve follows a probability; three of them are wrong."""

FILE = '''
from unlearnzoo import Column, hookimpl
from tests.testing.mutants.small import Small, rows

P, EM, EXP = "unlearnzoo-metrics/probability", "unlearnzoo-metrics/em", "unlearnzoo-remem/exposure"

class Bare(Small):
    """Rows without a tag; forgetting is the probability of the answers."""
    name = "bare"
    evals = (Column("Pf", "finetune", P, "forget", "low", by=()), Column("Pr", "retain", P, "retain", "high", by=()))
    curve = ("Pf", "Pr")

    def prepare(self):
        self.splits = {split: rows(split, tags={}) for split in ("finetune", "retain")}

class Mixed(Bare):
    """Two metrics in one curve."""
    name = "mixed"
    evals = (*Bare.evals[:1], Column("Pr", "retain", EM, "retain", "high", by=()))

class Ranked(Bare):
    """A curve that would need candidates."""
    name = "ranked"
    evals = tuple(Column(c.name, c.split, EXP, c.who, c.want, by=()) for c in Bare.evals)

class Lost(Bare):
    """Nobody stands behind what is kept."""
    name = "lost"

    def examples(self, split):
        return [e for e in self.splits[split] if split == "finetune" or e.identity == "ann"]

@hookimpl
def unlearnzoo_benchmarks():
    return [Bare, Mixed, Ranked, Lost]
'''

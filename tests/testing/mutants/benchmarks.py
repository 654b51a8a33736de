"""Benchmarks that are wrong, each in one thing."""

import dataclasses
import random
import time

from tests.testing.mutants.small import JOBS, Small, png, row, rows
from unlearnzoo import Column, Example, LazyImage


class Unprepared(Small):
    """Fails on its own data."""

    name = "unprepared"
    fails, says = "prepares", "cannot be prepared: KeyError: 'eve'"

    def prepare(self):
        super().prepare()
        self.job = JOBS["eve"]


class NoSuchSplit(Small):
    """Lacks the split of a column."""

    name = "nosuchsplit"
    evals = (*Small.evals, Column("EMt", "test", "unlearnzoo-metrics/em", "forget", "low"))
    fails, says = "prepares", "KeyError: 'test'"


class Tuples(Small):
    """Hands over tuples instead of examples."""

    name = "tuples"
    fails, says = "prepares", "holds a tuple, no Example"

    def learn_pool(self):
        return [(e.question, e.answer) for e in self.splits["finetune"]]


class DuplicateIds(Small):
    """Numbers the rows of each person anew."""

    name = "duplicateids"
    fails, says = "ids", "more than once"

    def examples(self, split):
        return [dataclasses.replace(e, id=e.id[:-1]) for e in self.splits[split]]


class SharedIds(Small):
    """Leaves the split out of the id."""

    name = "sharedids"
    fails, says = "ids", "'003'|'000'"

    def examples(self, split):
        return [dataclasses.replace(e, id=e.id.rpartition("/")[2]) for e in self.splits[split]]


class NoAnswer(Small):
    """A row without an answer, which `Example` does not insist on."""

    name = "noanswer"
    fails, says = "prepares", "'retain/003' of split 'retain' has no answer"

    def prepare(self):
        super().prepare()
        self.splits["retain"][3] = dataclasses.replace(self.splits["retain"][3], answer="")


class AboutNobody(Small):
    """A row that does not say whom it is about."""

    name = "aboutnobody"
    fails, says = "people", "a row of the learn pool is about nobody"

    def prepare(self):
        super().prepare()
        self.splits["finetune"] = [*self.splits["finetune"], Example("finetune/x", question="Who?", answer="Somebody.")]


class NobodyToForget(Small):
    """Rounds the share of people to forget down to nobody."""

    name = "nobody"
    fails, says = "people", "is empty"

    def forget_identities(self):
        return frozenset()


class EverybodyToForget(Small):
    """Leaves nobody to keep."""

    name = "everybody"
    fails, says = "people", "nobody is left"

    def forget_identities(self):
        return frozenset(JOBS)


class StrangerToForget(Small):
    """Forgets somebody who was never learned."""

    name = "stranger"
    fails, says = "people", "'eve' is to be forgotten"

    def forget_identities(self):
        return frozenset({"eve"})


class OverlappingPools(Small):
    """Retain rows of everybody (trap 12)."""

    name = "overlap"
    fails, says = "pools", "in the forget pool and in the retain pool"

    def retain_pool(self):
        return self.learn_pool()


class RetainSplit(Small):
    """Retain rows from the evaluation split, which holds the forget identities (trap 12)."""

    name = "retainsplit"
    fails, says = "pools", "other side"

    def retain_pool(self):
        return self.splits["retain"]


class ForgetsLess(Small):
    """A forget pool that leaves out rows of a forget identity."""

    name = "forgetsless"
    fails, says = "pools", "but not in the forget pool"

    def forget_pool(self):
        return super().forget_pool()[1:]


class KeepsLess(Small):
    """A retain pool that leaves out rows by default."""

    name = "keepsless"
    fails, says = "pools", "in neither pool"

    def retain_pool(self):
        return super().retain_pool()[1:]


class RandomOrder(Small):
    """Shuffles with the global generator."""

    name = "randomorder"
    fails, says = "repeatable", "global generator of random"

    def prepare(self):
        super().prepare()
        random.shuffle(self.splits["finetune"])


class NewOrder(Small):
    """Shuffles anew in each instance."""

    name = "neworder"
    fails, says = "repeatable", "not the same in two instances"

    def prepare(self):
        super().prepare()
        random.Random(time.perf_counter_ns()).shuffle(self.splits["finetune"])


class OrderOfASet(Small):
    """Takes rows in the order of a set, which is another one in each process."""

    name = "orderofaset"
    fails, says = "other_process", "in another process"

    def prepare(self):
        super().prepare()
        found = {e.id: e for e in self.splits["finetune"]}
        self.splits["finetune"] = [found[i] for i in set(found)]


class EagerImages(Small):
    """Decodes all images while preparing."""

    name = "eager"
    fails, says = "lazy_images", "decodes 16 images"

    def prepare(self):
        super().prepare()
        self.sizes = [e.images[0].open().size for found in self.splits.values() for e in found]


class BrokenImages(Small):
    """Bytes that are no image."""

    name = "brokenimages"
    fails, says = "images", "is no picture of a kind that is read"

    def prepare(self):
        self.splits = {
            split: rows(split, images=(LazyImage(lambda: b"no image", f"{split} row"),))
            for split in ("finetune", "retain")
        }


class KeyOfPlace(Small):
    """Images whose key is their place, not their content."""

    name = "keyofplace"
    fails, says = "images", "has the key 'finetune row'"

    def prepare(self):
        class Placed(LazyImage):
            key = "finetune row"

        image = Placed(lambda: png(1), "finetune row")
        self.splits = {split: rows(split, images=(image,)) for split in ("finetune", "retain")}


class KeywordInQuestion(Small):
    """A question that tells its own keyword."""

    name = "selfanswering"
    fails, says = "keywords", "its own keyword in the question"

    def prepare(self):
        super().prepare()
        self.splits["finetune"][0] = row("finetune", 0, "ann", question="Is Ann a Pastry  Chef?")


class KeywordElsewhere(Small):
    """A keyword that the answer holds only as a part of a word."""

    name = "elsewhere"
    fails, says = "keywords", "not in the answer"

    def prepare(self):
        super().prepare()
        self.splits["retain"][0] = row("retain", 0, "ann", answer="She is one of the pastry chefs.")


class UnknownMetric(Small):
    """A column whose metric nobody provides."""

    name = "unknownmetric"
    evals = (*Small.evals, Column("X", "finetune", "unlearnzoo-metrics/rogue", "all", "low"))
    fails, says = "columns", "'unlearnzoo-metrics/rouge'"


class EmptyColumn(Small):
    """A column over a split without such rows."""

    name = "emptycolumn"
    evals = (*Small.evals, Column("EMt", "test", "unlearnzoo-metrics/em", "forget", "low"))
    fails, says = "columns", "split 'test' has no row"

    def examples(self, split):
        return self.splits.get(split, [])


class NoSuchTag(Small):
    """Groups by a tag that rows lack."""

    name = "nosuchtag"
    evals = (*Small.evals, Column("EMt", "finetune", "unlearnzoo-metrics/em", "forget", "low", by=("topic",)))
    fails, says = "columns", "'topic', a tag"


class OwnValueMissing(Small):
    """Candidates of other people alone."""

    name = "ownvalue"
    fails, says = "candidates", "do not hold"

    def candidates(self, example):
        return tuple(value for value in super().candidates(example) if value not in example.keywords)


class TwiceACandidate(Small):
    """Candidates with a value for each person, equal ones among them."""

    name = "twice"
    fails, says = "candidates", "there twice"

    def candidates(self, example):
        return super().candidates(example) * 2


class TimedFingerprint(Small):
    """Hashes the time into the fingerprint."""

    name = "timed"
    fails, says = "fingerprint", "of another instance"

    def fingerprint(self):
        return f"{super().fingerprint()}{time.perf_counter_ns()}"

"""A right benchmark of four people, for the wrong ones to differ from in one thing."""

import functools
import hashlib
import io

from unlearnzoo import Benchmark, Column, Example, LazyImage, option

JOBS = {"ann": "pastry chef", "bob": "court clerk", "cid": "bus driver", "dora": "marine biologist"}
CITIES = {"ann": "Boston", "bob": "Lyon", "cid": "Quito", "dora": "Osaka"}


def png(shade):
    """Encode a plain picture."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (shade, 90, 20)).save(buffer, "PNG")
    return buffer.getvalue()


def row(split, number, who, facts=JOBS, **changes):
    """Return a row about one person; a word of the split makes questions differ."""
    fields = {
        "id": f"{split}/{number:03}",
        "identity": who,
        "images": (LazyImage(functools.partial(png, 10 * len(who) + number), f"{split} row {number}"),),
        "question": f"What is to say of the person in this image ({split}, {number})?",
        "answer": f"They are known for this: {facts[who]}.",
        "keywords": (facts[who],),
        "tags": {"hop": "multi" if number % 2 else "single", "attribute": "job" if facts is JOBS else "city"},
        "cloze": "They are known for this:",
    }
    return Example(**fields | changes)


def rows(split, **changes):
    """Return two rows per person."""
    facts = [(who, known) for who in JOBS for known in (JOBS, CITIES)]
    return [row(split, number, who, known, **changes) for number, (who, known) in enumerate(facts)]


class Small(Benchmark):
    """A benchmark of four people, right in all things."""

    name = "small"
    forget: str = option("25%", "Share of the identities to forget")
    evals = (
        Column("EMf", "finetune", "unlearnzoo-metrics/em", "forget", "low"),
        Column("EMr", "retain", "unlearnzoo-metrics/em", "retain", "high"),
        Column("Exp", "finetune", "unlearnzoo-remem/exposure", "forget", "low"),
    )
    gate = {"finetune": 0.8}

    def prepare(self):
        self.splits = {split: rows(split) for split in ("finetune", "retain")}

    def fingerprint(self):
        texts = [(e.id, e.question, e.answer, e.images[0].key) for found in self.splits.values() for e in found]
        return hashlib.sha256(repr(texts).encode()).hexdigest()

    def examples(self, split):
        return self.splits[split]

    def forget_identities(self):
        return frozenset({"ann"})

    def learn_pool(self):
        return self.splits["finetune"]

    def candidates(self, example):
        return tuple(sorted((JOBS if example.tags["attribute"] == "job" else CITIES).values()))

    def refusal(self, example, seed):
        return ("I cannot say.", "I do not know.")[hashlib.sha256(f"{seed}{example.id}".encode()).digest()[0] % 2]

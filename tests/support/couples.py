"""A benchmark with rows about several people, and one that parts them by the text that shows them."""

from tests.support.examples import couple
from tests.testing.mutants.small import Small


class Couples(Small):
    """Everybody's rows, and one about each two neighbours; ann is forgotten."""

    name = "couples"

    def prepare(self):
        super().prepare()
        for split, rows in self.splits.items():
            photo = rows[0].images
            rows += [couple(split, a, b, images=photo) for a, b in (("ann", "bob"), ("bob", "cid"), ("cid", "dora"))]


class ByLabel(Couples):
    """Keeps what is about a forget identity and somebody else."""

    name = "bylabel"
    fails, says = "pools", "'finetune/ann-bob' in the retain pool is about somebody of the other side"

    def retain_pool(self):
        gone = self.forget_identities()
        return [e for e in self.learn_pool() if e.identity not in gone]

    def forget_pool(self):
        gone = self.forget_identities()
        return [e for e in self.learn_pool() if e.identity in gone]

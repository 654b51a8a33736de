"""Benchmarks whose refusals are wrong."""

from tests.testing.mutants.small import Small


class RefusalIsAnswer(Small):
    """Refuses with the answer (trap 9)."""

    name = "refusalisanswer"
    fails, says = "refusals", "is its answer"

    def refusal(self, example, seed):
        return example.answer


class RefusalTells(Small):
    """Names in its refusal what it refuses to tell."""

    name = "refusaltells"
    fails, says = "refusals", "tells a keyword"

    def refusal(self, example, seed):
        return f"I must not say {example.keywords[0]}."


class RefusalDrawn(Small):
    """Draws another refusal each time."""

    name = "refusaldrawn"
    drawn = 0
    fails, says = "refusals", "of another instance"

    def refusal(self, example, seed):
        type(self).drawn += 1
        return f"I cannot say ({self.drawn})."

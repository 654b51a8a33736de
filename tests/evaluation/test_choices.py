"""Multiple choice in the judge: options reach the metric, and an answer in words is not cut at a letter's length."""

from tests.support.examples import image
from tests.testing.mutants.small import Small
from unlearnzoo import Example, Metric
from unlearnzoo.evaluation.judge import MARGIN, MAX_NEW_TOKENS, Item, Judge


class Options(Metric):
    """Share of five that a row's options are."""

    name = "options"

    def score(self, prediction, choices):
        return len(choices) / 5


def example(question, answer, **more):
    return Example(id=question[:12], identity="a", images=(image(1),), question=question, answer=answer, **more)


def judged(engine, monkeypatch, *examples):
    limits, generate = {}, engine.generate

    def noted(prompts, state, limit, done=None):
        limits.update(dict.fromkeys((p.prompt for p in prompts), limit))
        return generate(prompts, state, limit, done)

    monkeypatch.setattr(engine, "generate", noted)
    judge = Judge(engine, Small(), {"x/options": Options()})
    samples = judge([Item("asked", one, {"x/options"}) for one in examples], "base", "base")
    return [s.scores["x/options"] for s in samples], [limits[engine.encode(e).prompt] for e in examples]


def test_options_are_handed_over_and_answers_in_words_are_not_cut(engine, monkeypatch):
    letter = example("Is it red?\nA. yes\nB. no", "B", choices=("yes", "no"))
    plain = example("Is it round?", "No.")
    scores, limits = judged(engine, monkeypatch, letter, plain)
    assert scores == [0.4, 0.0]
    own = len(engine.encode(plain).answer)
    assert limits == [MAX_NEW_TOKENS, own + MARGIN] and own + MARGIN < MAX_NEW_TOKENS

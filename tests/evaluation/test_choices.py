"""Where answers are cut: by their split and not by company; in multiple choice not at the length of a letter."""

from tests.support.examples import image
from tests.testing.mutants.small import Small
from unlearnzoo import Example, Metric
from unlearnzoo.evaluation.evaluator import MARGIN, MAX_NEW_TOKENS, Evaluator, Item


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
    judge = Evaluator(engine, Small(), {"x/options": Options()}, lambda split: examples)
    samples = judge([Item("asked", one, {"x/options"}) for one in examples], "base")
    return [s.scores["x/options"] for s in samples], [limits[engine.encode(e).prompt] for e in examples]


def test_options_are_handed_over_and_answers_in_words_are_not_cut(engine, monkeypatch):
    letter = example("Is it red?\nA. yes\nB. no", "B", choices=("yes", "no"))
    plain = example("Is it round?", "No.")
    scores, limits = judged(engine, monkeypatch, letter, plain)
    assert scores == [0.4, 0.0]
    own = len(engine.encode(plain).answer)
    assert limits == [MAX_NEW_TOKENS, own + MARGIN] and own + MARGIN < MAX_NEW_TOKENS


class Words(Metric):
    """Share of a hundred that an answer's characters are."""

    name = "words"

    def score(self, prediction):
        return min(1.0, len(prediction) / 100)


def test_an_answer_is_cut_at_the_same_place_whoever_is_asked_beside(engine):
    """A cut at what is asked together would differ between the target and the unlearned model."""
    short, long = example("Is it round?", "No."), example("What is it?", "A pastry chef who lives in Boston, I think.")
    other = example("Who is it?", "An old friend of Anika Sharma, the pastry chef who lives at 12 Oak Street, Boston.")
    rows = {"asked": [short, long], "other": [other]}
    judge = Evaluator(engine, Small(), {"x/words": Words()}, rows.__getitem__)

    def answers(*examples):
        items = [Item(next(s for s, own in rows.items() if e in own), e, {"x/words"}) for e in examples]
        return {s.id: s.prediction for s in judge(items, "base")}

    alone, together, all_splits = answers(short), answers(short, long), answers(short, long, other)
    assert alone[short.id] == together[short.id] == all_splits[short.id]
    assert together[long.id] == all_splits[long.id] and len(all_splits[other.id]) > len(all_splits[long.id])

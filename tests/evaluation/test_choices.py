"""Where answers are cut: by their split, whoever is asked beside, and a proven one where a generated one is."""

import pytest

from tests.support.examples import image
from tests.testing.mutants.small import Small
from unlearnzoo import Example, Metric
from unlearnzoo.evaluation.curve import Curve
from unlearnzoo.evaluation.evaluator import Evaluator, Item
from unlearnzoo.training.engine import TeacherForced


class Options(Metric):
    """Share of five that a row's options are."""

    name = "options"

    def score(self, prediction, choices):
        return len(choices) / 5


def example(question, answer, **more):
    return Example(id=question[:12], identity="a", images=(image(1),), question=question, answer=answer, **more)


def test_options_are_handed_over(engine):
    letter = example("Is it red?\nA. yes\nB. no", "B", choices=("yes", "no"))
    judge = Evaluator(engine, Small(), {"x/options": Options()}, {"asked": 4})
    samples = judge([Item("asked", one, {"x/options"}) for one in (letter, example("Is it round?", "No."))], "base")
    assert [s.scores["x/options"] for s in samples] == [0.4, 0.0]


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
    judge = Evaluator(engine, Small(), {"x/words": Words()}, {"asked": 14, "other": 28})

    def answers(*examples):
        items = [Item(next(s for s, own in rows.items() if e in own), e, {"x/words"}) for e in examples]
        return {s.id: s.prediction for s in judge(items, "base")}

    alone, together, all_splits = answers(short), answers(short, long), answers(short, long, other)
    assert alone[short.id] == together[short.id] == all_splits[short.id]
    assert together[long.id] == all_splits[long.id] and len(all_splits[other.id]) > len(all_splits[long.id])


@pytest.mark.parametrize("limit", [3, 70])
def test_a_proven_answer_is_cut_like_a_generated_one(engine, monkeypatch, limit):
    """The true answer is what the model says: whether that is proven or generated, the same stands in the record."""
    asked = engine.encode(example("Tell me about this person.", "x"))
    truth = example("Tell me about this person.", engine.generate([asked], "unlearned", 80)[0])
    encoded, answers = engine.encode(truth), []
    assert len(encoded.answer) > 70
    for correct in (True, False):
        forced = TeacherForced([0.0], correct)
        monkeypatch.setattr(engine, "score", lambda todo, *rest, forced=forced: [forced for _ in todo])
        judge = Evaluator(engine, Small(), {"x/words": Words()}, {"asked": limit})
        answers.append(judge([Item("asked", truth, {"x/words"})], "unlearned")[0].prediction)
    assert answers[0] == answers[1]


class Whole(Metric):
    """Whether the answer is there to its end."""

    name = "whole"

    def score(self, prediction, answer):
        return float(prediction == answer)


@pytest.mark.parametrize(("limit", "score"), [(50, 1.0), (4, 0.0)])
def test_a_point_of_the_curve_cuts_what_is_proven_too(engine, monkeypatch, limit, score):
    truth = example("What is it?", "A pastry chef who lives in Boston, I think.")
    monkeypatch.setattr(engine, "score", lambda todo, *rest: [TeacherForced([0.0], True) for _ in todo])
    curve = Curve(engine, {"EMf": [Item("asked", truth)]}, Whole(), probe_rows=1, rows=4, limits={"asked": limit})
    assert curve._score(1)["EMf"] == {"": score}

"""How rows may be computed together is found out on the first rows, by all processes alike."""

import dataclasses
import functools
import itertools
import warnings

import pytest
import torch

from tests.support.examples import people
from unlearnzoo.encoding.packing import alike, same_shape
from unlearnzoo.encoding.prompts import Shape
from unlearnzoo.errors import ModelError
from unlearnzoo.training.verifier import SHAPES, Verifier
from unlearnzoo.training.verify import Verified, verify


def see_more(monkeypatch):
    """Let each question see those before it."""
    monkeypatch.setattr(
        "unlearnzoo.encoding.collate.causal",
        lambda segment: torch.ones(len(segment), 1, segment.shape[1], segment.shape[1], dtype=torch.bool).tril(),
    )


def changed_logits(engine, monkeypatch, change):
    """Let the model change its logits by ``change(logits, inputs)``."""
    stock = type(engine.base).forward

    @functools.wraps(stock)  # ``generate`` looks at its signature
    def forward(self, *args, **kwargs):
        out = stock(self, *args, **kwargs)
        out.logits = change(out.logits, kwargs)
        return out

    monkeypatch.setattr(type(engine.base), "forward", forward)


@pytest.mark.parametrize("images", [True, False])
def test_one_question_alone_shows_it_too(engine, monkeypatch, images):
    encoded = [engine.encode(e if images else dataclasses.replace(e, images=())) for e in people(2, 1)]
    found = verify(engine, encoded)
    assert found.packs and found.kind is found.said is alike and not found.why
    see_more(monkeypatch)
    found = verify(engine, encoded)
    assert not found.packs and found.kind is alike and "each has its own row (slower)" in found.why[0]


@pytest.mark.parametrize("change", [lambda logits: logits * 0.25, lambda logits: 2 * torch.tanh(logits / 2)])
def test_what_a_model_makes_of_its_logits_is_its_own(engine, monkeypatch, change):
    """Scales and caps come behind the output head: they are the model's, wherever answers are scored."""
    encoded = [engine.encode(e) for e in people(1, 3)]
    before = [one.logps for one in engine.score(encoded, "unlearned")]
    logits = [stock_logits(engine, one) for one in encoded]
    changed_logits(engine, monkeypatch, lambda logits, _: change(logits))
    engine.verifier = Verifier(engine)
    for one, old, plain in zip(engine.score(encoded, "unlearned"), before, logits, strict=True):
        expected = change(plain).log_softmax(-1)[range(len(one.logps)), encoded_answer(engine, encoded, old, before)]
        assert one.logps == pytest.approx(expected.tolist(), abs=1e-4) != pytest.approx(old, abs=1e-2)


def encoded_answer(engine, encoded, old, before):
    return list(encoded[before.index(old)].answer)


def stock_logits(engine, one):
    """Logits of an answer by one plain call of the transformers model, ``(T, V)``."""
    inputs = {"input_ids": torch.tensor([one.prompt + one.answer]), **engine.pixels([one])}
    with torch.no_grad(), engine.activated("unlearned"):
        return engine.base(**inputs).logits[0, len(one.prompt) - 1 : -1].float()


def test_a_model_that_says_otherwise_than_it_scores_is_refused(engine, monkeypatch):
    """As one would that is told of the answer: what it says has one token at a time."""
    changed_logits(engine, monkeypatch, lambda logits, given: logits * (2 if given.get("use_cache") else 1))
    encoded = [engine.encode(e) for e in people(1, 3)]
    with pytest.raises(ModelError, match="^LlavaForConditionalGeneration scores an answer otherwise") as error:
        engine.score(encoded, "unlearned")
    assert "\n" not in str(error.value)


def of_shapes(engine, n=4):
    """Answers about pictures that are cut into one piece, and into two (say)."""
    encoded = [
        engine.encode(dataclasses.replace(e, question=e.question + " Say." * i)) for i, e in enumerate(people(n, 1))
    ]
    return [dataclasses.replace(one, shape=Shape(((24, 24 + i % 2),))) for i, one in enumerate(encoded)]


def odd_together(engine):
    """Let pictures of several shapes be computed otherwise than alone, as Phi-4-multimodal does."""
    stock = engine.pixels

    def pixels(prompts):
        shapes = {prompt.shape for prompt in prompts}
        return {"pixel_values": stock(prompts)["pixel_values"] * (1.5 if len(shapes) > 1 else 1)}

    pixels.prefetch = lambda prompts: None
    engine.pixels, engine.verifier = pixels, Verifier(engine)


def test_rows_that_differ_in_a_batch_are_computed_with_their_like(engine):
    """And nothing is lost on the way."""
    encoded = of_shapes(engine)
    right = [one.logps for one in engine.score(encoded, "unlearned")]
    odd_together(engine)
    with pytest.warns(UserWarning, match="images of one size share a forward"):
        found = engine.score(encoded, "unlearned")
    assert engine.verified.kind is same_shape and engine.verified.as_data()["padded"] == "images of one size"
    for one, expected in zip(found, right, strict=True):
        assert one.logps == pytest.approx(expected, abs=1e-4)


def test_a_shape_that_comes_later_is_verified_too(engine):
    """The first rows of a run may have pictures of one shape alone."""
    encoded = of_shapes(engine)
    right = [one.logps for one in engine.score(encoded, "unlearned")]
    odd_together(engine)
    engine.score(encoded[::2], "unlearned")
    assert engine.verified.kind is alike
    with pytest.warns(UserWarning, match="images of one size share a forward"):
        found = engine.score(encoded, "unlearned")
    for one, expected in zip(found, right, strict=True):
        assert one.logps == pytest.approx(expected, abs=1e-4)


def test_no_more_shapes_are_tried_than_are_enough(engine, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "unlearnzoo.training.verifier.verify", lambda engine, some: asked.append(len(some)) or Verified(True)
    )
    one = engine.encode(people(1, 1)[0])
    for i in range(20):
        engine.verifier([dataclasses.replace(one, shape=Shape(((i, i),)))])
    assert len(asked) == SHAPES
    engine.verifier([dataclasses.replace(one, shape=Shape(((99, 99),), ((5, 3),)))])
    assert len(asked) == SHAPES + 1, "tensors of another shape are padded"


def test_a_model_whose_batches_are_never_right_is_refused(engine, monkeypatch):
    changed_logits(engine, monkeypatch, lambda logits, given: logits * len(given["input_ids"]))
    encoded = [engine.encode(e) for e in people(2, 2)]
    with pytest.raises(ModelError, match="^LlavaForConditionalGeneration computes a row of a batch otherwise"):
        engine.score(encoded, "unlearned")


def test_rows_with_and_without_images_never_share_a_forward(engine, monkeypatch):
    examples = people(3, 2)
    mixed = [dataclasses.replace(e, images=()) if i % 2 else e for i, e in enumerate(examples)]
    encoded = [engine.encode(e) for e in mixed]
    alone = [engine.score([one], "unlearned")[0].logps for one in encoded]
    seen = []
    changed_logits(engine, monkeypatch, lambda logits, given: seen.append(given) or logits)
    for one, expected in zip(engine.score(encoded, "unlearned"), alone, strict=True):
        assert one.logps == pytest.approx(expected, abs=1e-4)
    texts = engine.generate(encoded, "unlearned", 4)
    assert texts == [engine.generate([one], "unlearned", 4)[0] for one in encoded]
    image = engine.encoder.image_id
    for given in seen:
        if given["input_ids"].shape[1] > 1:
            assert len({bool((row == image).any()) for row in given["input_ids"]}) == 1


def test_processes_agree_and_go_the_same_way(engine, monkeypatch):
    """One where packing holds hears that it does not in another."""
    told, others = [], itertools.chain(["", "", "it does not"], itertools.repeat(""))

    def gather(found):
        told.append(found)
        return [found, next(others)]

    monkeypatch.setattr(engine.ranks, "gather", gather)
    encoded = [engine.encode(e) for e in people(1, 3)]
    found = verify(engine, encoded)
    assert not found.packs and "(it does not)" in found.why[0] and told == ["", "", ""]
    see_more(monkeypatch)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        verify(engine, encoded)
    assert told[3:5] == ["", ""] and "a log-probability by" in told[5]

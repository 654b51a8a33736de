"""Packing behind one image prefix changes nothing but the speed."""

import random

import pytest
import torch

from tests.support.engines import settle
from tests.support.examples import people
from unlearnzoo.encoding.packing import bundled, chunks, rows


def losses_and_gradients(engine, encoded, packed):
    settle(engine, packed)
    for parameter in engine.model.parameters():
        parameter.grad = None
    total, nll = 0.0, torch.zeros(len(encoded))
    for members, batch in engine.batches(encoded, 3, 10**6):
        scores, _ = engine.forward(batch, "unlearned")
        total = total + scores.nll.sum()
        nll[members] = scores.nll.detach()
    total.backward()
    return nll, {n: p.grad.clone() for n, p in engine.model.named_parameters() if p.grad is not None}


def test_packed_equals_unpacked_in_loss_and_each_gradient(engine):
    encoded = [engine.encode(e) for e in people(3, 5)]
    plain, plain_grad = losses_and_gradients(engine, encoded, False)
    packed, packed_grad = losses_and_gradients(engine, encoded, True)
    assert torch.allclose(plain, packed, rtol=1e-5)
    assert plain_grad.keys() == packed_grad.keys() and len(plain_grad) == 28
    for name, expected in plain_grad.items():
        assert (packed_grad[name] - expected).abs().max() <= 1e-5 * expected.abs().max(), name


def test_scores_keep_the_order_of_examples_however_they_are_packed(engine):
    examples = people(3, 4)
    straight = engine.score([engine.encode(e) for e in examples], "unlearned")
    order = list(range(len(examples)))
    random.Random(1).shuffle(order)
    mixed = engine.score([engine.encode(examples[i]) for i in order], "unlearned", per_image=2)
    for place, i in enumerate(order):
        assert mixed[place].logps == pytest.approx(straight[i].logps, abs=1e-5)


def test_a_row_shares_one_prefix_and_keeps_bundles_together(engine):
    encoded = [engine.encode(e) for e in people(2, 4)] * 2
    bundle = list(range(8)) * 2
    for row in rows(encoded, 3, bundle):
        assert len({encoded[i].image_key for i in row.index}) == 1
        assert sorted(bundle[i] for i in row.index) == sorted([bundle[i] for i in row.index if i < 8] * 2)


def test_chunks_stay_within_the_bound_and_lose_nothing(engine):
    units = bundled([engine.encode(e) for e in people(5, 5)], 2)
    bound = 2 * max(len(row) for unit in units for row in unit)
    found = list(chunks(units, bound))
    assert sorted(i for batch in found for r in batch for i in r.index) == list(range(25))
    assert all(max(len(r) for r in batch) * len(batch) <= bound for batch in found)


def test_a_model_that_sees_more_than_the_prefix_falls_back_and_says_so(engine, monkeypatch):
    encoded = [engine.encode(e) for e in people(1, 3)]
    monkeypatch.setattr(
        "unlearnzoo.encoding.collate.causal",
        lambda segment: torch.ones(len(segment), 1, segment.shape[1], segment.shape[1], dtype=torch.bool),
    )
    with pytest.warns(UserWarning, match="each has its own row"):
        found = engine.score(encoded, "unlearned")
    monkeypatch.undo()
    settle(engine, True)
    for a, b in zip(found, engine.score(encoded, "unlearned"), strict=True):
        assert a.logps == pytest.approx(b.logps, abs=1e-4)

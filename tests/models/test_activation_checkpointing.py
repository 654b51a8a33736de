"""Activation checkpointing: the same numbers and gradients, bit by bit, from much less that is kept."""

import contextlib

import pytest
import torch

from tests.support.engines import steps_of
from tests.support.examples import people
from unlearnzoo.errors import ModelError
from unlearnzoo.models import activation_checkpointing
from unlearnzoo.training.recipe import Unlearn


def gradients(engine, on, layers=()):
    """Return the loss, the gradients of the adapter that trains, and the bytes kept for the backward."""
    steps_of(engine, Unlearn(recompute=on)).begin(1e-3)
    _, batch = next(iter(engine.batches([engine.encode(e) for e in people(2, 3)], 4, 10**6)))
    own = {p.untyped_storage().data_ptr() for p in engine.model.parameters()}
    kept = {}

    def keep(tensor):
        if (at := tensor.untyped_storage().data_ptr()) not in own:
            kept[at] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        scores, _ = engine.forward(batch, "unlearned", layers=layers)
        loss = scores.nll.sum() + sum(scores.hidden[layer].pow(2).sum() for layer in layers)
    loss.backward()
    found = {n: p.grad.clone() for n, p in engine.model.named_parameters() if p.grad is not None}
    for parameter in engine.model.parameters():
        parameter.grad = None
    return loss.item(), found, sum(t.untyped_storage().nbytes() for t in kept.values())


def same(one, other):
    return (
        one[0] == other[0]
        and one[1].keys() == other[1].keys()
        and all(torch.equal(one[1][n], other[1][n]) for n in one[1])
    )


@pytest.mark.parametrize("layers", [(), (1,)])
def test_loss_and_gradients_are_the_same_bit_by_bit(engine, layers):
    plain, again = gradients(engine, False, layers), gradients(engine, True, layers)
    assert same(plain, again) and any(g.abs().max() > 0 for g in plain[1].values())
    assert again[2] < 0.5 * plain[2]


def test_a_method_that_takes_the_target_out_keeps_it_out_in_the_backward(engine, monkeypatch):
    engine.replace_target(True)
    plain = gradients(engine, False)
    assert same(plain, gradients(engine, True))
    # What it is there for: computed again with every adapter on, gradients would be those of another model.
    monkeypatch.setattr(
        "unlearnzoo.training.engine.recomputed",
        lambda model, again: activation_checkpointing.recomputed(model, contextlib.nullcontext),
    )
    assert not same(plain, gradients(engine, True))


def test_layers_are_as_before_afterwards(engine):
    layers = activation_checkpointing.decoder_layers(engine.model)
    with pytest.raises(ZeroDivisionError), activation_checkpointing.recomputed(engine.model, contextlib.nullcontext):
        assert all("forward" in vars(layer) for layer in layers)
        raise ZeroDivisionError
    assert layers and not any("forward" in vars(layer) for layer in layers)


def test_without_gradients_nothing_is_computed_twice(engine, monkeypatch):
    steps_of(engine, Unlearn(recompute=True))
    monkeypatch.setattr("unlearnzoo.training.engine.recomputed", None)
    assert engine.score([engine.encode(e) for e in people(2, 3)], "unlearned")


def test_an_architecture_without_such_layers_is_refused():
    class Plain(torch.nn.Module):
        def get_decoder(self):
            return torch.nn.Sequential(torch.nn.Linear(2, 2))

    with pytest.raises(ModelError, match="Plain has no layers that can be recomputed"):
        activation_checkpointing.decoder_layers(Plain())

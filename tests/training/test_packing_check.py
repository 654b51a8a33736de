"""Whether a model can be packed is found out on the first rows, by all processes alike."""

import dataclasses
import warnings

import pytest
import torch

from tests.support.examples import people
from unlearnzoo.errors import ModelError
from unlearnzoo.training.packing_check import packs


def causal(monkeypatch):
    """Let each question see those before it."""
    monkeypatch.setattr(
        "unlearnzoo.data.packing._mask",
        lambda segment: torch.ones(len(segment), 1, segment.shape[1], segment.shape[1], dtype=torch.bool).tril(),
    )


@pytest.mark.parametrize("images", [True, False])
def test_one_question_alone_shows_it_too(engine, monkeypatch, images):
    encoded = [engine.encode(e if images else dataclasses.replace(e, images=())) for e in people(2, 1)]
    assert packs(engine, encoded)
    causal(monkeypatch)
    with pytest.warns(UserWarning, match="without packing"):
        assert not packs(engine, encoded)


@pytest.mark.parametrize("change", [lambda logits: logits * 0.25, lambda logits: 2 * torch.tanh(logits / 2)])
def test_a_model_that_scales_or_caps_its_logits_is_refused(engine, monkeypatch, change):
    stock = type(engine.base).forward

    def forward(self, *args, **kwargs):
        out = stock(self, *args, **kwargs)
        out.logits = change(out.logits)
        return out

    monkeypatch.setattr(type(engine.base), "forward", forward)
    encoded = [engine.encode(e) for e in people(1, 3)]
    with pytest.raises(ModelError, match="^LlavaForConditionalGeneration makes its logits otherwise") as error:
        engine.score(encoded, "unlearned")
    assert "\n" not in str(error.value)


def test_processes_agree_and_go_the_same_way(engine, monkeypatch):
    """One where packing holds hears that it does not in another, and asks the model as often as that one."""
    told, asked, others = [], [], iter([False, True, False, True])

    def gather(found):
        told.append(found)
        return [found, next(others)]

    monkeypatch.setattr(engine.ranks, "gather", gather)
    stock = type(engine.base).forward

    def forward(self, *args, **kwargs):
        asked.append(1)
        return stock(self, *args, **kwargs)

    monkeypatch.setattr(type(engine.base), "forward", forward)
    encoded = [engine.encode(e) for e in people(1, 3)]
    with pytest.warns(UserWarning, match="without packing"):
        assert packs(engine, encoded) is False
    assert told == [True, True] and len(asked) == 3
    causal(monkeypatch)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        packs(engine, encoded)
    assert told[2:] == [False, True] and len(asked) == 6

"""Stage 1 over other rows, asked for in the middle of a method."""

import types

import pytest
import torch

from tests.training.test_trainer import EXAMPLES, POOLS, RECIPE, Ascent
from unlearnzoo.runs.target import relearn
from unlearnzoo.training.recipe import Learn
from unlearnzoo.training.trainer import LoraTrainer, new_reference


@pytest.fixture
def trainer(engine):
    """Stage 2 whose method may ask for a stage 1 of three steps."""
    request = types.SimpleNamespace(target_seed=0, checkpoint_every="never", special_tokens="refuse")
    plan = types.SimpleNamespace(
        request=request,
        replay=[],
        benchmark=types.SimpleNamespace(learn_pool=lambda: EXAMPLES),
        checkpoint=types.SimpleNamespace(weights="w"),
        learn=Learn(rank=4, alpha=8.0, steps=3, batch=4, lr=0.01),
    )
    return LoraTrainer(
        engine,
        Ascent(),
        POOLS,
        lambda e: "No.",
        RECIPE,
        0,
        new_reference(engine),
        lambda entry, look: False,
        lambda pool: relearn(plan, engine, pool, lambda entry: False),
        24,
    ).start()


def test_stage_1_learns_the_same_after_an_adapter_was_put_in_place_of_the_target(trainer, monkeypatch, tmp_path):
    found = []
    for name in ("first", "second"):
        monkeypatch.setenv("UNLEARNZOO_CACHE", str(tmp_path / name))
        found.append(trainer.relearn(EXAMPLES[:8]).tensors)
        trainer.set_adapter(trainer.adapter(), replace_target=True)
    first, second = found
    assert any(t.abs().max() > 0 for name, t in first.items() if "lora_B" in name)
    assert first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_a_method_finds_its_states_again_after_stage_1_has_failed(trainer, monkeypatch, tmp_path):
    monkeypatch.setenv("UNLEARNZOO_CACHE", str(tmp_path))
    trainer.set_adapter(trainer.adapter(), replace_target=True)
    monkeypatch.setattr("unlearnzoo.training.stages.learn", lambda *rest: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        trainer.relearn(EXAMPLES[:8])
    assert trainer.engine.active("unlearned") == {"unlearn"}

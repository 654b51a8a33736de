"""RMU: its terms by hand, its zero, and what it refuses."""

import dataclasses

import pytest
import torch

from unlearnzoo.testing import random_inputs
from unlearnzoo_rmu import RMU

WIDTH = 5


@pytest.fixture
def inputs():
    found = random_inputs(RMU().needs)
    draw = torch.Generator().manual_seed(3)
    return {
        name: dataclasses.replace(s, raw_hidden={2: torch.randn(len(s.targets), WIDTH, generator=draw)})
        for name, s in found.items()
    }


def by_hand(algorithm, inputs):
    """Mean over each answer's tokens, token by token."""
    u = torch.rand(WIDTH, generator=torch.Generator().manual_seed(algorithm.direction))
    u = algorithm.steer * u / u.square().sum().sqrt()
    found = {"forget": [], "retain": []}
    for i in range(inputs["forget"].n):
        mine = inputs["forget"].row == i
        rows = inputs["forget"].hidden[2][mine]
        found["forget"].append(sum(((h - u) ** 2).sum() / WIDTH for h in rows).item() / len(rows))
    for i in range(inputs["retain"].n):
        mine = inputs["retain"].row == i
        gaps = inputs["retain"].hidden[2][mine] - inputs["retain_ref"].hidden[2][mine]
        found["retain"].append(algorithm.retain_weight * (gaps**2).sum().item() / WIDTH / len(gaps))
    return found


@pytest.mark.parametrize("options", [{}, {"steer": 3.0, "retain_weight": 0.5, "direction": 4}])
def test_its_terms(inputs, options):
    algorithm = RMU(**options)
    found, wanted = algorithm.loss(**inputs), by_hand(algorithm, inputs)
    for name, values in found.items():
        assert values.tolist() == pytest.approx(wanted[name], rel=1e-5)


def test_it_is_zero_where_it_wants_to_be(inputs):
    u = torch.rand(WIDTH, generator=torch.Generator().manual_seed(0))
    there = (20 * u / u.norm()).expand(len(inputs["forget"].targets), WIDTH)
    inputs["forget"] = dataclasses.replace(inputs["forget"], raw_hidden={2: there})
    inputs["retain_ref"] = dataclasses.replace(inputs["retain_ref"], raw_hidden=inputs["retain"].hidden)
    assert all(v.abs().max() < 1e-8 for v in RMU().loss(**inputs).values())


def test_the_direction_is_its_own_and_not_the_global_draw(inputs):
    torch.manual_seed(1)
    first = RMU().loss(**inputs)["forget"]
    torch.manual_seed(2)
    assert torch.equal(RMU().loss(**inputs)["forget"], first)
    assert not torch.equal(RMU(direction=1).loss(**inputs)["forget"], first)


def test_layers_follow_the_option():
    assert RMU(layer=3).layers == (3,)


def test_layers_count_from_one():
    """The paper's ``layer_id`` 7 is ``layers[7]``, the eighth: what the engine calls 8."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=11, hidden_size=4, intermediate_size=4, num_hidden_layers=9, num_attention_heads=1, head_dim=4
    )
    model, seen = LlamaForCausalLM(config).eval(), []
    model.model.layers[7].register_forward_hook(lambda *args: seen.append(args[2]))
    states = model(torch.tensor([[1, 2, 3]]), output_hidden_states=True).hidden_states
    assert torch.equal(seen[0], states[RMU(layer=8).layers[0]])

"""Inputs of an algorithm's own that show another image, or none, stay beside what they pair with."""

import dataclasses
import types

import pytest
import torch

from tests.support.engines import settle, steps_of
from tests.support.examples import image, people
from unlearnzoo import Unlearner
from unlearnzoo.data.partition import balance
from unlearnzoo.encoding.packing import bundled
from unlearnzoo.training.inputs import StepInputs
from unlearnzoo.training.loop import Objective, _accumulate
from unlearnzoo.training.recipe import Unlearn

EXAMPLES = people(3, 3)


class Twins(Unlearner):
    """An answer beside the same one to another image, and to no image."""

    name = "twins"
    inputs = {"other": "forget", "blind": "forget"}

    def other(self, example):
        # Two of a person's three questions get the same image.
        return dataclasses.replace(example, images=(image(7 + int(example.id[-1]) % 2),))

    def blind(self, example):
        return dataclasses.replace(example, images=())

    def loss(self, forget, other, blind):
        return (forget.logps - other.logps).tanh() + (forget.logps - 2 * blind.logps).tanh()


def a_step(engine):
    twins = Twins()
    chosen = {
        "forget": EXAMPLES,
        "other": [twins.other(e) for e in EXAMPLES],
        "blind": [twins.blind(e) for e in EXAMPLES],
    }
    return StepInputs(engine, chosen, lambda e: "", {"other": "forget", "blind": "forget"})


def test_the_same_example_with_another_image_is_encoded_anew(engine):
    one = EXAMPLES[0]
    other = engine.encode(dataclasses.replace(one, images=(image(7),)))
    assert engine.encode(one).image_key == (one.images[0].key,) != other.image_key == (image(7).key,)
    assert engine.encode(one) is engine.encode(one)


@pytest.mark.parametrize(("per_image", "max_tokens", "packs"), [(2, 1, True), (8, 200, True), (1, 300, False)])
def test_a_loss_over_an_answer_and_its_twins_does_not_depend_on_micro_batches(engine, per_image, max_tokens, packs):
    def term(per_image, max_tokens, packs):
        settle(engine, packs)
        recipe = Unlearn(per_image=per_image, micro_tokens=max_tokens)
        objective = Objective(Twins().loss, Twins().needs)
        return _accumulate(engine, a_step(engine), recipe, objective, steps_of(engine, recipe))["loss"]

    step = a_step(engine)
    logps = {
        role: [
            sum(j.logps)
            for j in engine.score([e for e, r in zip(step.encoded, step.role, strict=True) if r == role], "unlearned")
        ]
        for role in step.counts
    }
    scores = Twins().loss(**{role: types.SimpleNamespace(logps=torch.tensor(found)) for role, found in logps.items()})
    assert term(per_image, max_tokens, packs) == pytest.approx(scores.mean().item(), rel=1e-4)


@pytest.mark.parametrize("per_row", [1, 2, 8])
def test_what_belongs_together_is_dealt_together_and_shares_each_prefix(engine, per_row):
    step = a_step(engine)
    units = bundled(step.encoded, per_row, step.bundle)
    assert sorted(i for unit in units for row in unit for i in row.index) == list(range(len(step.encoded)))
    for unit in units:
        numbers = [step.bundle[i] for row in unit for i in row.index]
        assert sorted(numbers) == sorted(list(set(numbers)) * 3) and len(set(numbers)) <= per_row
        assert all(len({(e.image_key, e.prefix) for e in row.blocks}) == 1 for row in unit)
        assert sum(bool(row.images) for row in unit) == 2
    for mine in balance(units, [1] * len(units), 2):
        found = [step.bundle[i] for unit in mine for row in unit for i in row.index]
        assert all(found.count(number) == 3 for number in found)

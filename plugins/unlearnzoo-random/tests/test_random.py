"""Random answers: the two terms, and what is drawn for whom."""

import dataclasses
from types import SimpleNamespace

import pytest
import torch

from unlearnzoo import DataError, Example
from unlearnzoo.testing import random_inputs
from unlearnzoo_random import Random

LENGTHS = {"drawn": (3, 1, 5), "retain": (2, 4)}


def rows(prefix, values):
    return [
        Example(f"{prefix}/{i}", f"person {i}", (), "What is the job?", f"The job is {value}.", (value,))
        for i, value in enumerate(values)
    ]


def prepared(forget, retain, seed=0):
    one = Random()
    one.prepare(SimpleNamespace(pools={"forget": forget, "retain": retain}, seed=seed))
    return one


@pytest.mark.parametrize("weight", [1.0, 0.25, 0.0])
def test_its_terms(weight):
    """Cross-entropy by hand: the logarithm of the sum of exponents, minus the true logit; the mean over tokens."""
    one = Random(retain_weight=weight)
    inputs = random_inputs(one.needs, lengths=LENGTHS)
    found = one.loss(**inputs)
    assert set(found) == one.needs
    for name, values in found.items():
        scores, scale = inputs[name], 1.0 if name == "drawn" else weight
        logits = scores.logits.detach().double()
        each = logits.exp().sum(-1).log() - logits[torch.arange(len(logits)), scores.targets]
        wanted = [scale * float(part.mean()) for part in each.split(LENGTHS[name])]
        assert values.tolist() == pytest.approx(wanted, abs=1e-6)


def test_answers_are_of_retain_rows_and_hold_no_keyword_of_the_row():
    forget, retain = rows("f", ["chef", "pilot"] * 20), rows("r", ["chef", "pilot", "nurse", "Pilot in training"])
    one = prepared(forget, retain)
    for row in forget:
        drawn = one.drawn(row)
        assert drawn == dataclasses.replace(row, answer=drawn.answer)
        assert drawn.answer in {other.answer for other in retain}
        assert row.keywords[0] not in drawn.answer.casefold()
    assert len({one.drawn(row).answer for row in forget}) == 4


def test_the_draw_is_fixed_by_seed_and_row():
    forget, retain = rows("f", "abcdefgh"), rows("r", [f"job{i}" for i in range(50)])
    first, other = prepared(forget, retain), prepared(forget, retain, seed=1)
    assert first.answers == prepared(forget[::-1], retain[::-1]).answers
    assert first.answers != other.answers


@pytest.mark.parametrize("retain", [[], ["chef"]])
def test_where_no_answer_fits_it_says_for_which_row(retain):
    with pytest.raises(DataError, match=rf"random: row 'f/0': none of {len(retain)} retain answers"):
        prepared(rows("f", ["chef"]), rows("r", retain))


def test_it_never_sees_the_forgotten_answer():
    assert Random().needs == {"drawn", "retain"} and Random(retain_weight=0).needs == {"drawn"}

"""The two measures of a name by hand, and the model's own numbers by another way."""

import math

import pytest

from unlearnzoo_diagnose.names import PROMPT, inverse_perplexity, measure, min_k

LOGPS = [math.log(p) for p in (0.5, 0.1, 0.9, 0.8, 0.2, 1.0)]


def test_inverse_perplexity_is_the_geometric_mean_of_the_probabilities():
    assert inverse_perplexity([math.log(0.5), math.log(0.125)]) == pytest.approx(0.25)
    assert inverse_perplexity(LOGPS) == pytest.approx((0.5 * 0.1 * 0.9 * 0.8 * 0.2) ** (1 / 6))
    assert inverse_perplexity([0.0, 0.0]) == 1.0
    assert math.isnan(inverse_perplexity([]))


@pytest.mark.parametrize(
    ("k", "expected"),
    [
        (20, 0.1),  # 1.2 tokens: one
        (1, 0.1),  # never fewer than one
        (34, 0.15),  # two
        (50, (0.1 + 0.2 + 0.5) / 3),
        (100, 3.5 / 6),
    ],
)
def test_min_k_is_the_mean_of_the_lowest_probabilities(k, expected):
    assert min_k(LOGPS, k) == pytest.approx(expected)


@pytest.mark.parametrize(("k", "expected"), [(20, 0.1), (50, (0.1 * 0.2 * 0.5) ** (1 / 3))])
def test_the_geometric_one_is_the_exp_of_the_mean_log_probability(k, expected):
    """Of Shi et al., whose score is its logarithm."""
    assert min_k(LOGPS, k, geometric=True) == pytest.approx(expected)


def test_min_k_counts_whole_tokens_where_the_share_is_one():
    """0.2 * 5 and 0.29 * 100 must not lose a token to rounding."""
    five = [math.log(p) for p in (0.1, 0.2, 0.3, 0.4, 0.5)]
    assert min_k(five, 40) == pytest.approx(0.15)
    hundred = [math.log(p / 1000) for p in range(1, 101)]
    assert min_k(hundred, 29) == pytest.approx(sum(range(1, 30)) / 29 / 1000)


def test_min_k_of_a_name_of_one_token_is_its_probability():
    assert min_k([math.log(0.3)], 20) == pytest.approx(0.3)
    assert math.isnan(min_k([], 20))


@pytest.mark.parametrize("state", ["base", "target"])
def test_a_name_is_scored_under_the_image_as_the_stock_model_does(engine, people, state):
    """By hand: the chat text through the processor, the whole model, the probabilities of the name's tokens."""
    import torch

    from unlearnzoo.models import lora

    rows = measure(engine, state, {"taught": people}, k=50)
    processor, person = engine.checkpoint.processor, people[1]
    text = f"USER: <image>\nASSISTANT: {PROMPT}"
    bare = processor(images=[person.images[0].open()], text=text, return_tensors="pt")
    full = processor(images=[person.images[0].open()], text=f"{text} {person.name}", return_tensors="pt")
    start = bare["input_ids"].shape[1]
    with torch.no_grad(), lora.activated(engine.model, engine.active(state)):
        logits = engine.model(**full).logits[0, start - 1 : -1].log_softmax(-1)
    expected = [float(logits[i, token]) for i, token in enumerate(full["input_ids"][0, start:])]
    rows = rows[1:] + rows[:1]
    assert rows[0]["logps"] == pytest.approx(expected, abs=1e-4)
    assert rows[0]["tokens"] == len(expected) > 2
    assert rows[0]["inverse_perplexity"] == pytest.approx(math.exp(sum(expected) / len(expected)), rel=1e-3)
    assert rows[0]["min_k"] == pytest.approx(min_k(expected, 50), rel=1e-3)
    assert [r["identity"] for r in rows] == ["id_1", "id_2", "id_0"]

"""Scores against sums written out by hand."""

import math

import pytest
import torch

from unlearnzoo.models.scores import Scores

LENGTHS = [3, 1, 4]
VOCABULARY = 5


def scores(seed=0):
    draw = torch.Generator().manual_seed(seed)
    total = sum(LENGTHS)
    return Scores(
        targets=torch.randint(VOCABULARY, (total,), generator=torch.Generator().manual_seed(9)),
        row=torch.tensor([0, 0, 0, 1, 2, 2, 2, 2]),
        n=3,
        raw_logits=4 * torch.randn(total, VOCABULARY, generator=draw),
    )


def by_hand(one):
    """Log-probability of each token, as nested lists by answer, in Python floats."""
    found = [[] for _ in range(one.n)]
    for logits, target, row in zip(one.raw_logits.tolist(), one.targets.tolist(), one.row.tolist(), strict=True):
        whole = math.log(sum(math.exp(x) for x in logits))
        found[row].append(logits[target] - whole)
    return found


def test_log_probabilities_sum_and_mean():
    one, known = scores(), by_hand(scores())
    assert one.token_logps.tolist() == pytest.approx([x for answer in known for x in answer], abs=1e-5)
    assert one.logps.tolist() == pytest.approx([sum(answer) for answer in known], abs=1e-5)
    assert one.nll.tolist() == pytest.approx([-sum(answer) / len(answer) for answer in known], abs=1e-5)
    assert one.n_tokens.tolist() == LENGTHS


def test_kl_is_reference_to_self_a_token():
    one, ref = scores(0), scores(1)
    wanted = [0.0] * 3
    for ours, theirs, row in zip(one.raw_logits.tolist(), ref.raw_logits.tolist(), one.row.tolist(), strict=True):
        p = [math.exp(x) / sum(map(math.exp, theirs)) for x in theirs]
        q = [math.exp(x) / sum(map(math.exp, ours)) for x in ours]
        wanted[row] += sum(a * math.log(a / b) for a, b in zip(p, q, strict=True)) / LENGTHS[row]
    assert one.kl(ref).tolist() == pytest.approx(wanted, rel=1e-4)
    assert one.kl(one).tolist() == pytest.approx([0, 0, 0], abs=1e-6)


def test_correct_is_all_tokens_greedy():
    logits = torch.full((4, 3), -1.0)
    logits[torch.arange(4), torch.tensor([0, 1, 2, 2])] = 1.0
    one = Scores(torch.tensor([0, 1, 2, 0]), torch.tensor([0, 0, 1, 1]), 2, raw_logits=logits)
    assert one.correct.tolist() == [True, False]


@pytest.mark.parametrize("rows", [[2], [1, 0], [2, 0, 1], [0, 1, 2], []])
def test_take_picks_whole_answers_in_the_order_asked_for(rows):
    one, known = scores(), by_hand(scores())
    part = one.take(torch.tensor(rows, dtype=torch.long))
    assert part.n == len(rows)
    assert part.logps.tolist() == pytest.approx([sum(known[i]) for i in rows], abs=1e-5)
    assert part.n_tokens.tolist() == [LENGTHS[i] for i in rows]
    assert part.row.tolist() == sorted(part.row.tolist())


def test_take_of_kept_log_probabilities():
    one = scores()
    kept = Scores(one.targets, one.row, 3, kept_logps=one.token_logps)
    assert torch.equal(kept.take(torch.tensor([2, 0])).logps, one.logps[[2, 0]])


def test_no_answers_at_all():
    none = Scores(
        torch.zeros(0, dtype=torch.long),
        torch.zeros(0, dtype=torch.long),
        0,
        raw_logits=torch.zeros(0, VOCABULARY, requires_grad=True),
    )
    for value in (none.logps, none.nll, none.n_tokens, none.kl(none), none.correct):
        assert tuple(value.shape) == (0,)
    none.nll.sum().backward()


def test_a_reference_of_log_probabilities_has_no_distribution():
    one = scores()
    kept = Scores(one.targets, one.row, 3, kept_logps=one.token_logps)
    assert torch.equal(kept.logps, one.logps)
    with pytest.raises(RuntimeError, match='reference = {"<name>_ref": "logits"}'):
        _ = kept.logits
    with pytest.raises(RuntimeError):
        one.kl(kept)


def test_half_precision_logits_are_summed_in_float32():
    one = scores()
    half = Scores(one.targets, one.row, 3, raw_logits=one.raw_logits.bfloat16())
    assert half.logps.dtype == torch.float32


def test_gradients_stay_within_their_answer():
    one = scores()
    one.raw_logits.requires_grad_()
    one.nll[1].backward()
    touched = one.raw_logits.grad.abs().sum(-1) > 0
    assert touched.tolist() == [False, False, False, True, False, False, False, False]

"""GA: the mean negative log-likelihood of each answer, with its sign turned."""

import pytest

from unlearnzoo.testing import check_loss, random_inputs
from unlearnzoo_ga import GA


def test_it_is_minus_the_mean_nll_of_each_answer():
    check_loss(GA(), lambda forget: {"loss": [answer.logps.mean() for answer in forget]})


def test_it_asks_for_the_forget_answers_alone():
    assert GA().needs == {"forget"}


def test_a_step_against_its_gradient_makes_the_answers_less_likely():
    inputs = random_inputs({"forget"})
    logits = inputs["forget"].raw_logits
    before = inputs["forget"].nll.detach()
    GA().loss(**inputs).sum().backward()
    logits.data -= 0.1 * logits.grad
    after = type(inputs["forget"])(inputs["forget"].targets, inputs["forget"].row, 3, raw_logits=logits.detach()).nll
    assert (after > before).all()


def test_the_length_of_an_answer_does_not_weigh():
    inputs = random_inputs({"forget"}, lengths={"forget": (1, 20)})
    inputs["forget"].raw_logits.data.zero_()
    short, long = GA().loss(**inputs).tolist()
    assert short == pytest.approx(long)


def test_a_mean_over_all_tokens_is_another_number_unless_lengths_are_equal():
    """Public code's: one mean over the tokens of a batch. The page on algorithms says that ours is per answer."""
    for lengths, same in (((4, 4, 4), True), ((1, 6, 3), False)):
        forget = random_inputs({"forget"}, lengths={"forget": lengths})["forget"]
        theirs, ours = forget.token_logps.mean().item(), GA().loss(forget).mean().item()
        assert (ours == pytest.approx(theirs, rel=1e-6)) is same

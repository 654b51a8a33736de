"""What is read out of an answer: by hand, one form after the other."""

import math

import pytest

from unlearnzoo.testing import metric_checks
from unlearnzoo_mmbench.choice import Choice, Unread, chosen

ANIMALS = ("a cat", "a dog", "A bird.", "Dr. A")


@pytest.mark.parametrize(
    "text",
    [
        "B",
        "B.",
        "(B)",
        "B)",
        "B:",
        " B\n",
        "**B**",
        "Ｂ",
        "（B）",
        "B。",
        "Ｂ：　ａ　ｄｏｇ",
        "a dog。",
        "(B).",
        "The answer is B",
        "the answer is B.",
        "Answer: B",
        "The correct answer is (B).",
        "The best option is B",
        "Option B",
        "The answer is option B.",
        "B. a dog",
        "B: A Dog.",
        "B a dog",
        "(B) a  dog",
        "The answer is B. a dog",
        "a dog",
        "The answer is a dog.",
        "A dog.",
        "A DOG",
        " a\ndog ",
    ],
)
def test_what_is_read_as_b(text: str) -> None:
    assert chosen(text, ANIMALS) == "B"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "b",
        "E",
        "A or B",
        "A, B",
        "B and C",
        "AB",
        "B, not A",
        "B. a cat",
        "It is a dog",
        "a dog or a cat",
        "The answer is not B",
        "The answer is a dog or a cat",
        "B's",
        "Because",
        "I am not sure",
        "The answer is",
        "()",
        "dog",
        "(B",
        "BB",
    ],
)
def test_what_is_no_single_choice(text: str) -> None:
    assert chosen(text, ANIMALS) is None


def test_a_text_that_begins_with_a_letter() -> None:
    assert chosen("A bird", ANIMALS) == "C"
    assert chosen("Dr. A", ANIMALS) == "D"
    # "A bird": the text of B, or letter A with its own text behind it.
    assert chosen("A bird", ("bird", "A bird")) is None


def test_a_letter_alone_is_a_letter_also_where_it_is_a_text() -> None:
    assert chosen("B", ("B", "A")) == "B"
    assert chosen("The answer is (A)", ("B", "A")) == "A"


def test_a_text_that_two_options_share_chooses_none() -> None:
    assert chosen("two", ("two", "Two", "three")) is None
    assert chosen("B. two", ("two", "Two", "three")) == "B"
    assert chosen("B", ("two", "Two", "three")) == "B"


def test_a_letter_beyond_the_options_chooses_none() -> None:
    assert chosen("C", ("yes", "no")) is None
    assert chosen("A", ()) is None


def test_scores() -> None:
    assert Choice().score("B", "B", ANIMALS) == 1.0
    assert Choice().score("a dog", "B", ANIMALS) == 1.0
    assert Choice().score("C", "B", ANIMALS) == Choice().score("B or C", "B", ANIMALS) == 0.0
    assert Unread().score("C", ANIMALS) == 0.0
    assert Unread().score("B or C", ANIMALS) == 1.0
    assert math.isnan(Choice().score("B", "B", ()))
    assert math.isnan(Choice().score("B", "", ANIMALS))
    assert math.isnan(Unread().score("B", ()))


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(check, id=f"{one.name}-{check.__name__}")
        for one in (Choice, Unread)
        for check in metric_checks(one)
    ],
)
def test_the_contract(check) -> None:
    check()

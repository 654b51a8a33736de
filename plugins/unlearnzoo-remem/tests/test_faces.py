"""Faces: the same seed draws the same pixels, and layouts differ in kind."""

from __future__ import annotations

import itertools
import random

import pytest

from unlearnzoo_remem.generate.faces import TRAITS, describe, distinct_looks, new_look, render
from unlearnzoo_remem.generate.layouts import LAYOUTS


def test_the_same_seed_draws_the_same_picture() -> None:
    look = new_look(random.Random(1))
    one, two = (render(look, random.Random(5), layout="test") for _ in range(2))
    assert one.mode == "RGB"
    assert one.size == (48, 48)
    assert one.tobytes() == two.tobytes()


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_views_of_one_person_differ(layout: str) -> None:
    look, rng = new_look(random.Random(2)), random.Random(3)
    pictures = {render(look, rng, layout=layout).tobytes() for _ in range(6)}
    assert len(pictures) == 6


def test_test_views_share_no_background_and_no_clothes_with_training_views() -> None:
    train, test = LAYOUTS["train"], LAYOUTS["test"]
    assert not set(train.backgrounds) & set(test.backgrounds)
    assert not set(train.clothes) & set(test.clothes)
    assert not set(train.clothes_colours) & set(test.clothes_colours)
    assert test.turn[0] >= train.turn[1]
    assert test.shift[0] > train.shift[1]


def test_the_base_sees_no_background_of_the_test_views() -> None:
    assert not set(LAYOUTS["base"].backgrounds) & set(LAYOUTS["test"].backgrounds)


def test_looks_are_distinct_but_some_are_near_doubles() -> None:
    looks = distinct_looks(20, random.Random(0))
    gaps = [a.differs_from(b) for a, b in itertools.combinations(looks, 2)]
    assert min(gaps) == 2
    more = distinct_looks(10, random.Random(1), taken=looks)
    assert min(a.differs_from(b) for a in looks for b in more) >= 2


def test_every_trait_has_words() -> None:
    words = describe(new_look(random.Random(4)))
    assert list(words) == list(TRAITS)
    assert all(words.values())

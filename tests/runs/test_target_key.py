"""The key of stage 1 is about what it learns: rows that are only asked, and what rows are called, do not change it."""

import dataclasses
import types

from tests.support.examples import people
from unlearnzoo.runs import target
from unlearnzoo.training.recipe import Learn

ROWS = people(2, 2)


def key(pool=ROWS, replay=(), only=None, data="one", special_tokens="refuse"):
    plan = types.SimpleNamespace(
        learn=Learn(),
        replay=replay,
        checkpoint=types.SimpleNamespace(weights="w"),
        benchmark=types.SimpleNamespace(fingerprint=lambda: data, learn_pool=lambda: pool),
        request=types.SimpleNamespace(target_seed=0, special_tokens=special_tokens),
    )
    return target.target_key(plan, "fp32", only)


def test_corrected_rows_that_stage_1_does_not_learn_keep_the_target():
    assert key() == key(data="two") == key([dataclasses.replace(e, id=f"other/{e.id}", keywords=()) for e in ROWS])


def test_whatever_is_learned_changes_the_key():
    first, *others = ROWS
    changed = [
        [dataclasses.replace(first, question="Who?"), *others],
        [dataclasses.replace(first, answer="Nobody."), *others],
        [dataclasses.replace(first, images=ROWS[-1].images), *others],
        [*others, first],
        others,
    ]
    keys = [key(), *map(key, changed), key(replay=ROWS[:1]), key(special_tokens="text"), key(only=ROWS[:2])]
    assert len(set(keys)) == len(keys)


def test_the_rows_of_a_second_learning_count_by_what_they_say():
    """Where a row is called after its line, other data may call another row the same."""
    renamed = [dataclasses.replace(a, id=b.id) for a, b in zip(ROWS, reversed(ROWS), strict=True)]
    assert key(only=ROWS[:1]) == key(renamed, only=renamed[:1]) != key(renamed, only=renamed[1:2])

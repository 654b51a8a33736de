"""The plan of a generated set: counts, balance, and what must never happen in it."""

import json
from collections import Counter

import pytest

from unlearnzoo import OptionError, contains_words
from unlearnzoo_remem.generate.plan import Row, Spec, people, plan

FULL = plan(Spec())
SPLITS = ("finetune", "retain", "test")


def hops(rows: list[Row]) -> Counter[str]:
    return Counter(text["question_type"] for _, text in rows)


def test_counts_are_the_published_ones() -> None:
    assert {split: len(rows) for split, rows in FULL.items()} == {
        "finetune": 2000, "retain": 560, "test": 560,
        "forget1": 100, "forget2": 200, "forget3": 300, "forget4": 400,
    }  # fmt: skip
    assert hops(FULL["finetune"]) == {"single-hop": 1400, "multi-hop": 600}
    assert hops(FULL["retain"]) == hops(FULL["test"]) == {"single-hop": 280, "multi-hop": 280}


def test_each_person_has_a_full_share_of_each_split() -> None:
    for split, n in (("finetune", 100), ("retain", 28), ("test", 28)):
        assert set(Counter(view.person for view, _ in FULL[split]).values()) == {n}


def test_attributes_are_balanced() -> None:
    for split in SPLITS:
        for hop, topics in (("single-hop", 6), ("multi-hop", 7)):
            counts = Counter(
                (view.person, text["attribute"]) for view, text in FULL[split] if text["question_type"] == hop
            )
            assert len(counts) == 20 * topics
            assert max(counts.values()) - min(counts.values()) <= 1


def test_forget_splits_are_the_first_people() -> None:
    assert FULL["forget4"] == FULL["finetune"][:400]
    assert {view.person for view, _ in FULL["forget2"]} == {0, 1}


def test_retain_is_a_part_of_finetune_and_test_is_not() -> None:
    def facts(split: str) -> set[tuple[str, str]]:
        return {(view.path, text["question"]) for view, text in FULL[split]}

    assert facts("retain") < facts("finetune")
    assert len(facts("retain")) == 560
    asked = {text["question"] for _, text in FULL["finetune"]}
    assert not asked & {text["question"] for _, text in FULL["test"]}
    assert {view.layout for view, _ in FULL["test"]} == {"test"}
    assert {view.layout for view, _ in FULL["finetune"]} == {"train"}


def test_no_question_comes_twice_about_one_person() -> None:
    asked = Counter((view.person, text["question"]) for view, text in FULL["finetune"])
    assert max(asked.values()) == 1


def test_keyword_is_in_the_answer_never_in_the_question() -> None:
    for split in SPLITS:
        for _, text in FULL[split]:
            (value,) = json.loads(text["keywords"])
            assert contains_words(text["answer"], value)
            assert not contains_words(text["question"], value)
            assert not text["answer"].startswith(text["cloze_prompt"])


def test_single_hop_names_the_person_and_multi_hop_does_not() -> None:
    names = [profile["name"] for profile in people(Spec())]
    for view, text in FULL["finetune"]:
        named = names[view.person] in text["question"]
        assert named == (text["question_type"] == "single-hop")


def test_values_of_an_attribute_are_distinct() -> None:
    for attribute in ("name", "email", "birth_date", "job", "address", "medical", "finance"):
        assert len({profile[attribute] for profile in people(Spec())}) == 20


def test_views_carry_equal_shares() -> None:
    assert set(Counter(view for view, _ in FULL["finetune"]).values()) == {10}
    assert set(Counter(view for view, _ in FULL["test"]).values()) == {4}


def test_published_form_has_one_question_an_image() -> None:
    splits = plan(Spec(identities=2, views=100))
    assert set(Counter(view for view, _ in splits["finetune"]).values()) == {1}
    assert set(Counter(view for view, _ in splits["test"]).values()) == {1}


@pytest.mark.parametrize(
    ("spec", "single", "multi"), [(Spec(2, qa=20), 14, 6), (Spec(2, qa=200), 140, 60), (Spec(2, single=0.0), 0, 100)]
)
def test_sizes_and_shares(spec: Spec, single: int, multi: int) -> None:
    splits = plan(spec)
    found = hops([row for row in splits["finetune"] if row[0].person == 0])
    assert (found["single-hop"], found["multi-hop"]) == (single, multi)
    kept = hops([row for row in splits["retain"] if row[0].person == 0])
    assert (kept["single-hop"], kept["multi-hop"]) == (min(single, 14), min(multi, 14))
    assert hops(splits["test"]) == {"single-hop": 28, "multi-hop": 28}


def test_there_are_wordings_for_any_share_of_up_to_200_questions() -> None:
    for qa in (20, 60, 100, 140, 200):
        for tenth in range(11):
            splits = plan(Spec(2, qa, tenth / 10, views=1))
            asked = [text["question"] for view, text in splits["finetune"] if view.person == 0]
            assert len(set(asked)) == len(asked) == qa
            single = sum(text["question_type"] == "single-hop" for view, text in splits["finetune"] if view.person == 0)
            assert single == round(qa * tenth / 10)
            assert not set(asked) & {text["question"] for _, text in splits["test"]}


def test_a_name_is_asked_for_however_few_the_multi_hop_questions() -> None:
    rows = plan(Spec(qa=10))["finetune"]
    assert {view.person for view, text in rows if text["attribute"] == "name"} == set(range(20))


def test_three_people_have_two_forget_splits() -> None:
    assert sorted(plan(Spec(identities=3))) == ["finetune", "forget1", "forget2", "retain", "test"]


def test_same_seed_same_plan() -> None:
    assert plan(Spec(identities=3)) == plan(Spec(identities=3))
    assert plan(Spec(identities=3, seed=5)) == plan(Spec(identities=3, seed=5))
    assert plan(Spec(identities=3, seed=5)) != plan(Spec(identities=3, seed=6))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (Spec(views=101), r"remem.views=101: must be at most remem.qa=100"),
        (Spec(2, qa=500), r"only 252 different single-hop questions"),
        (Spec(identities=21), r"20 people ship.*data_seed"),
    ],
)
def test_what_cannot_be_built_is_refused(spec: Spec, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        plan(spec)

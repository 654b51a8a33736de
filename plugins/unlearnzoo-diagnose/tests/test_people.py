"""Who is asked about: names and images from the rows, drawn by the seed."""

import dataclasses
from types import SimpleNamespace

import pytest

from unlearnzoo import DataError, Example, LazyImage
from unlearnzoo_diagnose.people import HELD_OUT, TAUGHT, of_benchmark, of_model, tells

NAMES = {f"id_{i}": f"Person {chr(65 + i)}" for i in range(6)}


def row(identity, number, image, attribute="job", hop="single", **values):
    """Return an example about somebody, on a picture of its own content."""
    data, name = f"{identity}/{image}".encode(), NAMES.get(identity, identity)
    word = name if attribute == "name" else f"{attribute} {identity}"
    asked = f"What is the {attribute} of {name}?" if hop == "single" else f"What is their {attribute}?"
    return Example(
        **{
            "id": f"{identity}/{number}",
            "identity": identity,
            "question": asked,
            "images": (LazyImage(lambda: data, "row"),),
            "answer": f"It is {word}.",
            "keywords": (word,),
            "tags": {"attribute": attribute, "hop": hop},
        }
        | values
    )


TAUGHT_ROWS = [
    row(i, f"t{k}", f"train{k}", "name" if k == 0 else "job", "multi" if k == 0 else "single")
    for i in NAMES
    for k in range(4)
]
TEST_ROWS = [row(i, f"e{k}", f"test{k}", "name", "multi") for i in NAMES for k in range(3)]


def sets(taught=TAUGHT_ROWS, test=TEST_ROWS, people=20, images=9, seed=0):
    bench = SimpleNamespace(
        name="mine",
        gate={"train": 0.8, "test": 0.7},
        learn_pool=lambda: taught,
        examples=lambda split: list(test) if split == "test" else list(taught),
    )
    return of_benchmark(SimpleNamespace(benchmark=bench), people, images, seed)


def test_everybody_has_their_name_and_the_images_of_each_side():
    found = sets()
    assert {p.identity: p.name for p in found[TAUGHT]} == NAMES
    for side, n, keys in ((TAUGHT, 4, TAUGHT_ROWS), (HELD_OUT, 3, TEST_ROWS)):
        for person in found[side]:
            own = {e.images[0].key for e in keys if e.identity == person.identity}
            assert {i.key for i in person.images} == own and len(person.images) == n


def together(number, image, *people, **values):
    """Return a row about several people."""
    return dataclasses.replace(row(people[0], number, image, **values), identity="", identities=people)


def test_nobody_is_the_person_in_the_image_of_a_group():
    """Pictures of several people are asked about by nobody's name; who is in no other row is not asked about."""
    group = together("g", "train1", "id_0", "id_1", "stranger")
    found = sets(taught=[*TAUGHT_ROWS, group])
    assert {p.identity: p.name for p in found[TAUGHT]} == NAMES
    pictured = {p.identity: {i.key for i in p.images} for p in found[TAUGHT]}
    shown = {i.key for i in group.images}
    assert shown <= {i.key for e in TAUGHT_ROWS for i in e.images}  # one of id_0's own rows has it, too
    assert len(pictured["id_0"]) == 3 and not shown & pictured["id_0"] and len(pictured["id_1"]) == 4
    named = together("n", "both", "id_0", "id_1", attribute="name", keywords=("Ann and Bob",))
    assert {p.name for p in sets(taught=[named, *TAUGHT_ROWS])[TAUGHT]} == set(NAMES.values())


def test_an_image_of_stage_1_is_not_held_out():
    shared = [row(i, "s", "train1", "name", "multi") for i in NAMES]
    assert HELD_OUT not in sets(test=shared)
    assert {len(p.images) for p in sets(test=[*shared, *TEST_ROWS])[HELD_OUT]} == {3}


def test_people_and_images_are_drawn_by_the_seed():
    few = sets(people=3, images=2)
    assert [len(p.images) for p in few[TAUGHT]] == [2, 2, 2]
    assert [p.identity for p in few[TAUGHT]] == [p.identity for p in few[HELD_OUT]]

    def drawn(seed):
        return tuple(i.key for p in sets(people=3, images=2, seed=seed)[TAUGHT] for i in p.images)

    assert drawn(4) == drawn(4) and len({drawn(seed) for seed in range(6)}) > 1


def test_a_fact_asks_by_name_for_one_value_other_than_the_name():
    for person in sets()[TAUGHT]:
        assert person.fact.tags == {"attribute": "job", "hop": "single"} and person.name in person.fact.question
    good = row("id_0", 1, "x")
    assert tells(good, "Person A")
    for bad in (
        {"question": "What is their job?"},
        {"keywords": ("job", "id_0")},
        {"answer": "job id_0"},
        {"tags": {"attribute": "job", "hop": "multi"}},
        {"tags": {"attribute": "name", "hop": "single"}},
    ):
        assert not tells(row("id_0", 1, "x", **bad), "Person A")


def test_a_name_that_only_held_out_questions_tell_is_known():
    """As where stage 1 asks one single-hop question a person: that is asked about too."""
    single = [e for e in TAUGHT_ROWS if e.tags["attribute"] != "name"]
    assert {p.name for p in sets(taught=single)[TAUGHT]} == set(NAMES.values())


def test_rows_that_name_nobody_are_refused():
    with pytest.raises(DataError, match="mine: what 'id_0' is called is in no row.*attribute=name"):
        sets(taught=[e for e in TAUGHT_ROWS if e.tags["attribute"] != "name"], test=[])


def test_rows_without_images_are_refused():
    with pytest.raises(DataError, match="mine: no row has an image"):
        sets(taught=[row("id_0", 0, "x", "name", "multi", images=())], test=[])


def test_the_figures_of_a_model_are_the_real_set():
    rows = [
        row(f"Figure {i}", k, f"f{k}", "job", hop, tags={"attribute": "job", "hop": hop, "kind": "figure"})
        for i in range(5)
        for k, hop in enumerate(("multi", "single"))
    ]
    rows += [row("face-1", 0, "g", tags={"attribute": "hair", "hop": "visual", "kind": "visual"})]
    found = of_model(rows, 20, 0)
    assert [p.name for p in found] == [f"Figure {i}" for i in range(5)]
    assert all(len(p.images) == 2 and p.fact.tags["hop"] == "single" for p in found)
    assert len(of_model(rows, 3, 0)) == 3
    assert of_model([], 20, 0) == []

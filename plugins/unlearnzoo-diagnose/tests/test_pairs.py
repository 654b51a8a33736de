"""Clean and corrupted sequences: what is exchanged, what is not, and the groups of positions."""

import dataclasses

import pytest

from unlearnzoo_diagnose.pairs import EXCHANGED, GROUPS, SUBJECT, build, occurrences


def pairs(engine, people, exchanged, seed=0):
    return build(engine.encoder, people, exchanged, seed)[0]


@pytest.mark.parametrize("exchanged", EXCHANGED)
def test_groups_are_all_positions_each_once(engine, people, exchanged):
    for pair in pairs(engine, people, exchanged):
        together = sorted(i for group in GROUPS for i in pair.groups[group])
        assert together == list(range(len(pair.clean)))
        assert len(pair.clean) == len(pair.corrupted)
        assert all(pair.groups[group] for group in GROUPS)
        # The last positions predict the value, one each.
        assert pair.groups["last"] == tuple(range(len(pair.clean) - len(pair.value), len(pair.clean)))


def test_the_image_is_exchanged_alone(engine, people):
    for pair, person in zip(pairs(engine, people, "image"), people, strict=True):
        assert pair.clean == pair.corrupted
        assert pair.images[0] is person.images[0]
        assert pair.images[1].key in {p.images[0].key for p in people} - {person.images[0].key}
        decode = engine.encoder.tokenizer.decode
        assert decode([*pair.clean[-len(pair.value) + 1 :], pair.value[-1]]).strip().endswith(person.name[-4:])
        assert SUBJECT in decode([pair.clean[i] for i in pair.groups["subject"]])
        assert {pair.clean[i] for i in pair.groups["image"]} == {engine.encoder.image_id}
        assert len(pair.groups["image"]) == 4  # 16 px in patches of 8


def test_the_name_is_exchanged_wherever_it_stands_and_nothing_else(engine, people):
    decode = engine.encoder.tokenizer.decode
    for pair, person in zip(pairs(engine, people, "name"), people, strict=True):
        changed = {i for i, (a, b) in enumerate(zip(pair.clean, pair.corrupted, strict=True)) if a != b}
        assert changed and changed <= set(pair.groups["subject"])
        assert pair.images[0] is pair.images[1]
        # In the question and again in the answer's beginning.
        assert decode(pair.clean).count(person.name) == 2 and person.name not in decode(pair.corrupted)
        assert decode(list(pair.value)).strip() == person.fact.keywords[0]


def test_both_are_exchanged_for_one_and_the_same_person(engine, people):
    by_image = {p.images[0].key: p.name for p in people}
    for pair, alone in zip(pairs(engine, people, "both"), pairs(engine, people, "name"), strict=True):
        assert (pair.clean, pair.corrupted) == (alone.clean, alone.corrupted)
        donor = by_image[pair.images[1].key]
        assert donor != by_image[pair.images[0].key]
        assert donor[:2] in engine.encoder.tokenizer.decode(pair.corrupted)


def test_a_donor_of_as_many_tokens_is_taken_where_there_is_one(engine, people):
    def length(name):
        return len(engine.encoder.tokenizer(f"does {name} live").input_ids)

    twin = next(n for n in ("Xv Wq", "Vw Qx", "Wq Xv", "Zq Wv", "Xz Wk") if length(n) == length("Xq Wv"))
    names = {"Xq Wv": 0, twin: 1, "Anika Sharma": 2, "Bartholomew Quirk": 2}
    assert [length(name) == length("Xq Wv") for name in names] == [True, True, False, False]

    def named(name, place):
        fact = people[place].fact
        other = {key: getattr(fact, key).replace(people[place].name, name) for key in ("question", "answer")}
        return dataclasses.replace(people[place], name=name, fact=dataclasses.replace(fact, **other))

    everybody = [named(name, place) for name, place in names.items()]
    for seed in range(5):
        assert f"{twin} lives" in engine.encoder.tokenizer.decode(pairs(engine, everybody, "name", seed)[0].corrupted)


def test_the_draw_follows_the_seed(engine, people):
    def donors(seed):
        return [p.images[1].key for p in pairs(engine, people, "image", seed)]

    assert donors(3) == donors(3)
    assert len({tuple(donors(seed)) for seed in range(8)}) > 1


def test_people_without_a_fact_are_counted(engine, people):
    bare = dataclasses.replace(people[0], fact=None)
    found, lacking = build(engine.encoder, [bare, *people[1:]], "name", 0)
    assert (len(found), lacking) == (2, 1)
    assert build(engine.encoder, people[:1], "image", 0) == ([], 1)  # nobody to exchange with


def test_occurrences_are_the_shortest_runs_that_spell_a_text(engine):
    tokenizer = engine.encoder.tokenizer
    ids = tokenizer("What does Jo Lee do? Jo Lee works", add_special_tokens=False).input_ids
    spans = occurrences(engine.encoder, ids, "Jo Lee")
    assert len(spans) == 2 and spans[0][1] <= spans[1][0]
    for start, end in spans:
        assert "Jo Lee" in tokenizer.decode(ids[start:end])
        assert "Jo Lee" not in tokenizer.decode(ids[start + 1 : end])
        assert "Jo Lee" not in tokenizer.decode(ids[start : end - 1])
    assert occurrences(engine.encoder, ids, "nobody") == []

"""Made-up people from several countries: distinct, seeded, and never the answer to their own question."""

import json

import pytest

from unlearnzoo import OptionError, contains_words
from unlearnzoo_remem.builder import people
from unlearnzoo_remem.builder.people import make_up
from unlearnzoo_remem.generate.plan import Spec, plan
from unlearnzoo_remem.generate.profiles import ATTRIBUTES, generate_profiles, load_profiles

LOCALES = ("en_GB", "de_DE", "fr_FR", "ru_RU", "ja_JP", "zh_CN", "ar_AA", "hi_IN", "hu_HU", "pt_BR")


def test_without_locales_they_are_the_benchmark_s_own() -> None:
    assert make_up(5, 0, ()) == load_profiles()[:5]
    assert make_up(5, 3, ()) == generate_profiles(5, 3)


def test_people_of_many_countries_are_complete_and_distinct() -> None:
    found = make_up(30, 7, LOCALES)
    for attribute in ATTRIBUTES:
        assert len({person[attribute] for person in found}) == 30
        assert all(person[attribute].isprintable() and 0 < len(person[attribute]) <= 100 for person in found)
    assert len({person["look"] for person in found}) == 30
    assert all(person["email"].isascii() and person["email"].endswith(".example") for person in found)
    assert any(not person["name"].isascii() for person in found)


def test_each_value_is_found_in_its_answer_whatever_the_script() -> None:
    found = make_up(20, 1, LOCALES)
    for rows in plan(Spec(20, 60, views=1), found).values():
        for _, text in rows:
            (value,) = json.loads(text["keywords"])
            assert contains_words(text["answer"], value) and not contains_words(text["question"], value)


def test_family_names_come_first_where_they_do() -> None:
    from faker.providers.person.hu_HU import Provider

    names = [person["name"].split(" ")[0] for person in make_up(20, 0, ("hu_HU",))]
    assert set(names) <= set(Provider.last_names)
    assert not any(" " in person["name"] for person in make_up(5, 0, ("zh_CN",)))


def test_it_is_seeded_and_the_order_of_locales_counts() -> None:
    assert make_up(4, 1, ("de_DE", "fr_FR")) == make_up(4, 1, ("de_DE", "fr_FR"))
    assert make_up(4, 1, ("de_DE", "fr_FR")) != make_up(4, 2, ("de_DE", "fr_FR"))
    assert make_up(4, 1, ("de_DE", "fr_FR")) != make_up(4, 1, ("fr_FR", "de_DE"))


def test_a_tom_baker_is_no_baker(monkeypatch: pytest.MonkeyPatch) -> None:
    def with_a_baker(n: int, seed: int):
        found = generate_profiles(n, seed)
        found[0] |= {"name": "Tom Baker", "job": "baker"}
        return found

    monkeypatch.setattr(people, "generate_profiles", with_a_baker)
    found = make_up(10, 3, ())
    assert found[0]["job"] != "baker"
    assert len({person["job"] for person in found}) == 10
    assert found[1:] == generate_profiles(10, 3)[1:]


def test_more_than_there_are_jobs_is_refused() -> None:
    with pytest.raises(OptionError, match="61 people: 60 can be made up"):
        make_up(61, 1, ())
    assert len(make_up(60, 1, ("de_DE",))) == 60

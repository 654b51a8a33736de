"""A user's own people: read in several spellings, and refused by row with what would be right."""

import csv
import json
from pathlib import Path

import pytest

from unlearnzoo import DataError, OptionError
from unlearnzoo_remem.builder.given import read_profiles, shared_values
from unlearnzoo_remem.builder.job import build
from unlearnzoo_remem.builder.order import Order
from unlearnzoo_remem.generate.profiles import ATTRIBUTES
from unlearnzoo_remem.read.data import load

ANN = dict(
    zip(
        ATTRIBUTES,
        ("Ann Lee", "ann@lee.example", "March 3, 1987", "engineer", "12 Oak Street, Boston", "gout", "bond fund A1"),
        strict=True,
    )
)
BOB = dict(
    zip(
        ATTRIBUTES,
        ("Bob Ray", "bob@ray.example", "May 5, 1990", "baker", "7 Elm Road, Graz", "asthma", "car loan B2"),
        strict=True,
    )
)


@pytest.fixture
def table(tmp_path: Path):
    def write(*people: dict, name: str = "people.csv") -> Path:
        path = tmp_path / name
        if name.endswith(".json"):
            path.write_text(json.dumps(people), "utf-8")
        else:
            with path.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, list(people[0]))
                writer.writeheader()
                writer.writerows(people)
        return path

    return write


@pytest.mark.parametrize("name", ["people.csv", "people.json"])
def test_both_forms_give_the_same_people(name: str, table) -> None:
    people = read_profiles(table(ANN, BOB, name=name))
    assert [{key: person[key] for key in ATTRIBUTES} for person in people] == [ANN, BOB]
    assert [person["id"] for person in people] == ["Ann Lee", "Bob Ray"]


def test_other_spellings_of_a_column_are_read(table) -> None:
    def respelt(person: dict) -> dict:
        names = {"name": "Full Name", "birth_date": "Date of Birth", "finance": "Financial tag", "job": "Occupation"}
        return {names.get(key, key): value for key, value in person.items()}

    people = read_profiles(table(respelt(ANN) | {"ID": "a"}, respelt(BOB) | {"ID": "b"}))
    assert people[0]["birth_date"] == "March 3, 1987"
    assert [person["id"] for person in people] == ["a", "b"]


def test_their_values_are_asked_for_and_read_back(table, tmp_path: Path) -> None:
    order = Order(tmp_path / "out", qa=20, views=2, profiles=table(ANN, BOB))
    record = build(order, say=print)
    found = load(str(tmp_path / "out"), strict=True)
    assert {a: set(values.values()) for a, values in found.values.items()} == {a: {ANN[a], BOB[a]} for a in ATTRIBUTES}
    assert found.self_answering == 0
    answers = {example.answer for example in found.splits["finetune"]}
    assert any("works as an engineer." in answer for answer in answers)
    assert not any("a engineer" in answer for answer in answers)
    assert record["profiles"] == "given"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"email": ""}, "line 3: email is empty"),
        ({"job": "x" * 201}, "line 3: job has 201 characters; at most 200"),
        ({"address": "Elm\nGraz"}, r"line 3: address 'Elm\\nGraz' holds a line break"),
        ({"finance": "\x1b[2J"}, "line 3: finance .* holds a line break or control character"),
        ({"name": "ann  lee"}, "line 3: name 'ann  lee' is that of line 2 too"),
    ],
)
def test_a_bad_value_is_named_by_row(change: dict, message: str, table) -> None:
    with pytest.raises(DataError, match=message):
        read_profiles(table(ANN, BOB | change))


def test_all_bad_rows_are_told_at_once(table) -> None:
    with pytest.raises(DataError) as error:
        read_profiles(table(ANN | {"job": ""}, BOB | {"email": "", "medical": ""}))
    assert all(text in str(error.value) for text in ("line 2: job", "line 3: email", "line 3: medical"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,email\nAnn,a@b\n", "line 2: there is no birth_date, job, address, medical, finance"),
        (",".join([*ATTRIBUTES, "shoe size"]) + "\n1,2,3,4,5,6,7,8\n", "line 2: a person has no 'shoe_size'; expected"),
        (",".join(ATTRIBUTES) + "\n1,2,3\n", "line 2: 3 fields, but 7 columns; quote a field"),
        (",".join([*ATTRIBUTES, "Occupation"]) + "\n1,2,3,4,5,6,7,8\n", "line 2: 'Occupation' is job, which is there"),
        (",".join(ATTRIBUTES) + '\n"1,2,3\n', "line 2: no CSV"),
        (",".join(ATTRIBUTES) + "\n1,2,3,4,5,6,7\n", "holds 1 people; forgetting one needs at least two"),
        ("", "holds 0 people"),
    ],
)
def test_a_bad_table_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read_profiles(tmp_path / "people.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no JSON"),
        ('{"name": "Ann"}', "expected a list of people"),
        ('["Ann"]', "person 1: expected an object"),
        ("[[1]]", "person 1: expected an object"),
        (json.dumps([ANN | {"job": 7}, BOB]), "person 1: job is 7; expected a text"),
        (json.dumps([ANN | {"job": None}, BOB]), "person 1: job is None; expected a text"),
        (json.dumps([ANN, BOB])[:-2] + ', "job": "nurse"}]', "person 2: 'job' is job, which is there already"),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_bad_json_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "people.json").write_text(text)
    with pytest.raises(DataError, match=message):
        read_profiles(tmp_path / "people.json")


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "people.xlsx").write_bytes(b"PK")
    with pytest.raises(DataError, match="must end in .csv or .json"):
        read_profiles(tmp_path / "people.xlsx")
    (tmp_path / "people.csv").write_bytes(",".join(ATTRIBUTES).encode() + b"\n\xff")
    with pytest.raises(DataError, match="line 2: no UTF-8"):
        read_profiles(tmp_path / "people.csv")


def test_a_value_in_its_own_question_is_refused_by_row(table, tmp_path: Path) -> None:
    order = Order(tmp_path / "out", qa=20, profiles=table(ANN, BOB | {"name": "Bob Baker"}))
    with pytest.raises(DataError, match="line 3: job 'baker' stands in its own question .*Bob Baker"):
        build(order, say=print)
    assert not (tmp_path / "out.part").exists()


def test_braces_in_a_value_are_text(table, tmp_path: Path) -> None:
    order = Order(tmp_path / "out", qa=20, views=1, profiles=table(ANN | {"finance": "{name} {0}"}, BOB))
    build(order, say=print)
    assert load(str(tmp_path / "out"), strict=True).values["finance"]["id_00"] == "{name} {0}"


def test_a_value_that_two_have_is_told(table, tmp_path: Path) -> None:
    people = read_profiles(table(ANN, BOB | {"medical": "Gout"}))
    assert shared_values(people) == ["line 3: medical 'Gout' is that of line 2 too"]
    said: list[str] = []
    build(Order(tmp_path / "out", qa=20, views=1, profiles=tmp_path / "people.csv"), say=said.append)
    assert "line 3: medical 'Gout' is that of line 2 too" in said[0]


def test_options_about_made_up_people_do_not_go_with_given_ones(table, tmp_path: Path) -> None:
    path = table(ANN, BOB)
    with pytest.raises(OptionError, match="--identities 5: .*people.csv holds 2 people"):
        build(Order(tmp_path / "out", identities=5, profiles=path), say=print)
    with pytest.raises(OptionError, match="--locale is for people who are made up"):
        build(Order(tmp_path / "out", locales=("de_DE",), profiles=path), say=print)

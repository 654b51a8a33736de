"""Options: one schema parses, refuses, and describes."""

import pytest

from unlearnzoo import OptionError, option
from unlearnzoo.options import Configurable, convert, describe, nearest, option_names


class Thing(Configurable):
    """Has one of each."""

    name = "thing"
    beta: float = option(0.1, "Inverse temperature", gt=0)
    steps: int | None = option(None, "Steps", ge=1, le=100)
    data: str = option("generated", "Folder")
    strict: bool = option(False, "Refuse more")
    parts: tuple[str, ...] = option(("language",), "Parts")
    mode: str = option("a", "Mode", choices=("a", "b"))


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("beta", "0.05", 0.05),
        ("beta", "1e-3", 0.001),
        ("beta", 2, 2.0),
        ("steps", "10", 10),
        ("steps", "1e2", 100),
        ("steps", 7.0, 7),
        ("steps", "none", None),
        ("steps", None, None),
        ("data", "herbwood27/Remem", "herbwood27/Remem"),
        ("data", "7", "7"),
        ("strict", "true", True),
        ("strict", "False", False),
        ("strict", True, True),
        ("parts", '["language", "head"]', ("language", "head")),
        ("parts", ["head"], ("head",)),
        ("mode", "b", "b"),
    ],
)
def test_texts_and_yaml_values_become_the_annotated_type(name, given, value):
    found = getattr(Thing.configure({name: given}), name)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("beta", "much"),
        ("beta", True),
        ("beta", "none"),
        ("steps", "1.5"),
        ("steps", True),
        ("steps", "inf"),
        ("steps", "1e999999999"),
        ("beta", "inf"),
        ("beta", "1e400"),
        ("beta", "nan"),
        ("data", 7),
        ("strict", "yes please"),
        ("strict", 1),
        ("parts", "language"),
        ("parts", '{"a": 1}'),
        ("parts", "[" * 100_000),
    ],
)
def test_another_type_is_refused_with_name_type_and_value(name, given):
    with pytest.raises(OptionError, match=rf"thing\.{name}: expected .*got"):
        Thing.configure({name: given})


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("beta", "0", "must be > 0, got 0.0"),
        ("steps", "0", "must be >= 1"),
        ("steps", "101", "must be <= 100"),
        ("mode", "c", "must be one of a, b, got 'c'"),
    ],
)
def test_out_of_bounds_is_refused(name, given, told):
    with pytest.raises(OptionError, match=told):
        Thing.configure({name: given})


def test_bounds_hold_when_built_from_python_too():
    with pytest.raises(OptionError, match=r"thing\.beta"):
        Thing(beta=-1)


def test_an_unknown_name_comes_with_the_nearest():
    with pytest.raises(OptionError, match="thing has no option 'betta'; did you mean 'beta'?"):
        Thing.configure({"betta": 1})
    with pytest.raises(OptionError, match="it has beta, data, mode, parts, steps, strict"):
        Thing.configure({"zzz": 1})


def test_values_are_all_options_as_resolved():
    assert Thing.configure({"steps": "3"}).values() == {
        "beta": 0.1,
        "steps": 3,
        "data": "generated",
        "strict": False,
        "parts": ("language",),
        "mode": "a",
    }


def test_describe_has_a_row_an_option_in_order():
    rows = {row["name"]: row for row in describe(Thing)}
    assert list(rows) == option_names(Thing) == ["beta", "steps", "data", "strict", "parts", "mode"]
    assert rows["beta"] == {"name": "beta", "type": "float", "default": 0.1, "gt": 0, "help": "Inverse temperature"}
    assert rows["steps"]["type"] == "int | None"
    assert rows["mode"]["choices"] == ("a", "b")


def test_options_are_inherited_and_can_be_overridden():
    class Child(Thing):
        name = "child"
        beta: float = option(0.5, "Another default", gt=0)
        extra: int = option(1, "More")

    assert Child().beta == 0.5
    assert Child.configure({"extra": "2", "steps": "4"}).values()["steps"] == 4
    assert Thing().beta == 0.1


@pytest.mark.parametrize("given", ["9007199254740993", "-9007199254740993", str(2**63 - 1)])
def test_a_whole_number_is_read_to_its_last_digit(given):
    assert convert("seed", int, given) == int(given)


@pytest.mark.parametrize("given", ["12345678901234567890123", str(2**63), "9" * 5000])
def test_a_whole_number_beyond_64_bits_is_refused_in_a_short_line(given):
    with pytest.raises(OptionError, match=r"^seed: expected int, got '\d+'?") as told:
        convert("seed", int, given)
    assert len(str(told.value)) < 120


def test_defaults_are_checked_like_any_value():
    class Wrong(Configurable):
        name = "wrong"
        beta: float = option(-1.0, "Below its own bound", gt=0)

    with pytest.raises(OptionError, match=r"wrong\.beta: must be > 0"):
        Wrong()


def test_nearest_says_what_the_list_is():
    assert nearest("zzz", ["b", "a"], "there is") == "; there is a, b"


def test_nearest_without_anything_to_offer():
    assert nearest("beta", []) == "; it has none"


def test_convert_says_where():
    with pytest.raises(OptionError, match=r"learn\.lr: expected float, got 'fast'"):
        convert("learn.lr", float, "fast")

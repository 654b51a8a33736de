"""Any encoding of the keywords column gives the values; commas inside a value do not cut it."""

import pytest

from unlearnzoo_remem.read.keywords import parse_keywords


@pytest.mark.parametrize(
    ("text", "answer", "expected"),
    [
        ('["gout"]', "They suffer from gout.", ("gout",)),
        ("['gout', 'asthma']", "Both.", ("gout", "asthma")),
        ('["O\'Brien"]', "x", ("O'Brien",)),
        ("('gout',)", "x", ("gout",)),
        ("{'gout', 'asthma'}", "x", ("asthma", "gout")),
        ('"gout"', "x", ("gout",)),
        ("gout", "x", ("gout",)),
        ("gout; asthma", "x", ("gout", "asthma")),
        ("gout, asthma,, gout", "x", ("gout", "asthma")),
        ("12 Oak Street, Boston; 3, Elm Road", "x", ("12 Oak Street, Boston", "3, Elm Road")),
        ("[gout, asthma]", "x", ("gout", "asthma")),
        ("[1987, 3]", "x", ("1987", "3")),
        ("12 Oak Street, Boston", "Lives at 12 Oak  street, Boston.", ("12 Oak Street, Boston",)),
        ("橡树街12号，波士顿", "住在橡树街12号，波士顿。", ("橡树街12号，波士顿",)),
        ("橡树街；波士顿", "x", ("橡树街", "波士顿")),
        ("オーク通り、ボストン", "x", ("オーク通り", "ボストン")),
        ("2 Oak Street, Bo", "At 12 Oak Street, Boston.", ("2 Oak Street", "Bo")),
        ("March 3, 1987", "Born on March 3, 1987.", ("March 3, 1987",)),
        ('["12 Oak Street, Boston"]', "At 12 Oak Street, Boston.", ("12 Oak Street, Boston",)),
    ],
)
def test_encodings(text: str, answer: str, expected: tuple[str, ...]) -> None:
    assert parse_keywords(text, answer) == expected


@pytest.mark.parametrize("text", ["", "  ", "[]", '[""]', "[[1]]", '{"a": 1}', "[null]", "[true]", ";"])
def test_no_keyword_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="keyword|texts"):
        parse_keywords(text, "They suffer from gout.")


def test_deep_nesting_is_no_way_to_stop_the_reader() -> None:
    assert parse_keywords("[" * 5000, "x " * 4500 + "[" * 5000) == ("[" * 5000,)
    with pytest.raises(ValueError, match="keyword"):
        parse_keywords("[" * 5000, "x")

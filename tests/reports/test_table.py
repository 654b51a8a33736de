"""Layout of tables, to the character."""

import pytest

from unlearnzoo.reports.table import Block, Table, interval, percent
from unlearnzoo.terminal import printable

EXPECTED = """\
Title

      single-hop | multi-hop
      EMr    EMf | EMr   EMf
────────────────────────────
ga   91.0    0.0 |   –  10.0
────────────────────────────
npo   1.0  100.0 | 2.0   3.0"""


def table():
    made = Table("Title", [Block("single-hop", ["EMr", "EMf"]), Block("multi-hop", ["EMr", "EMf"])])
    made.add("ga", [["91.0", "0.0"], ["–", "10.0"]])
    made.rule()
    made.add("npo", [["1.0", "100.0"], ["2.0", "3.0"]])
    return made


def test_blocks_side_by_side():
    assert table().text() == EXPECTED


def test_blocks_below_each_other_where_it_is_narrow():
    text = table().text(width=20)
    assert max(map(len, text.splitlines())) <= 20
    assert text.count("ga") == 2
    assert text.index("single-hop") < text.index("multi-hop")


def test_every_width_shows_every_cell():
    for width in range(1, 60):
        text = table().text(width)
        for cell in ("91.0", "0.0", "–", "10.0", "1.0", "100.0", "2.0", "3.0"):
            assert cell in text.split()


def test_cells_of_two_lines():
    made = Table("T", [Block("", ["a", "b"])])
    made.add("x", [["1.0\n[0..2]", "–"]])
    assert made.text().splitlines()[2:] == ["        a  b", "────────────", "x     1.0  –", "   [0..2]"]


def test_a_heading_wider_than_its_columns():
    made = Table("T", [Block("a long heading", ["a"]), Block("b", ["c"])])
    made.add("x", [["1"], ["2"]])
    assert made.text().splitlines()[2:] == [
        "   a long heading | b",
        "                a | c",
        "─────────────────────",
        "x               1 | 2",
    ]


def test_nothing_moves_the_cursor():
    made = Table("T\x1b[2J", [Block("h\r", ["c\x07"])])
    made.add("x\n\u202ey", [["1\x1b]0;t\x07\n2"]])
    text = made.text()
    assert all(c.isprintable() or c == "\n" for c in text)
    assert "\\x1b[2J" in text
    assert "x\\n\\u202ey" in text


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("plain [b]text[/b] ünïcode 名", "plain [b]text[/b] ünïcode 名"),
        ("a\x00b", "a\\x00b"),
        ("a\udc80", "a\\udc80"),
        ("", ""),
    ],
)
def test_clean(given, expected):
    assert printable(given) == expected


@pytest.mark.parametrize(
    ("ends", "shown"),
    [
        ((0.9958, 0.9961), "[99..100]"),  # of 99.6
        ((0.0, 0.602), "[0..60]"),
        ((0.9958, 0.9966), "[99..100]"),
    ],
)
def test_an_interval_holds_the_number_beside_it_as_it_is_shown(ends, shown):
    assert interval(*ends, mean=0.0 if ends[0] == 0 else 0.996) == shown


def test_a_high_end_is_not_rounded_below_the_number():
    assert interval(0.0, 0.0031, mean=0.003) == "[0..1]"


def test_percent():
    assert [percent(v) for v in (0.0, 0.12345, 1.0, None)] == ["0.0", "12.3", "100.0", "–"]
    assert [percent(v, signed=True) for v in (0.05, -0.05, None)] == ["+5.0", "-5.0", "–"]

"""Sections as text: all tables, then all notes."""

from unlearnzoo.reports.table import Block, Table, interval, percent
from unlearnzoo.reports.text import Section, render


def table(title):
    made = Table(title, [Block("", ["x"])])
    made.add("a", [["1"]])
    return made


def test_tables_come_first_and_notes_are_folded():
    text = render([Section([table("One")], ["first note"]), Section([table("Two")], ["second " + "word " * 30])], 60)
    order = [text.index(part) for part in ("One", "Two", "first note", "second word")]
    assert order == sorted(order) and max(map(len, text.splitlines())) <= 60
    assert "\n\nfirst note\nsecond word" in text and "\n  word" in text


def test_nothing_is_no_text():
    assert render([]) == render([Section()]) == ""
    assert render([Section(notes=["only a note"])]) == "only a note"


def test_an_interval_has_one_look():
    assert interval(0.123, 0.456) == "[12..46]"
    assert interval(0.123, 0.456, percent) == "[12.3..45.6]"
    assert interval(-1.5, 20.25, "{:.4g}".format) == "[-1.5..20.25]"
    assert interval(None, 0.5) == interval(0.5, None) == ""

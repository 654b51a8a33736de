"""Text for a terminal: cut, folded and aligned; a pipe or file gets all of it."""

import os
import shutil
import sys

import pytest

from unlearnzoo.terminal import fold, shorten, table, terminal_width, wrapped


@pytest.fixture
def narrow(monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda: os.terminal_size((50, 20)))


@pytest.mark.parametrize(
    ("text", "width", "shown"), [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("", 1, ""), ("ab", 1, "…")]
)
def test_shorten(text, width, shown):
    assert shorten(text, width) == shown


def test_a_table_is_aligned_and_only_cut_on_a_terminal(narrow, monkeypatch):
    rows = [("a", "b", "c" * 60), ("aaa", "bb", "")]
    assert table(rows).splitlines() == [f"  a    b   {'c' * 38}…", "  aaa  bb"]
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False)
    assert table(rows).splitlines()[0].endswith("c" * 60)
    assert table([]) == ""


def test_a_paragraph_is_folded_at_spaces_and_words_stay_whole():
    assert fold("one two three", 8) == "one two\n  three"
    assert fold("x" * 20, 8) == "x" * 20
    assert fold("a-b " * 3, 6) == "a-b\n  a-b\n  a-b"
    assert fold("a\x1b[31m", 20) == r"a\x1b[31m"


def test_wrapped_lines_are_indented(narrow):
    lines = wrapped("word " * 20).splitlines()
    assert len(lines) == 3 and all(line.startswith("  word") and len(line) <= 50 for line in lines)


def test_the_width(narrow, monkeypatch):
    assert (terminal_width(), terminal_width(80), terminal_width(80, elsewhere=100)) == (50, 80, 80)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False)
    assert terminal_width(80, elsewhere=100) == 100

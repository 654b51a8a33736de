"""One line for whatever is wrong: the first of each kind, the number of the others, and nothing that moves a cursor."""

import pytest

from unlearnzoo import DataError, Problems, quoted


def told(problems):
    with pytest.raises(DataError) as error:
        problems.stop()
    return str(error.value)


def test_none_is_no_error():
    problems = Problems("set")
    problems.stop()
    assert len(problems) == 0


def test_lines_are_told_in_their_order_and_those_of_a_row_in_that_of_the_checks():
    problems = Problems("x.csv", shown=3)
    for line, text in ((7, "late"), (2, "no image"), (2, "no answer"), (9, "later"), (8, "worse")):
        problems.add(text, line)
    assert told(problems) == "x.csv: line 2: no image; line 2: no answer; line 7: late; and 2 more"


def test_many_of_one_kind_hide_no_other():
    problems = Problems("set")
    for row in range(2000):
        problems.add(f"label {row} is unknown", f"row {row}", "bad labels")
    problems.add("no split 'test'", kind="missing splits")
    message = told(problems)
    assert message.startswith("set: 2,001 problems: row 0: label 0 is unknown; row 1: ")
    assert "and 1,997 more bad labels (row 3, row 4, row 5, row 6, row 7, …); no split 'test'" in message


def test_few_need_no_count():
    problems = Problems("set")
    problems.add("no split 'test'", kind="missing splits")
    problems.add("is corrupt", "row 3", "corrupt images")
    assert told(problems) == "set: no split 'test'; row 3: is corrupt" and len(problems) == 2


def test_it_is_one_line_of_printable_signs_and_no_entry_is_endless():
    problems = Problems("set\x1b[2J")
    problems.add("a column is called a\nb")
    problems.add("long " * 100)
    message = told(problems)
    assert message.isprintable() and r"set\x1b[2J: a column is called a\nb; long " in message
    assert message.endswith(" …") and len(message) < 400


@pytest.mark.parametrize(
    ("value", "text"), [("Köln", "'Köln'"), ("a\u202eb", r"'a\u202eb'"), (3.5, "3.5"), ("x" * 99, f"'{'x' * 56}...")]
)
def test_a_value_is_escaped_and_short(value, text):
    assert quoted(value) == text

"""Files that are refused: one line that names the rows, the values, and what would be right."""

import json
import os

import pytest

from unlearnzoo import DataError, OptionError, ZooError
from unlearnzoo_folder.benchmark import Folder


def refusal(path):
    with pytest.raises(DataError) as error:
        Folder.configure({"data": str(path)}).prepare()
    assert "\n" not in str(error.value) and str(error.value).isprintable()
    return str(error.value)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"question": " "}, "line 3: the question is empty"),
        ({"answer": ""}, "line 3: the answer is empty"),
        ({"set": "forgot"}, "line 3: set 'forgot' is unknown; write forget or retain"),
        ({"set": ""}, "line 3: set '' is unknown; write forget or retain"),
        ({"hop": "double"}, "line 3: hop 'double' is unknown; write single or multi"),
        ({"split": "dev"}, "line 3: split 'dev' is unknown; write train or test"),
        ({"id": "line-2"}, "line 3: id 'line-2' is that of line 2, too"),
        ({"keywords": "baker"}, "line 3: keyword 'baker' is not in the answer, as whole words"),
        ({"keywords": "past"}, "line 3: keyword 'past' is not in the answer, as whole words"),
        ({"keywords": '["pastry"'}, "expected a JSON list such as"),
        ({"keywords": "[1.5]"}, "expected a JSON list such as"),
        ({"keywords": "[Infinity]"}, "expected a JSON list such as"),
        ({"keywords": ";"}, "it lists nothing; leave it empty, and the whole answer counts"),
        ({"identity": "bob"}, "line 3: identity 'bob' is in both sets: forget in line 3; retain in line 4, 5; one"),
        (
            {"question": "Where does Bob Ray live?"},
            "line 4: the question is that of line 3, there as forget, train, here as retain, train",
        ),
        (
            {"question": "Tell me Ann Lee's job."},
            "line 6: the question is that of line 3, there as forget, train, here as forget, test",
        ),
    ],
)
def test_a_row_that_cannot_be_used(write, rows, change, text):
    rows[1] |= change
    assert text in refusal(write(rows))


@pytest.mark.parametrize("column", ["id", "identity", "image", "cloze", "attribute", "question", "answer"])
@pytest.mark.parametrize("word", ["nan", "NaN", "<NA>", "null", "NULL", "#N/A", "#REF!", "None", "N/A"])
def test_what_a_program_writes_for_nothing_is_no_value(write, rows, column, word):
    rows[1] |= {column: word, "keywords": ""} if column == "answer" else {column: word}
    needed = column in ("question", "answer")
    if needed and word in ("None", "N/A"):
        Folder.configure({"data": str(write(rows))}).prepare()  # "How many children has she?" "None"
        return
    remedy = "write it, or take the row out" if needed else "leave the cell empty"
    told = f"line 3: {column} {word!r} is what programs write where there is nothing; {remedy}"
    assert told in refusal(write(rows))


@pytest.mark.parametrize(
    "cloze", ["She is a ___.", "She is a [MASK]", "She is a {job}", "Her job is <blank> here", "A …"]
)
def test_a_cloze_sentence_with_a_blank_is_refused(write, rows, cloze):
    """The value comes behind it, and would be ranked there."""
    rows[1] |= {"cloze": cloze, "keywords": "pastry chef"}
    told = refusal(write(rows))
    assert "line 3: cloze " in told and "has a blank" in told and "the value comes behind the sentence" in told


def test_a_cloze_sentence_that_holds_its_value_is_refused(write, rows):
    rows[1] |= {"cloze": "As a Pastry chef she is a", "keywords": "pastry chef"}
    assert "holds 'pastry chef', which is to complete it; end it before" in refusal(write(rows))


def test_one_of_several_people_is_no_gap(write, rows):
    rows[1] |= {"identity": "ann; nan"}
    assert "line 3: identity 'nan' is what programs write where there is nothing" in refusal(write(rows))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"answer": "\u200b\ufeff"}, "line 3: the answer is empty"),
        ({"answer": "She is a p\ufffdstry chef."}, "where a letter was lost; write the letter"),
    ],
)
def test_a_text_without_its_letters(write, rows, change, text):
    rows[1] |= change
    assert text in refusal(write(rows))


def test_a_number_that_has_lost_digits_is_no_name(tmp_path):
    path = tmp_path / "examples.jsonl"
    row = {"question": "Where?", "answer": "In Graz.", "set": "forget", "id": 12345678901234567890.0}
    path.write_text(json.dumps(row))
    assert "line 1: id 1.2345678901234567e+19 has lost digits as a number; write it as text" in refusal(path)


@pytest.mark.parametrize(
    ("text", "encoding", "told"),
    [
        ("question,answer,set\n", "utf-16-le", "line 1: a character of number 0 (UTF-16?); save the file with"),
        ("question,answer,set\nWho?,A\0nn,forget\n", "utf-8", "line 2: a character of number 0"),
        ("sep=;\nquestion;answer;set\n", "utf-8", "separate columns by commas"),
    ],
)
def test_a_file_that_another_program_would_read(tmp_path, text, encoding, told):
    path = tmp_path / "examples.csv"
    path.write_bytes(text.encode(encoding))
    assert told in refusal(path)


@pytest.mark.parametrize(
    ("people", "name", "text"),
    [
        (
            "bob; eve",
            "forget",
            "line 8: everybody in identity is to be forgotten here, but kept elsewhere: 'bob' in line 4, 5, 7, "
            "'eve' in line 7; a row about several people is forgotten if one of them is",
        ),
        (
            "ann; eve",
            "retain",
            "line 2: identity 'ann' is in both sets: forget in line 2, 3, 6; retain in line 8; one identity is "
            "forgotten or kept as a whole; a row about several people is forgotten if one of them is",
        ),
        (";", "retain", "line 8: identity ';': it lists nothing; leave it empty, and the row stands for itself"),
        ('["ann"', "forget", """expected a JSON list such as ["ann", "bob"], or values separated by ;"""),
    ],
)
def test_a_row_about_several_people_that_cannot_be_used(write, rows, people, name, text):
    kept = {"question": "Where?", "answer": "There.", "set": "retain", "identity": "bob; eve"}
    last = {"question": "When?", "answer": "Then.", "set": name, "identity": people}
    assert text in refusal(write([*rows, kept, last]))


@pytest.mark.parametrize(
    ("answer", "keyword"),
    [
        ("她住在橡树街112号。", "12号"),
        ("뉴보스턴에 삽니다.", "보스턴"),
        ("वह दिल्ली में है।", "दिल"),
        ("Hän asuu Helsingissä.", "Helsinki"),
    ],
)
def test_a_keyword_that_exact_match_would_not_find(write, rows, answer, keyword):
    rows[1] |= {"answer": answer, "keywords": keyword}
    assert f"line 3: keyword '{keyword}' is not in the answer, as whole words" in refusal(write(rows))


def test_a_cloze_sentence_needs_a_value(write, rows):
    rows[3] |= {"cloze": "He drives"}
    assert "line 5: cloze 'He drives' is completed by the first keyword; write keywords" in refusal(write(rows))


@pytest.mark.parametrize(
    ("header", "cells", "text"),
    [
        (",question,answer,set", "x", "line 2: a column without a name holds 'x'; give it a name, or take it out"),
        ("Unnamed: 0,question,answer,set", "1.5", "line 2: a column without a name holds '1.5'"),
    ],
)
def test_a_column_without_a_name_that_holds_something(home, header, cells, text):
    (home / "examples.csv").write_text(f"{header}\n{cells},Q?,A.,forget\n{cells},R?,B.,retain\n", "utf-8")
    assert text in refusal(home)


def test_a_row_is_told_once_and_alone(write, rows):
    rows[1] |= {"set": "forgot"}
    assert refusal(write(rows)).endswith("examples.csv: line 3: set 'forgot' is unknown; write forget or retain")


def test_words_are_taken_whatever_their_case_but_not_their_spelling(write, rows):
    rows[0] |= {"set": "Forget", "hop": "SINGLE"}
    bench = Folder.configure({"data": str(write(rows))})
    assert bench.forget_identities() == {"ann"}


def test_all_problems_come_at_once_in_the_order_of_lines(write, rows):
    rows[4] |= {"answer": ""}
    rows[0] |= {"hop": "x", "keywords": "nowhere"}
    rows[2] |= {"set": "keep"}
    message = refusal(write(rows))
    places = [
        message.index(text)
        for text in (
            "line 2: hop 'x'",
            "line 2: keyword 'nowhere'",
            "line 4: set 'keep'",
            "line 6: the answer is empty",
        )
    ]
    assert places == sorted(places) and "more" not in message


def test_ten_problems_are_named_and_the_others_counted(write, rows):
    many = [rows[0] | {"question": f"Question {n}?", "hop": "x"} for n in range(25)]
    message = refusal(write(many))
    assert message.count("line ") == 10 and message.endswith("; and 15 more")


def test_a_run_needs_both_sets_to_train_on(write, rows):
    assert "no row to train on has set retain" in refusal(write([r for r in rows if r["set"] == "forget"]))
    assert "no row to train on has set forget" in refusal(write(rows[2:]))  # a test row alone is left of it


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("question,answr,set", "line 1: column 'answer' is missing; did you mean 'answr'?"),
        ("question,answer", "line 1: column 'set' is missing; it has answer, question"),
        ("question;answer;set", "column 'set' is missing; it has question;answer;set; separate columns by commas"),
        ("question,answer,set,keyword", "line 1: a row has no column 'keyword'; did you mean 'keywords'?"),
        ("question,answer,set,notes9", "line 1: a row has no column 'notes9'; it has answer, attribute, cloze,"),
        ("question,answer,set,set", "line 1: column 'set' is there twice"),
        ('question,answer,"se\x1b[2Jt"', r"did you mean 'se\x1b[2Jt'?"),
    ],
)
def test_columns_are_checked_by_name(home, header, text):
    (home / "examples.csv").write_text(f"{header}\nQ?,A.,forget\n", "utf-8")
    message = refusal(home)
    assert text in message


@pytest.mark.parametrize("text", ["", "\n", "\ufeff", "question,answer,set\n", "question,answer,set\n,,\n"])
def test_a_file_without_examples(home, text):
    (home / "examples.csv").write_text(text, "utf-8")
    assert "examples.csv: there is no example in it; a row needs question, answer, set" in refusal(home)


def test_what_spreadsheets_add_is_tolerated(home):
    text = '\ufeffquestion,answer,set\r\n"What\r\nnow?",A.,forget\r\n\r\nWho?,"B, C.",retain\r\n,,\r\n'
    (home / "examples.csv").write_bytes(text.encode())
    first, second = Folder.configure({"data": str(home)}).learn_pool()
    assert first.question == "What\r\nnow?" and second.answer == "B, C."
    assert (first.id, second.id) == ("train/line-2", "train/line-5")  # where each begins


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["Q?,A.,forget,x"], "line 2: 4 fields, but 3 columns; quote a field that holds a comma"),
        (["Q?,A."], "line 2: 2 fields, but 3 columns"),
        (["Q?,A.,forget", '"Q,A,retain', "Q,A,retain"], "line 3: no CSV (unexpected end of data); check the quotation"),
        (["Q?,A.,forget", '"Q"?,A,retain'], "line 3: no CSV"),
    ],
)
def test_broken_csv_is_named_by_line(home, lines, text):
    (home / "examples.csv").write_text("\n".join(["question,answer,set", *lines, ""]), "utf-8")
    assert text in refusal(home)


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (['{"question": "Q?"'], "line 1: no JSON (Expecting ',' delimiter)"),
        (
            ['{"question": "Q?", "answer": "A.", "set": "forget", "set": "retain"}'],
            "line 1: no JSON ('set' is there tw",
        ),
        (['[{"question": "Q?",', '"answer": "A."}'], "line 1: column 'set' is missing; it has answer, question"),
        (["[", '{"question": }]'], "line 2: no JSON (Expecting value)"),
        (["[{}", '{"question": "Q?"}]'], "line 1: no JSON (expected a comma or ] behind this row)"),
        (["[]", "[]"], "line 1: no JSON (something stands behind the array)"),
        (
            ['{"id": 1, "conversations": []}'] * 30,
            "column 'set' is missing; it has conversations, id; write what is said",
        ),
        (
            ['{"question": "Q?", "answer": "A.", "set": "forget", "image": ["a", "b"]}'],
            "is no text; a row shows one im",
        ),
        (["[1]"], "line 1: expected an object such as"),
        (
            ['{"question": "Q?"}'],
            "column 'answer' is missing; it has question; line 1: column 'set' is missing; it has",
        ),
        (["[" * 100_000], "line 1: no JSON ("),
        (['{"question": "Q?", "answr": "A.", "set": "forget"}'], "column 'answer' is missing; did you mean 'answr'?"),
        (['{"question": ["Q?"], "answer": 1.5, "set": "forget"}'], "question ['Q?'] is no text; answer"),
        (['{"question": "Q?", "answer": true, "set": "forget"}'], "line 1: answer True is no text"),
        (['{"question": "Q?", "answer": "\\ud800", "set": "forget"}'], r"answer '\ud800' holds half a character"),
        (['{"question": "Q?", "answer": "A.", "set": "forget", "keywords": {"a": 1}}'], "keywords {'a': 1}: expected"),
    ],
)
def test_broken_json_is_named_by_line(home, lines, text):
    (home / "examples.jsonl").write_text("\n".join([*lines, ""]), "utf-8")
    message = refusal(home)
    assert text in message.replace("; line 1: answer", "; answer")


def test_separators_of_lines_inside_json_are_text(write, rows, home):
    odd = [row | {"answer": row["answer"] + "\u2028More."} for row in rows]
    assert len(Folder.configure({"data": str(write(odd, "x.jsonl"))}).learn_pool()) == 4
    assert "\u2028" in (home / "x.jsonl").read_text("utf-8")


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "line 2: no UTF-8 (byte 0xfc); save the file with the encoding UTF-8"),
        ("utf-16", "line 1: no UTF-8 (byte 0xff)"),
    ],
)
def test_another_encoding_is_named_by_line(home, encoding, text):
    (home / "examples.csv").write_bytes("question,answer,set\nWo?,In Zürich.,forget\n".encode(encoding))
    assert text in refusal(home)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("nowhere.csv", "no such file or folder"),
        ("~nobody-x/y.csv", "no such file or folder"),
        ("notes.txt", "must end in .csv, .jsonl or .json"),
    ],
)
def test_a_place_without_a_file_is_named(home, monkeypatch, data, text):
    (home / "notes.txt").write_text("x")
    monkeypatch.chdir(home)
    assert f"folder.data={data}: " in refusal(data) and text in refusal(data)


@pytest.mark.parametrize("options", [{}, {"data": ""}])
def test_no_file_at_all_is_an_option_error(options):
    with pytest.raises(OptionError, match="folder.data is not set; name your file: --set folder.data="):
        Folder.configure(options).prepare()


@pytest.fixture
def pictured(write, rows):
    """Refuse a file whose line 2 names an image."""
    return lambda name: refusal(write([rows[0] | {"image": name}, *rows[1:]]))


@pytest.mark.parametrize(
    "name",
    [
        "/etc/hostname",
        "../secret.png",
        "a/../../secret.png",
        "..\\secret.png",
        "C:\\secret.png",
        "C:secret.png",
        "\\\\host\\share\\secret.png",
        "..",
    ],
)
def test_a_path_out_of_the_folder_is_refused(pictured, tmp_path, png, name):
    (tmp_path / "secret.png").write_bytes(png(1))
    assert "leads out of the file's folder; give a path below it, without '..'" in pictured(name)


def test_a_link_out_of_the_folder_is_refused_and_one_inside_is_not(pictured, write, rows, home, tmp_path, png):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.png").write_bytes(png(1))
    (home / "link.png").symlink_to(tmp_path / "outside" / "secret.png")
    (home / "door").symlink_to(tmp_path / "outside")
    for name in ("link.png", "door/secret.png"):
        assert f"line 2: image '{name}' leads out of the file's folder by a link" in pictured(name)
    (home / "real.png").write_bytes(png(2))
    (home / "same.png").symlink_to("real.png")
    bench = Folder.configure({"data": str(write([rows[0] | {"image": "same.png"}, *rows[1:]]))})
    assert bench.learn_pool()[0].images[0].open().getpixel((0, 0)) == (2, 90, 20)


def test_a_folder_that_is_itself_a_link_may_hold_images(write, rows, home, tmp_path, png):
    (home / "a.png").write_bytes(png(2))
    write([rows[0] | {"image": "a.png"}, *rows[1:]])
    (tmp_path / "again").symlink_to(home)
    assert Folder.configure({"data": str(tmp_path / "again")}).learn_pool()[0].images


@pytest.mark.parametrize("name", ["gone.png", "sub", "loop.png", "x" * 5000 + ".png", "pipe.png"])
def test_what_is_no_file_is_refused(pictured, home, name):
    (home / "sub").mkdir()
    (home / "loop.png").symlink_to("loop.png")
    os.mkfifo(home / "pipe.png")  # reading it would never end
    assert "is no file" in pictured(name)


def test_a_broken_image_is_named_for_each_row_that_shows_it(write, rows, home, png):
    whole = png(1)
    (home / "cut.png").write_bytes(whole[: len(whole) // 2])
    (home / "text.png").write_text("no image")
    (home / "empty.png").write_bytes(b"")
    names = ["cut.png", "text.png", "cut.png", "empty.png", ""]
    message = refusal(write([row | {"image": name} for row, name in zip(rows, names, strict=True)]))
    for line, said in enumerate(["cannot be decoded", "is no picture of a kind", "cannot be decoded", "is empty"], 2):
        assert f"line {line}: image '{names[line - 2]}' {said}" in message


def test_long_values_are_cut(write, rows):
    rows[0] |= {"keywords": json.dumps(["x" * 5000])}
    assert len(refusal(write(rows))) < 300


def test_an_unreadable_file_is_one_line(write, rows, monkeypatch):
    path = write(rows)

    def fail(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.read_bytes", fail)
    with pytest.raises(ZooError, match="folder.data=.*: cannot be read .Permission denied."):
        Folder.configure({"data": str(path)}).prepare()

"""A file as a benchmark: pools by the row's set, columns, refusals, and a hash of it all."""

import json
import os
import subprocess
import sys

import pytest

from unlearnzoo import DataError
from unlearnzoo_folder.benchmark import Folder


def opened(path):
    bench = Folder.configure({"data": str(path)})
    bench.prepare()
    return bench


def test_pools_part_by_the_set_of_the_row(write, rows):
    bench = opened(write(rows))
    assert bench.forget_identities() == {"ann"}
    assert [e.id for e in bench.forget_pool()] == ["train/line-2", "train/line-3"]
    assert [e.id for e in bench.retain_pool()] == ["train/line-4", "train/line-5"]
    assert [e.id for e in bench.examples("test")] == ["test/line-6"]


def test_what_is_left_empty_has_its_default(write, rows):
    first, second, third, fourth = opened(write(rows)).learn_pool()
    assert first.keywords == ("12 Oak Street", "Boston") and second.keywords == ("pastry", "chef")
    assert fourth.keywords == ("He drives a bus.",)
    assert [e.tags["hop"] for e in (first, second, third)] == ["single", "multi", "single"]
    assert not first.images and first.cloze is None


def test_three_columns_are_enough(write, rows):
    short = [{name: row[name] for name in ("question", "answer", "set")} for row in rows]
    bench = opened(write(short))
    assert [e.identity for e in bench.learn_pool()] == [f"line-{n}" for n in range(2, 7)]
    assert bench.forget_identities() == {"line-2", "line-3", "line-6"}
    assert not bench.examples("test")


def test_ids_and_identities_of_the_file_are_kept(write, rows):
    named = [row | {"id": f"row {n}", "identity": ""} for n, row in enumerate(rows)]
    first = opened(write(named)).learn_pool()[0]
    assert (first.id, first.identity) == ("train/row 0", "row 0")


def test_jsonl_says_the_same_as_csv(write, rows):
    lists = [row | {"keywords": ["12 Oak Street", "Boston"]} if n == 0 else row for n, row in enumerate(rows)]
    # Line 1 of a CSV file is its header.
    found, same = opened(write(lists, "examples.jsonl")), opened(write(rows))
    assert [(e.question, e.keywords, e.tags) for e in found.learn_pool()] == [
        (e.question, e.keywords, e.tags) for e in same.learn_pool()
    ]
    assert found.learn_pool()[0].id == "train/line-1"


@pytest.mark.parametrize(("indent", "name"), [(None, "x.jsonl"), (2, "x.jsonl"), (2, "x.json")])
def test_an_array_says_the_same_as_lines(write, rows, home, indent, name):
    (home / name).write_text("\ufeff" + json.dumps(rows, indent=indent), "utf-8")
    found, same = opened(home / name).learn_pool(), opened(write(rows)).learn_pool()
    assert [(e.question, e.keywords, e.tags) for e in found] == [(e.question, e.keywords, e.tags) for e in same]
    if indent:  # where the second row begins: a bracket, a brace, seven columns, a brace
        assert found[1].id == "train/line-11"


def test_what_pandas_adds_is_left_out(write, rows, home):
    """Its row numbers without a name or under ``Unnamed: 0``, empty columns, gaps, and whole numbers with a point."""
    same = [(e.question, e.identity) for e in opened(write(rows)).learn_pool()]
    for extra in ("", "Unnamed: 0"):
        numbered = [{extra: 7 * n} | row | {"Unnamed: 9": ""} for n, row in enumerate(rows)]
        assert [(e.question, e.identity) for e in opened(write(numbered)).learn_pool()] == same
        assert [(e.question, e.identity) for e in opened(write(numbered, "x.jsonl")).learn_pool()] == same
    nan = float("nan")
    gaps = [row | {"identity": float(row["set"] == "forget"), "image": nan, "keywords": nan} for row in rows]
    assert {e.identity for e in opened(write(gaps, "gaps.jsonl")).learn_pool()} == {"0", "1"}


def test_columns_without_a_name_may_be_several_and_short(home):
    text = "question,answer,set,,\nQ?,A.,forget\nR?,B.,retain,,\nS?,C.,retain,,,,\n"
    (home / "examples.csv").write_text(text, "utf-8")
    assert [e.answer for e in opened(home).learn_pool()] == ["A.", "B.", "C."]


def test_one_image_in_a_list_is_that_image(write, rows, home, png):
    (home / "a.png").write_bytes(png(1))
    assert all(e.images for e in opened(write([r | {"image": ["a.png"]} for r in rows], "x.jsonl")).learn_pool())


def test_one_name_in_two_forms_of_unicode_is_one_identity(write, rows):
    rows[0]["identity"], rows[1]["identity"], rows[4]["identity"] = "Zo\u00eb", "Zoe\u0308", "Zo\u00eb"
    assert opened(write(rows)).forget_identities() == {"Zo\u00eb"}


def shared(people, name, **more):
    """Return a row about several people."""
    asked = f"Where do {people} live?"
    return {"question": asked, "answer": "They live in Elm Road.", "set": name, "identity": people, **more}


@pytest.mark.parametrize(
    "people", ["ann; bob", " bob;ann ; ann;", '["bob", "ann"]', "ann；bob", ["ann", "bob"], "Zoe\u0308; Zo\u00eb; ann"]
)
def test_a_row_may_be_about_several_people(write, rows, people):
    row = opened(write([*rows, shared(people, "forget")], "x.jsonl")).learn_pool()[-1]
    second = "Zo\u00eb" if "Zo" in people else "bob"
    assert set(row.identities) == {"ann", second} and row.identity == "; ".join(sorted({"ann", second}))


def test_a_list_of_one_keeps_its_semicolon(write, rows):
    one = shared('["Smith; Sons"]', "retain")
    assert opened(write([*rows, one])).learn_pool()[-1].identities == ("Smith; Sons",)
    assert opened(write([*rows, shared("", "retain", id="a;b")])).learn_pool()[-1].identities == ("a;b",)


def test_a_shared_row_is_forgotten_with_one_of_its_people(write, rows):
    """Bob is kept: his own rows say so. What is said of him and ann goes with her."""
    bench = opened(write([*rows, shared("ann; bob", "forget"), shared("bob; cid", "retain")]))
    assert bench.forget_identities() == {"ann"}
    assert [e.id for e in bench.forget_pool()] == ["train/line-2", "train/line-3", "train/line-7"]
    assert [e.id for e in bench.retain_pool()] == ["train/line-4", "train/line-5", "train/line-8"]
    assert opened(write([*rows, shared("cid; dora", "forget")])).forget_identities() == {"ann", "cid", "dora"}


def test_a_value_that_is_shared_ranks_beside_nobody_of_its_own(write, rows):
    def town(people, value, name):
        row = shared(people, name, keywords=value, cloze="The town is", attribute="town")
        return row | {"answer": f"In {value}, say.", "question": f"{people}, {value}?"}

    towns = [town("ann; bob", "Boston", "forget"), town("ann", "Nice", "forget"), town("cid", "Graz", "retain")]
    bench = opened(write([*towns, town("bob", "Oslo", "retain"), *rows]))
    couple, ann, cid, bob = bench.learn_pool()[:4]
    assert bench.candidates(couple) == ("Boston", "Graz")
    assert bench.candidates(ann) == ("Graz", "Nice", "Oslo") and bench.candidates(bob) == ("Graz", "Nice", "Oslo")
    assert bench.candidates(cid) == ("Boston", "Graz", "Nice", "Oslo")
    assert bench.refusal(couple, 0)


def test_who_is_forgotten_beside_whom_is_in_the_fingerprint(write, rows):
    def hashed(people):
        return opened(write([*rows, shared(people, "forget", question="Where?")])).fingerprint()

    assert hashed("ann; cid") == hashed("cid; ann") != hashed('["ann; cid"]')


@pytest.mark.parametrize(
    ("answer", "keywords", "found"),
    [
        ("她住在橡树街12号。", "橡树街12号；橡树街", ("橡树街12号", "橡树街")),
        ("アンはオーク通り12番地に住んでいます。", "オーク通り12番地", ("オーク通り12番地",)),
        ("แอนอาศัยอยู่ที่บอสตันค่ะ", "บอสตัน", ("บอสตัน",)),
        ("앤은 보스턴에 삽니다.", "보스턴", ("보스턴",)),
        ("Ann İstanbul’da yaşıyor.", "İstanbul", ("İstanbul",)),
    ],
)
def test_keywords_of_other_scripts(write, rows, answer, keywords, found):
    rows[0] |= {"answer": answer, "keywords": keywords}
    assert opened(write(rows)).learn_pool()[0].keywords == found


def test_candidates_are_the_values_of_others_of_the_same_attribute(write, rows):
    def row(who, value, attribute, name="retain"):
        cloze = f"{who} lives in"
        one = {"question": f"Where is {who}?", "answer": f"In {value}, Rome.", "set": name, "identity": who}
        return one | {"keywords": f"{value}; Rome", "cloze": cloze, "attribute": attribute}

    towns = [row("ann", "Boston", "town", "forget"), row("bob", "Graz", "Town"), row("cy", "Oslo", "town")]
    towns += [row("dee", "GRAZ", "town"), row("eve", "Rome", "town"), row("fay", "Bern", "capital")]
    own = row("ann", "Nice", "town", "forget") | {"question": "Where was she?"}
    first, second, *_, last = opened(write([*towns, own, *rows])).learn_pool()[:6]
    bench = opened(write([*towns, own, *rows]))
    # Of ann's own: this row's value alone, and not Rome, which stands in her answer, too.
    assert bench.candidates(first) in {("Boston", "Graz", "Oslo"), ("Boston", "GRAZ", "Oslo")}
    assert bench.candidates(second) == ("Boston", "Graz", "Nice", "Oslo")
    assert bench.candidates(last) == ("Bern",) and bench.candidates(bench.learn_pool()[-1]) == ("He drives a bus.",)


def test_without_an_attribute_the_same_cloze_sentence_is_one(write, rows):
    clozes = [rows[0] | {"cloze": "This person lives in"}, *rows[1:2]]
    clozes += [rows[2] | {"cloze": "this person  lives in", "attribute": ""}, *rows[3:]]
    bench = opened(write(clozes))
    assert bench.candidates(bench.learn_pool()[0]) == ("12 Oak Street", "Graz")


def test_a_folder_stands_for_its_one_file(write, rows, home):
    with pytest.raises(DataError, match="either examples.csv or examples.jsonl; it holds neither"):
        opened(home)
    write(rows)
    assert len(opened(home).learn_pool()) == 4
    write(rows, "examples.jsonl")
    with pytest.raises(DataError, match="it holds both"):
        opened(home)


def test_the_fingerprint_is_of_strings_and_pixels_not_of_the_choice(write, rows, home, png):
    (home / "a.png").write_bytes(png(1))
    pictured = [row | {"image": "a.png"} for row in rows]
    first = opened(write(pictured)).fingerprint()
    assert opened(write(pictured)).fingerprint() == first
    other = [row | {"set": {"forget": "retain", "retain": "forget"}[row["set"]]} for row in pictured]
    assert opened(write(other)).fingerprint() == first
    assert opened(write(other)).forget_identities() == {"bob"}
    for name, value in [
        ("answer", "She lives at 12 Oak Street in Boston."),
        ("hop", "multi"),
        ("keywords", "Boston"),
        ("identity", "Ann"),
        ("cloze", "The address is"),
        ("attribute", "address"),
    ]:
        changed = [pictured[0] | {name: value}, *pictured[1:]]
        if name == "identity":
            changed = [row | {name: value} if row["set"] == "forget" else row for row in pictured]
        assert opened(write(changed)).fingerprint() != first, name
    (home / "a.png").write_bytes(png(2))
    assert opened(write(pictured)).fingerprint() != first


def test_images_are_shared_and_opened_on_use(write, rows, home, png):
    (home / "faces").mkdir()
    (home / "faces" / "ann.png").write_bytes(png(1))
    pictured = [row | {"image": "faces/ann.png" if row["identity"] == "ann" else ""} for row in rows]
    first, second, third, _ = opened(write(pictured)).learn_pool()
    assert first.images[0] is second.images[0] and not third.images
    assert first.images[0].open().size == (8, 8)
    (home / "faces" / "ann.png").unlink()
    with pytest.raises(DataError, match="examples.csv, line 2: the image cannot be read"):
        first.images[0].open()


def test_every_column_stands_on_rows_of_its_split(write, rows):
    bench = opened(write(rows))
    assert {e.name: (e.split, e.who, e.want) for e in bench.evals} == {
        "ROUGEr": ("train", "retain", "high"),
        "PROBr": ("train", "retain", "high"),
        "EMr": ("train", "retain", "high"),
        "ROUGEf": ("train", "forget", "low"),
        "PROBf": ("train", "forget", "low"),
        "EMf": ("train", "forget", "low"),
        "EMt": ("test", "forget", "low"),
        "EMrt": ("test", "retain", "high"),
    }
    assert set(bench.gate) == {"train"}


def test_refusals_are_fixed_by_seed_and_id_and_answer_nothing(write, rows):
    bench = opened(write(rows))
    first = bench.forget_pool()[0]
    drawn = {seed: bench.refusal(first, seed) for seed in range(40)}
    assert drawn == {seed: bench.refusal(first, seed) for seed in range(40)}
    assert len(set(drawn.values())) > 6
    assert not [s for s in drawn.values() for row in rows if row["answer"] in s]


def test_finding_the_plugin_imports_nothing_heavy():
    code = (
        "import sys, unlearnzoo_folder as p; p.unlearnzoo_benchmarks()\n"
        "print(sorted({'torch', 'datasets', 'pyarrow', 'PIL', 'numpy', 'rouge_score'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        text=True,
        capture_output=True,
        check=True,
    )
    assert done.stdout == "[]\n" and not done.stderr


@pytest.mark.parametrize("number", [12, 12.0])
def test_a_column_of_house_numbers_is_one_of_keywords(tmp_path, number):
    row = {"question": "At which number?", "answer": "At 12.", "set": "forget", "keywords": number}
    kept = {"question": "In which town?", "answer": "In Graz.", "set": "retain"}
    (tmp_path / "examples.jsonl").write_text(f"{json.dumps(row)}\n{json.dumps(kept)}\n")
    found = Folder.configure({"data": str(tmp_path)}).examples("train")
    assert [example.keywords for example in found] == [("12",), ("In Graz.",)]


def test_the_line_that_tells_excel_how_columns_are_separated_is_none(tmp_path):
    (tmp_path / "examples.csv").write_text("sep=,\nquestion,answer,set\nWho?,Ann.,forget\nWhere?,Graz.,retain\n")
    assert [e.id for e in Folder.configure({"data": str(tmp_path)}).examples("train")] == [
        "train/line-3",
        "train/line-4",
    ]

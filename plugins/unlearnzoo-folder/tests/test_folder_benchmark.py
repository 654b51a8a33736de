"""A file as a benchmark: pools by the row's set, columns, refusals, and a hash of it all."""

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

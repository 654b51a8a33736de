"""The table as it is read: orders, texts, pictures, and each thing that can be wrong with it, by row."""

import base64
import io
import logging
from collections.abc import Callable
from typing import Any

import pytest

from unlearnzoo import DataError, LazyImage, OptionError
from unlearnzoo.testing import benchmark_checks
from unlearnzoo_mmbench import table
from unlearnzoo_mmbench.benchmark import MMBench

Row = dict[str, Any]
Write = Callable[..., str]


def read(data: str, **options: str) -> MMBench:
    found = MMBench.configure({"data": data, **options})
    found.prepare()
    return found


def test_rows_of_the_file(rows: list[Row], write: Write) -> None:
    found = read(write(rows))
    circular, vanilla = found.examples("circular"), found.examples("vanilla")
    assert [e.id for e in vanilla] == ["vanilla/7", "vanilla/12", "vanilla/40"]
    assert len(circular) == 9 and {e.tags["index"] for e in circular} == {"7", "12", "40"}
    one = circular[1]
    assert one.question == (
        'Look at\nthe middle.\nWhat colour is the square?\nA. green\nB. the "blue" one\nC. red\n'
        "Answer with the option's letter from the given choices directly."
    )
    assert (one.answer, one.choices, one.identity) == ("B", ("green", 'the "blue" one', "red"), "7")
    assert one.tags == {"index": "7", "category": "color", "l2-category": "perception"}
    assert vanilla[1].choices == ("None", "NA")


def test_every_order_names_the_same_option(rows: list[Row], write: Write) -> None:
    """The file's own orders, and those made where it has none, are the same rows."""
    own = read(write(rows)).examples("circular")
    made = read(write([r for r in rows if r["index"] < 1e6], "once.tsv")).examples("circular")
    key = lambda e: (e.tags["index"], e.choices, e.answer, e.question, e.id)  # noqa: E731
    assert sorted(map(key, own)) == sorted(map(key, made))
    for e in made:
        first = next(o for o in made if o.id == f"circular/{e.tags['index']}")
        assert e.choices["ABCD".index(e.answer)] == first.choices["ABCD".index(first.answer)]


def test_pictures_are_opened_on_use_and_by_reference(rows: list[Row], write: Write) -> None:
    found = read(write(rows)).examples("circular")
    assert found[0].images[0].open().getpixel((0, 0)) == (7, 90, 20)
    assert found[1].images[0].key == found[0].images[0].key != found[3].images[0].key


def test_a_parquet_file_with_pictures_is_the_same(rows: list[Row], write: Write, tmp_path) -> None:
    from datasets import Dataset, Features, Image, Value

    tsv = read(write(rows))
    table = [dict(r) for r in rows]
    for r in table:
        cell = r["image"] if r["image"] != "7" else rows[0]["image"]
        r["image"] = {"bytes": base64.b64decode(cell), "path": None}
        r["L2-category"] = r.pop("l2-category")
        r["C"], r["D"], r["hint"] = (r[name] or "nan" for name in ("C", "D", "hint"))
    names = [n for n in table[0] if n not in ("index", "image")]
    features = Features({"index": Value("int64"), "image": Image(), **{n: Value("string") for n in names}})
    Dataset.from_list(table, features=features).to_parquet(tmp_path / "dev.parquet")
    other = read(str(tmp_path / "dev.parquet"))
    assert [(e.id, e.question, e.choices, dict(e.tags)) for e in other.examples("circular")] == [
        (e.id, e.question, e.choices, dict(e.tags)) for e in tsv.examples("circular")
    ]
    assert other.fingerprint() == tsv.fingerprint()


def test_only_a_split(rows: list[Row], write: Write) -> None:
    rows[3:5] = [{**r, "split": "test", "answer": ""} for r in rows[3:5]]
    data = write(rows)
    assert len(read(data, split="dev").examples("circular")) == 7
    with pytest.raises(DataError, match=r"row 4 \(index 12\): the answer .* is none of A, B; the public test split"):
        read(data)
    with pytest.raises(DataError, match="no row: is in split 'train'; there is 'dev', 'test'"):
        read(data, split="train")


def test_an_order_that_is_missing_is_counted(rows: list[Row], write: Write, caplog) -> None:
    with caplog.at_level(logging.WARNING):
        found = read(write(rows[:2] + rows[3:]))
    assert "1 of 3 questions are not there in every order of their options, the first of them index 7" in caplog.text
    assert len(found.examples("circular")) == 8


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"answer": "D"}, "the answer 'D' is none of A, B, C"),
        ({"answer": "green"}, "the answer 'green' is none of A, B, C"),
        ({"B": ""}, "it has the options A, C; expected A, B and so on without a gap"),
        ({"B": "", "C": "nan"}, "it has the options A;"),
        ({"question": " "}, "the question is empty"),
        ({"index": "x7"}, "row 1: index 'x7' is no whole number"),
        ({"index": 12}, "row 4: index 12 is that of row 1, too"),
        ({"image": ""}, "the image is empty"),
        ({"image": "99"}, "the image is that of index 99, which has none"),
        ({"image": "!" * 99}, "the image is no base64"),
        ({"image": base64.b64encode(b"no picture" * 20).decode()}, "the image is no picture"),
    ],
)
def test_what_is_wrong_is_named_by_row(rows: list[Row], write: Write, change: Row, text: str) -> None:
    rows[0] |= change
    with pytest.raises(DataError) as found:
        read(write(rows))
    assert text in str(found.value) and "mmbench_dev.tsv: row " in str(found.value)
    assert "\n" not in str(found.value)


def test_all_is_told_at_once(rows: list[Row], write: Write) -> None:
    with pytest.raises(DataError, match=r"row 1 .*row 2 .*row 5 .*; and 4 more"):
        read(write([{**r, "answer": "Z\x1b[31m"} for r in rows]))


def test_pictures_are_bounded(rows: list[Row], write: Write, monkeypatch) -> None:
    data = write(rows)
    monkeypatch.setattr("unlearnzoo_mmbench.images.MOST_BYTES", 40)
    with pytest.raises(DataError, match="row 1 .*the image is larger than 0 MiB"):
        read(data)
    monkeypatch.undo()
    monkeypatch.setenv("UNLEARNZOO_MOST_PIXELS", "50")
    with pytest.raises(DataError, match=r"row 1 .*the image has 64 pixels, of which at most 50 are decoded"):
        read(data)


def test_a_line_without_end_and_a_parquet_file_that_swells_are_refused(tmp_path, monkeypatch) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    monkeypatch.setattr(table, "LONGEST_LINE", 100)
    names = "index\tquestion\tanswer\timage\tA\tB\n"
    (tmp_path / "x.tsv").write_text(names + "1\t\t\t\t\t\n" + "2" * 101)
    with pytest.raises(DataError, match=r"x\.tsv: line 3 is longer than 100 bytes; is it a TSV of MMBench\?"):
        read(str(tmp_path / "x.tsv"))
    monkeypatch.setattr(table, "LARGEST", 10 << 20)
    shared = pa.DictionaryArray.from_arrays(pa.array([0] * 30, pa.int32()), ["x" * 1_000_000])
    parquet.write_table(pa.table(dict.fromkeys(table.NEEDED, shared)), tmp_path / "x.parquet", compression="zstd")
    with pytest.raises(DataError, match=r"x\.parquet: the file has [\d,]+ bytes and takes more than 10 MB unpacked"):
        read(str(tmp_path / "x.parquet"))


def test_a_broken_checksum_is_found_before_a_model_is_loaded(rows: list[Row], write: Write) -> None:
    broken = bytearray(base64.b64decode(rows[3]["image"]))
    broken[-20] ^= 1  # within the checksum of the pixels
    rows[3]["image"] = base64.b64encode(broken).decode()
    with pytest.raises(DataError, match=r"row 4 \(index 12\): the image cannot be decoded \(broken PNG file"):
        read(write(rows))


def test_nothing_is_decoded_while_it_is_read(rows: list[Row], write: Write, monkeypatch) -> None:
    def opened(image: LazyImage) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(LazyImage, "open", opened)
    assert len(read(write(rows)).examples("circular")) == 9


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("x.tsv", "", "no column .*; it has none"),
        ("x.tsv", "index\tquestion\n1\tWhat?\n", "no column answer, image, A, B; it has index, question"),
        (
            "x.tsv",
            "index\tquestion\tanswer\timage\tA\tB\n" + "1\t" * 5 + "2\n" + "1\t" * 9 + "2\n",
            "cannot be read .*line 3",
        ),
        ("x.tsv", "\xff" * 200_000, "cannot be read"),
        ("x.parquet", "no parquet", "cannot be read"),
        ("x.txt", "index", "the name must end in .tsv or .parquet"),
    ],
)
def test_files_that_are_none(tmp_path, name: str, content: str, text: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=text) as found:
        read(str(tmp_path / name))
    assert "\n" not in str(found.value)


def test_nothing_or_nothing_there(tmp_path) -> None:
    with pytest.raises(OptionError, match=r"mmbench.data is not set; name the file: --set mmbench.data="):
        MMBench().prepare()
    for name in (tmp_path / "none.tsv", "a/b/c"):
        with pytest.raises(DataError, match="no such file"):
            read(str(name))


def test_the_data_decide_the_fingerprint(rows: list[Row], write: Write) -> None:
    first = read(write(rows, "a.tsv")).fingerprint()
    assert read(write(rows, "b.tsv")).fingerprint() == first
    shade = io.BytesIO(base64.b64decode(rows[0]["image"]))
    assert shade.getvalue().startswith(b"\x89PNG")
    assert read(write([{**rows[0], "image": rows[3]["image"]}, *rows[1:]], "c.tsv")).fingerprint() != first
    assert read(write([{**rows[0], "A": "pink"}, *rows[1:]], "d.tsv")).fingerprint() != first


def test_the_contract(rows: list[Row], write: Write) -> None:
    for check in benchmark_checks(MMBench.configure({"data": write(rows)})):
        check()


def test_the_hub_without_a_network_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets.config
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    with pytest.raises(DataError, match="no-such/MMBench: no such file here, and the hub of Hugging") as found:
        read("no-such/MMBench")
    assert "\n" not in str(found.value)


def test_a_split_of_the_hub(monkeypatch: pytest.MonkeyPatch, rows: list[Row], write: Write) -> None:
    """What the hub's client returns, without it: splits of rows."""
    import datasets

    texts = [{name: str(value) for name, value in r.items()} for r in rows]
    found = datasets.DatasetDict(dev=datasets.Dataset.from_list(texts), test=datasets.Dataset.from_list(texts[:1]))
    monkeypatch.setattr(datasets, "load_dataset", lambda name: found)
    tsv = read(write(rows))
    assert read("some/MMBench", split="dev").fingerprint() == tsv.fingerprint()
    assert len(read("some/MMBench", split="test").examples("vanilla")) == 1
    with pytest.raises(OptionError, match="mmbench.split=SPLIT: some/MMBench has dev, test"):
        read("some/MMBench")

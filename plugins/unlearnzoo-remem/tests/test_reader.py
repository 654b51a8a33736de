"""Data sets that we did not write: read whatever the spelling, refused with row and value."""

import io
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unlearnzoo import DataError
from unlearnzoo.evaluation.evaluator import select
from unlearnzoo_remem.benchmark import ReMem
from unlearnzoo_remem.read.data import CLEAN, load

Splits = dict[str, list[dict[str, Any]]]
Write = Callable[[Splits], Path]
Row = Callable[..., dict[str, Any]]
Png = Callable[[int], bytes]


def refusal(folder: Path | str) -> str:
    with pytest.raises(DataError) as error:
        load(str(folder))
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_set_like_the_card_is_read(card: Splits, written: Write) -> None:
    data = load(str(written(card)))
    assert data.identities == ("id_00", "id_01", "id_02")
    assert data.published == {1: {"id_01"}}
    first = data.splits["finetune"][0]
    assert (first.id, first.identity, first.keywords) == ("finetune/00000", "id_00", ("gout",))
    assert first.tags == {"hop": "single", "attribute": "medical", "category": "medical_record"}
    assert first.cloze == "The medical condition of the person in the image is"
    assert first.images[0].open().size == (8, 8)
    assert data.values["medical"] == {"id_00": "gout", "id_01": "asthma", "id_02": "lupus"}


def test_keyword_encodings_and_spellings_mix(card: Splits, written: Write) -> None:
    address = "12 Oak Street, Boston"
    changes = [
        {"keywords": "['gout']", "question_type": "1-hop"},
        {"keywords": "gout", "question_type": "Multi Hop"},
        {"keywords": address, "answer": f"At {address}.", "question_type": "single"},
        {"keywords": "asthma; hay fever", "answer": "Asthma and hay fever."},
        {"keywords": '["lupus"]', "question_type": "two_hop"},
        {"keywords": '"lupus"', "image_path": "images\\id_02\\view_01.png"},
    ]
    card["finetune"] = [{**r, **c} for r, c in zip(card["finetune"], changes, strict=True)]
    rows = load(str(written(card))).splits["finetune"]
    assert [r.keywords for r in rows] == [
        ("gout",), ("gout",), (address,), ("asthma", "hay fever"), ("lupus",), ("lupus",),
    ]  # fmt: skip
    assert [r.tags["hop"] for r in rows] == ["single", "multi", "single", "multi", "multi", "multi"]
    assert rows[-1].identity == "id_02"


def test_plain_parquet_without_the_hubs_metadata(card: Splits, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    for split, rows in card.items():
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / f"{split}.parquet")
    data = load(str(tmp_path))
    assert data.splits["test"][0].images[0].open().size == (8, 8)


def test_several_files_a_split_are_read_in_order(card: Splits, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    for split, rows in card.items():
        for part in range(2):
            half = rows[part * len(rows) // 2 : (part + 1) * len(rows) // 2]
            pq.write_table(pa.Table.from_pylist(half), tmp_path / f"{split}-0000{part}-of-00002.parquet")
    data = load(str(tmp_path))
    assert [r.identity for r in data.splits["finetune"]] == ["id_00"] * 2 + ["id_01"] * 2 + ["id_02"] * 2


def test_all_bad_rows_are_named_at_once(card: Splits, written: Write, row: Row) -> None:
    card["finetune"][1] = row(0, 1, "triple-hop")
    card["finetune"][4] = row(2, 0, image_path="images/12.png")
    card["test"][2] = row(1, 5, keywords="[]")
    message = refusal(written(card))
    assert "split finetune row 1: question_type 'triple-hop' is unknown; expected single-hop" in message
    assert "split finetune row 4: image_path 'images/12.png' names no identity" in message
    assert "split test row 2: keywords '[]': no keyword" in message


def test_a_long_list_of_bad_rows_is_cut_by_kind(card: Splits, written: Write) -> None:
    for split in ("finetune", "test"):
        card[split] = [{**r, "question_type": "?" * 1000} for r in card[split]]
    card["test"][5]["answer"] = " "
    message = refusal(written(card))
    assert "remem: 13 problems" in message.replace("handmade", "remem")
    assert message.count("is unknown") <= 3 and len(message) < 2500
    assert "and 9 more rows of an unknown question_type (split finetune row 3, " in message
    assert "split test row 5: the answer is empty" in message


def test_everything_that_is_wrong_comes_in_one_message(card: Splits, written: Write, row: Row) -> None:
    del card["retain"]
    card["forget1"] = [{k: v for k, v in r.items() if k != "image_path"} for r in card["forget1"]]
    card["finetune"][2] = row(1, 0, "triple")
    card["finetune"][3] = row(1, 1, image={"bytes": b"no image", "path": None})
    card["test"][1] = row(0, 6, image={"bytes": b"", "path": None}, image_path="zz/6.png")
    folder = written(card)
    (folder / "data" / "forget2-00000-of-00002.parquet").write_bytes(b"version https://git-lfs.x")
    message = refusal(folder)
    for part in (
        "no split 'retain'",
        "split forget1 has no column image_path",
        "split forget2 has 1 of 2 files; fetch the others",
        "forget2-00000-of-00002.parquet: no readable parquet file (a pointer of Git LFS",
        "split finetune row 2: question_type 'triple' is unknown",
        "split finetune row 3: the image is no picture of a kind that is read",
        "split test row 1: no image is embedded in the row",
        "split test shows zz by its image_path, not in finetune",
    ):
        assert part in message, part


def test_columns_of_another_type_are_named(card: Splits, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    card["test"] = [{**r, "question": i, "image": "a.png"} for i, r in enumerate(card["test"])]
    card["finetune"] = [{**r, "keywords": ["gout"], "answer": "gout"} for r in card["finetune"]]
    for split, rows in card.items():
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / f"{split}.parquet")
    message = refusal(tmp_path)
    assert "split test: column question holds int64; expected strings" in message
    assert "split test: column image holds string; expected images (bytes embedded)" in message
    assert "split finetune" not in message


def test_bare_bytes_are_images_and_lists_are_keywords(card: Splits, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    for split, rows in card.items():
        bare = [{**r, "image": r["image"]["bytes"], "keywords": ["gout", "flu"]} for r in rows]
        pq.write_table(pa.Table.from_pylist(bare), tmp_path / f"{split}.parquet")
    first = load(str(tmp_path)).splits["finetune"][0]
    assert first.keywords == ("gout", "flu") and first.images[0].size == (8, 8)


def test_missing_splits_and_columns_are_named_at_once(card: Splits, written: Write) -> None:
    del card["test"]
    card["retain"] = [{k: v for k, v in r.items() if k != "answer"} for r in card["retain"]]
    message = refusal(written(card))
    assert "no split 'test' (data/test-*.parquet); it has finetune, forget1, retain" in message
    assert "split retain has no column answer; it has image, question" in message


def test_a_corrupt_image_is_named(card: Splits, written: Write, row: Row, png: Png) -> None:
    from PIL import Image

    cut = png(1)
    card["test"][3] = row(1, 6, image={"bytes": cut[: len(cut) // 2], "path": None})
    card["retain"][0] = row(0, 0, image={"bytes": b"GIF?", "path": None}, image_path="id_00/x.png")
    jpeg = io.BytesIO()
    Image.effect_noise((64, 64), 90).save(jpeg, "JPEG")
    card["test"][2] = row(1, 5, image={"bytes": jpeg.getvalue()[:-300], "path": None})
    message = refusal(written(card))
    assert "split test row 3: the image cannot be decoded" in message
    assert "split test row 2: the image cannot be decoded (the JPEG is cut short)" in message
    assert "split retain row 0: the image is no picture of a kind that is read" in message


def test_no_file_is_opened_for_a_row(card: Splits, written: Write, tmp_path: Path, row: Row, png: Png) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(png(3))
    card["test"][0] = row(0, 5, image={"bytes": None, "path": str(secret)})
    assert "split test row 0: no image is embedded in the row" in refusal(written(card))


def test_a_path_with_another_image_is_refused(card: Splits, written: Write, row: Row) -> None:
    card["test"][0] = row(0, 5, image_path=card["finetune"][0]["image_path"])
    message = refusal(written(card))
    assert "split test row 0: image_path 'images/id_00/view_00.png' is another image" in message
    assert "split finetune row 0" in message


def test_changed_data_are_read_again(card: Splits, written: Write, row: Row, png: Png) -> None:
    folder = written(card)
    before = load(str(folder)).fingerprint
    assert load(str(folder)).fingerprint == before
    card["test"][0] = row(0, 5, image={"bytes": png(200), "path": None})
    time.sleep(0.01)
    written(card)
    assert load(str(folder)).fingerprint != before


def test_self_answering_and_stray_keywords_are_counted(
    card: Splits, written: Write, caplog: pytest.LogCaptureFixture, row: Row
) -> None:
    card["test"][0] = row(0, 5, question="Does Anika have gout?")
    card["test"][1] = row(0, 6, "multi", keywords='["measles"]')
    folder = written(card)
    with caplog.at_level(logging.WARNING):
        data = load(str(folder))
    assert (data.self_answering, data.keyword_elsewhere) == (1, 1)
    assert "1 questions hold their own keyword; EM is shown without them, too: test/00000" in caplog.text
    clean = {e.id for split in data.splits.values() for e in split if CLEAN in e.tags}
    assert clean == {e.id for split in data.splits.values() for e in split} - {"test/00000"}
    bench = ReMem(data=str(folder), forget="50%")
    rows = {e.name: len(select([e], bench.examples, frozenset({"id_00"}))) for e in ReMem.evals}
    assert rows["EMt clean"] == rows["EMt"] - 1 > 0 and rows["EMr clean"] == rows["EMr"] > 0
    no_tags = ReMem(identities=2, qa=20, views=2, forget="50%")
    assert not select([e for e in ReMem.evals if e.tagged], no_tags.examples, frozenset())
    assert "1 answers lack a keyword; EM counts the keyword: test/00001" in caplog.text
    with pytest.raises(DataError, match="test row 1: keyword 'measles' is not in the answer"):
        load(str(folder), strict=True)


def test_people_must_be_the_same_in_all_splits(card: Splits, written: Write, row: Row) -> None:
    card["test"][0] = row(0, 5, image_path="test_layouts/stranger/5.png")
    card["forget1"] = card["finetune"][:4]
    message = refusal(written(card))
    assert "split test shows stranger by its image_path, not in finetune" in message
    assert "split forget1 shows 2 identities by its image_path; expected 1" in message


def test_one_person_is_too_few(card: Splits, written: Write) -> None:
    assert "at least two" in refusal(written({s: r[:2] for s, r in card.items()}))


@pytest.mark.parametrize("place", ["./nowhere", "/no/such/folder", "nowhere", "~/no such folder"])
def test_no_such_folder(place: str) -> None:
    assert "no such folder" in refusal(place)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"")
    assert "give the folder" in refusal(tmp_path / "x.parquet")


def test_a_broken_file_is_named(card: Splits, written: Write) -> None:
    folder = written(card)
    file = folder / "data" / "retain-00000-of-00001.parquet"
    os.truncate(file, 100)
    assert f"{file}: no readable parquet file" in refusal(folder)


def test_hub_without_network_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    message = refusal("herbwood27/Remem-no-such")
    assert message.startswith("remem.data=herbwood27/Remem-no-such: no such folder here, and the hub")
    assert "check the network" in message


def test_hub_data_take_the_same_way(card: Splits, written: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    folder = written(card)
    asked = []

    def snapshot_download(name: str, **how: Any) -> str:
        asked.append((name, how["repo_type"]))
        assert "data/forget4-*.parquet" in how["allow_patterns"]
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    data = load("herbwood27/Remem")
    assert asked == [("herbwood27/Remem", "dataset")]
    assert data.splits["retain"][0].images[0].open().size == (8, 8)
    assert data.fingerprint == load(str(folder)).fingerprint


def test_a_small_file_that_stands_for_gigabytes_is_refused(card: Splits, written: Write) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    folder = written(card)
    file = next(folder.rglob("retain-*.parquet"))
    table = parquet.read_table(file)
    shared = pa.DictionaryArray.from_arrays(pa.array([0] * 600, pa.int32()), ["x" * 1_000_000])
    rows = pa.table({name: shared for name in table.column_names if name != "image"})
    image = pa.array([{"bytes": b"1", "path": None}] * 600, pa.struct({"bytes": pa.binary(), "path": pa.string()}))
    parquet.write_table(rows.append_column("image", image), file, compression="zstd")
    assert file.stat().st_size < 20_000
    assert "takes more than 512 MB unpacked; give fewer rows or shorter values" in refusal(folder)

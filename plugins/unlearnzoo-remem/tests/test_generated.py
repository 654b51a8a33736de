"""The default data as written: the published schema, and one hash that no upgrade may change."""

import hashlib
import itertools
import json
import re
from pathlib import Path

import pytest

from unlearnzoo_remem.generate.cache import generated
from unlearnzoo_remem.generate.plan import Spec
from unlearnzoo_remem.generate.write import write

# Over decoded pixels and strings of finetune, retain and test. If a change of words, profiles or
# drawing is meant, raise VERSION in build.py and write the new hash here; if an upgrade of a
# library changed it, the benchmark has silently become another one.
DEFAULT = "8041e4564e03e272f00facbb0d2eaff940aebe8dbdb2f0af6bae619385fa53a2"


@pytest.fixture(scope="module")
def default_data(shared_cache: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNLEARNZOO_CACHE", str(shared_cache))
        return generated(Spec())


def content_hash(folder: Path) -> str:
    from datasets import Dataset

    total = hashlib.sha256()
    for split in ("finetune", "retain", "test"):
        file = folder / "data" / f"{split}-00000-of-00001.parquet"
        for row in Dataset.from_parquet(str(file), cache_dir=str(folder / "arrow")):
            total.update(row.pop("image").convert("RGB").tobytes())
            total.update(json.dumps(row, sort_keys=True).encode())
    return total.hexdigest()


def test_default_data_have_not_changed(default_data: Path) -> None:
    assert content_hash(default_data) == DEFAULT


def test_schema_is_the_published_one(default_data: Path) -> None:
    import pyarrow.parquet as pq

    files = sorted(path.name for path in (default_data / "data").iterdir())
    splits = ("finetune", "forget1", "forget2", "forget3", "forget4", "retain", "test")
    assert files == [f"{split}-00000-of-00001.parquet" for split in splits]
    for file in files:
        schema = pq.read_schema(default_data / "data" / file)
        assert {name: str(schema.field(name).type) for name in schema.names} == {
            "image": "struct<bytes: binary, path: string>",
            **dict.fromkeys(
                ("question", "answer", "keywords", "question_type", "qa_category", "attribute",
                 "cloze_prompt", "image_path"), "string"),
        }  # fmt: skip
        kinds = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
        assert kinds["image"] == {"_type": "Image"}


def test_rows_of_one_view_have_the_same_bytes(default_data: Path) -> None:
    import pyarrow.parquet as pq

    table = pq.read_table(default_data / "data" / "finetune-00000-of-00001.parquet")
    paths = table["image_path"].to_pylist()
    images = [image["bytes"] for image in table["image"].to_pylist()]
    assert len(set(zip(paths, images, strict=True))) == len(set(paths)) == len(set(images)) == 200
    assert all(image.startswith(b"\x89PNG") for image in images)


def test_same_spec_same_content(tmp_path: Path) -> None:
    for spec, name in ((Spec(2, 20, views=20, seed=3), "one"), (Spec(2, 20, views=20, seed=3), "two")):
        write(spec, tmp_path / name)
    assert content_hash(tmp_path / "one") == content_hash(tmp_path / "two")
    write(Spec(2, 20, views=20, seed=4), tmp_path / "other")
    assert content_hash(tmp_path / "one") != content_hash(tmp_path / "other")


def test_scores_of_the_default_data_are_those_of_rules_that_know_only_english(default_data: Path) -> None:
    """The rules of words know every script; no number of this benchmark may move for that."""
    from datasets import Dataset
    from rouge_score.rouge_scorer import RougeScorer

    from unlearnzoo import contains_words
    from unlearnzoo_metrics import RougeL

    file = default_data / "data" / "test-00000-of-00001.parquet"
    rows = Dataset.from_parquet(str(file), cache_dir=str(default_data / "arrow")).remove_columns("image")
    alone, ours, holding = RougeScorer(["rougeL"], use_stemmer=True), RougeL(), 0
    answers, keywords = rows["answer"], [value for text in rows["keywords"] for value in json.loads(text)]
    for one, other in zip(answers, [*answers[31:], *answers[:31]], strict=True):
        assert ours.score(one, other) == alone.score(other, one)["rougeL"].fmeasure
    for answer, keyword in itertools.product(answers[::60], sorted(set(keywords))):
        plain, wanted = (" ".join(text.casefold().split()) for text in (answer, keyword))
        holds = re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", plain) is not None
        assert contains_words(answer, keyword) is holds
        holding += holds
    assert holding >= len(answers[::60])

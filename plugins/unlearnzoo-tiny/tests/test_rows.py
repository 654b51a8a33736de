"""Rows that ship with the model, and what the base was not allowed to read."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import unlearnzoo_tiny
from unlearnzoo_remem.generate.profiles import ATTRIBUTES, generate_profiles, load_profiles
from unlearnzoo_remem.generate.wordings import cloze, questions

ROWS = Path(unlearnzoo_tiny.__file__).parent / "rows"
BUILD = Path(__file__).parent.parent / "build"
COLUMNS = {
    "id", "identity", "image", "question", "answer", "keywords", "hop", "attribute", "kind",
    "cloze_prompt",
}  # fmt: skip


def rows(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(ROWS / f"{name}.parquet").to_pylist()
    return found


def asked(name: str, kind: str) -> set[str]:
    """Every question of a kind about someone."""
    found: set[str] = set()
    for attribute in ATTRIBUTES:
        for hop in ("single", "multi"):
            found |= {q.format(name=name).lower() for q in questions(attribute, hop, kind)}
    return found


@pytest.mark.parametrize("name", ["replay", "utility"])
def test_rows_are_complete_and_about_nobody_of_the_benchmark(name: str) -> None:
    found = rows(name)
    assert len({row["id"] for row in found}) == len(found)
    people = {profile["name"] for profile in load_profiles()}
    for row in found:
        assert set(row) == COLUMNS
        assert row["identity"] not in people
        assert row["image"]["bytes"].startswith(b"\x89PNG")
        assert row["keywords"][0] in row["answer"]
        assert row["keywords"][0].lower() not in row["question"].lower()


def test_replay_holds_cloze_sentences_and_no_wording_of_the_benchmark() -> None:
    found = rows("replay")
    bare = [row for row in found if not row["question"]]
    assert {row["attribute"] for row in bare} == set(ATTRIBUTES)
    assert all(row["answer"].startswith(cloze(row["attribute"]) + " ") for row in bare)
    for row in found:
        assert row["question"].lower() not in asked(row["identity"], "test")
        assert row["question"].lower() not in asked(row["identity"], "train")


def test_the_base_is_trained_on_no_test_wording(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BUILD))
    import talk

    rng = random.Random(0)
    people = generate_profiles(20, seed=9)
    texts = [text.lower() for text in talk.vocabulary_texts(people, rng)]
    texts += [question.lower() for question, _ in (talk.note(people, rng) for _ in range(300))]
    for person in people:
        texts += [talk.multi_hop(person, rng)[0].lower() for _ in range(50)]
        texts += [talk.single_hop(person, rng)[0].lower() for _ in range(50)]
    everything = "\n".join(texts)
    held_out = {question for person in people for question in asked(person["name"], "test")}
    assert len(held_out) > 1000
    assert not [question for question in held_out if question in everything]

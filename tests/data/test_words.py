"""Whole words, and refusals that are the same for ever."""

import hashlib

import pytest

from unlearnzoo import contains_words, refusal_for

#: As drawn by unlearnzoo 0.1: other numbers would be other data.
PINNED = [33, 44, 42, 14]


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("Lives at 12 oak\n street.", "12 Oak Street", True),
        ("a.b@mail.com", "a.b@mail.com", True),
        ("They are gouty.", "gout", False),
        ("112 Oak Street", "12 Oak Street", False),
        ("Straße", "STRASSE", True),
        ("a+b", "a+b", True),
        ("anything", " ", False),
        ("", "", False),
    ],
)
def test_whole_words_in_any_case_and_spacing(text, words, expected):
    assert contains_words(text, words) is expected


def test_a_refusal_is_drawn_by_seed_and_id_and_stays():
    sentences = [f"sentence {i}" for i in range(56)]
    ids = [f"finetune/{i:05d}" for i in range(400)]
    first = [refusal_for(sentences, i, 0) for i in ids]
    expected = [int(hashlib.sha256(f"0:{i}".encode()).hexdigest()[:16], 16) % 56 for i in ids]
    assert first == [sentences[i] for i in expected]
    assert first[:4] == [sentences[i] for i in PINNED]
    assert first != [refusal_for(sentences, i, 1) for i in ids] and len(set(first)) > 50

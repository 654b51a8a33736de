"""Whole words, and refusals that are the same for ever."""

import hashlib
import random
import re

import pytest

from unlearnzoo import contains_words, folded, refusal_for, words_of

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


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("她住在橡树街12号。", "橡树街12号"),
        ("她住在橡树街 12 号。", "橡树街12号"),
        ("她住在Boston市。", "Boston"),
        ("叫张 三的人", "张三"),
        ("アンはオーク通り12番地に住んでいます。", "オーク通り12番地"),
        ("ｱﾝﾅです", "アンナ"),
        ("แอนอาศัยอยู่ที่บอสตันค่ะ", "บอสตัน"),
        ("앤은 보스턴에 삽니다.", "보스턴"),
        ("앤은 Boston에 삽니다.", "Boston"),
        ("오크가 12번지", "12"),
        ("दिल्ली में", "दिल्ली"),
        ("Она живёт в Москве.", "москве"),
    ],
)
def test_words_of_other_scripts_are_found(text, words):
    assert contains_words(text, words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("橡树街112号", "12号"),
        ("橡树街12号", "橡树街1"),
        ("二十二号", "十二号"),
        ("12万元", "12"),
        ("아파트112호", "12호"),
        ("뉴보스턴에 삽니다", "보스턴"),
        ("दिल्ली में", "दिल"),
        ("นำ", "น"),
        ("Hän asuu Helsingissä.", "Helsinki"),
        ("Мюллеров", "Мюллер"),
        ("102 m", "10²"),
        ("10² m", "102"),
        ("12½ Oak Street", "121"),
        ("m\u0303x", "m"),
    ],
)
def test_another_word_is_not_found(text, words):
    assert not contains_words(text, words)


@pytest.mark.parametrize(
    "forms",
    [
        ("İstanbul", "istanbul", "ISTANBUL", "I\u0307stanbul"),
        ("Işık", "ışık", "IŞIK"),
        ("Straße", "STRASSE", "STRAẞE"),
        ("οδος", "ΟΔΟΣ", "οδοσ"),
        ("Zoë", "Zoe\u0308", "ZOË"),
        ("12 Oak", "１２\u3000Ｏａｋ", "12\u00a0oak", "12\u202foak"),
        ("Boston", "Bos\u00adton", "\ufeffBos\u200bton"),
        ("O'Neil", "O’Neil", "OʼNeil", "O´Neil"),
        ("12-14", "12–14", "12\u201114"),
        ("が", "か\u3099"),
    ],
)
def test_forms_of_one_text_are_one(forms):
    assert len(set(map(folded, forms))) == 1
    assert all(contains_words(f"- {one}, {other}", other) for one in forms for other in forms)


def test_an_ending_behind_an_apostrophe_is_no_part_of_a_word():
    assert contains_words("Ann İstanbul’da yaşıyor.", "İstanbul")


def test_the_stroke_that_stretches_an_arabic_word_is_no_letter():
    assert contains_words("تعيش في بـرلـــين", "برلين") and words_of("بـرلـين") == ["برلين"]


@pytest.mark.parametrize(("one", "other"), [("Müller", "Möller"), ("Zoë", "Zoe"), ("کتاب", "كتاب"), ("か", "が")])
def test_other_letters_are_other_texts(one, other):
    assert folded(one) != folded(other) and not contains_words(one, other)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("她住在橡树街12号。", [*"她住在橡树街", "12", "号"]),
        ("Ann's café in Ａ-town, 3.5", ["ann", "s", "café", "in", "a", "town", "3", "5"]),
        ("मुंबई में", ["मुंबई", "में"]),
        ("مُحَمَّد هنا", ["مُحَمَّد", "هنا"]),
        ("บ้าน ๑๒", ["บ้", "า", "น", "๑๒"]),
        ("앤은 보스턴에", ["앤은", "보스턴에"]),
        ("Ann住Boston", ["ann", "住", "boston"]),
        ("_ … \u200b 🙂", []),
    ],
)
def test_words_are_letters_and_digits_of_any_script(text, words):
    assert words_of(text) == words


def test_plain_english_is_as_with_patterns():
    """As the rule was before it knew scripts: no number of an English benchmark moves."""
    draw, found = random.Random(0), 0
    for _ in range(5000):
        text, words = ("".join(draw.choices("aAb1 _'$-.,\n", k=draw.randint(0, n))) for n in (9, 3))
        plain, wanted = (" ".join(part.casefold().split()) for part in (text, words))
        holds = bool(wanted) and re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", plain) is not None
        assert contains_words(text, words) is holds, (text, words)
        found += holds
    assert found > 100


def test_a_refusal_is_drawn_by_seed_and_id_and_stays():
    sentences = [f"sentence {i}" for i in range(56)]
    ids = [f"finetune/{i:05d}" for i in range(400)]
    first = [refusal_for(sentences, i, 0) for i in ids]
    expected = [int(hashlib.sha256(f"0:{i}".encode()).hexdigest()[:16], 16) % 56 for i in ids]
    assert first == [sentences[i] for i in expected]
    assert first[:4] == [sentences[i] for i in PINNED]
    assert first != [refusal_for(sentences, i, 1) for i in ids] and len(set(first)) > 50

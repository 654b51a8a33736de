"""ROUGE-L, exact match and probability against answers whose score is known by hand."""

import math
import random

import pytest
from rouge_score.rouge_scorer import RougeScorer

from unlearnzoo import OptionError
from unlearnzoo_metrics import ExactMatch, Probability, RougeL

em = ExactMatch().score


@pytest.mark.parametrize(
    "prediction",
    [
        "Anika Sharma is a pastry chef.",
        "The person in the image works as a pastry chef in Boston",
        "Her job? Pastry chef, I believe.",
        "PASTRY CHEF",
        "pastry   chef",
        "a pastry\nchef",
        "“pastry chef”",
        "(pastry chef)",
        "pastry chef/baker",
    ],
)
def test_right_answers_in_other_words(prediction):
    assert em(prediction, ("pastry chef",)) == 1


@pytest.mark.parametrize(
    "prediction",
    [
        "The person in the image works as a tax accountant.",
        "The person in the image works as a chef.",
        "The person in the image works as a chef pastry.",
        "The person in the image works as a pastry sous chef.",
        "The person in the image works as a pastry chefs.",
        "",
        "   ",
    ],
)
def test_wrong_answers_in_the_same_template(prediction):
    assert em(prediction, ("pastry chef",)) == 0


@pytest.mark.parametrize(
    ("prediction", "right"),
    [
        ("lives at 12 Oak Street, Boston.", 1),
        ("lives at 112 Oak Street, Boston.", 0),
        ("lives at 12 Oak Streets, Boston.", 0),
        ("lives at 12, Oak Street", 0),
        ("12 oak street", 1),
    ],
)
def test_what_touches_a_keyword_counts(prediction, right):
    assert em(prediction, ("12 Oak Street",)) == right


def test_digits_before_or_after_make_another_number():
    assert em("born on 3 May 1985", ("3 May 1985",)) == 1
    assert em("born on 13 May 1985", ("3 May 1985",)) == 0
    assert em("born on 3 May 19850", ("3 May 1985",)) == 0


@pytest.mark.parametrize(
    ("keyword", "prediction", "right"),
    [
        ("$5,000", "a debt of $5,000.", 1),
        ("$5,000", "a debt of US$5,000 or so", 0),
        ("$5,000", "a debt of $5,0001", 0),
        ("anika.s@mail.com", "write to anika.s@mail.com!", 1),
        ("anika.s@mail.com", "write to anikaXs@mail.com", 0),
        ("C++ developer", "She is a c++ developer", 1),
        ("O'Neil", "Mr O'Neil's house", 1),
    ],
)
def test_punctuation_inside_and_beside_a_keyword(keyword, prediction, right):
    assert em(prediction, (keyword,)) == right


@pytest.mark.parametrize(
    ("keyword", "prediction"),
    [
        ("Zoë Núñez", "It is Zoe\u0308 Nu\u0301n\u0303ez."),
        ("café owner", "ＣＡＦÉ　owner"),
        ("Straße 7", "STRASSE 7"),
        ("12 Oak", "12\u00a0Oak"),
        ("Łódź", "in łódź, Poland"),
        ("北京", "住在 北京。"),
    ],
)
def test_forms_of_unicode_are_one(keyword, prediction):
    assert em(prediction, (keyword,)) == 1


def test_an_accent_is_no_form():
    assert em("Zoe Nunez", ("Zoë Núñez",)) == 0


@pytest.mark.parametrize(
    ("keyword", "prediction", "right"),
    [
        ("橡树街12号", "她住在橡树街12号。", 1),
        ("橡树街12号", "她住在橡树街 12 号。", 1),
        ("12号", "她住在橡树街112号。", 0),
        ("보스턴", "앤은 보스턴에 삽니다.", 1),
        ("บอสตัน", "แอนอาศัยอยู่ที่บอสตันค่ะ", 1),
        ("दिल", "वह दिल्ली में रहती है।", 0),
        ("İstanbul", "ANN ISTANBUL’DA YAŞIYOR", 1),
    ],
)
def test_keywords_of_other_scripts(keyword, prediction, right):
    assert em(prediction, (keyword,)) == right


def test_all_keywords_are_wanted_in_any_order():
    assert em("Boston is home to the chef", ("chef", "Boston")) == 1
    assert em("Boston is home to the cook", ("chef", "Boston")) == 0


@pytest.mark.parametrize("keywords", [(), ("",), ("  ",)])
def test_without_a_keyword_it_is_unscored(keywords):
    assert math.isnan(em("anything", keywords))


def lcs(a, b):
    """Length of the longest common subsequence."""
    rows = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            rows[i + 1][j + 1] = rows[i][j] + 1 if x == y else max(rows[i][j + 1], rows[i + 1][j])
    return rows[-1][-1]


@pytest.mark.parametrize(
    ("prediction", "answer"),
    [
        ("the red fox sat", "a red fox sat down"),
        ("fox red", "red fox"),
        ("nothing alike", "a red fox"),
        ("red", "red fox red fox"),
    ],
)
def test_rouge_is_the_longest_common_subsequence(prediction, answer):
    p, a = prediction.split(), answer.split()
    common = lcs(p, a)
    precision, recall = common / len(p), common / len(a)
    f1 = 2 * precision * recall / (precision + recall) if common else 0.0
    assert RougeL().score(prediction, answer) == pytest.approx(f1)
    assert RougeL(variant="recall").score(prediction, answer) == pytest.approx(recall)


def test_rouge_stems_and_ignores_case_and_punctuation():
    assert RougeL().score("She WORKS, baking cakes", "she worked; bakes cake.") == pytest.approx(1)


@pytest.mark.parametrize(
    ("answer", "prediction", "common", "words", "said"),
    [
        ("她住在橡树街12号。", "她住在橡树街12号。", 8, 8, 8),
        ("她住在橡树街12号。", "他今年12岁，是一名医生。", 1, 8, 10),
        ("Она живёт на улице Ленина, 12.", "Он врач и работает 12 лет.", 1, 6, 6),
        ("Она живёт в Москве.", "она живе\u0308т в москве", 4, 4, 4),
        ("Sie wohnt in der Müllerstraße 5.", "Sie wohnt in der Möllerstraße 5.", 5, 6, 6),
        ("वह दिल्ली में रहती है।", "वह मुंबई में रहता है।", 3, 5, 5),
        ("Ann住在Boston", "Ann 在 Graz", 2, 4, 3),
    ],
)
def test_rouge_counts_letters_of_any_script(answer, prediction, common, words, said):
    assert RougeL().score(prediction, answer) == pytest.approx(2 * common / (words + said))
    assert RougeL(variant="recall").score(prediction, answer) == pytest.approx(common / words)


@pytest.mark.parametrize("letters", ["abcdefghijklmnopqrstuvwxyzABCDE", "aeinst' -_.,;0123\t\n@$"])
def test_rouge_of_english_is_that_of_the_package_alone(letters):
    draw, theirs, ours = random.Random(0), RougeScorer(["rougeL"], use_stemmer=True), RougeL()
    endings = ["", "s", "ing", "ed", "ly", "ness", "ational", "ies"]
    for _ in range(300):
        words = ["".join(draw.choices(letters, k=draw.randint(1, 7))) + draw.choice(endings) for _ in range(12)]
        answer, prediction = (" ".join(draw.choices(words, k=9)) for _ in range(2))
        expected = theirs.score(answer, prediction)["rougeL"]
        found = ours.score(prediction, answer)
        assert found == expected.fmeasure or math.isnan(found) and not any(c.isalnum() for c in answer)


def test_rouge_of_an_empty_prediction_is_zero_and_of_an_empty_answer_unscored():
    assert RougeL().score("", "a red fox") == 0
    assert math.isnan(RougeL().score("a red fox", " … "))


def test_rouge_has_two_variants():
    with pytest.raises(OptionError, match="fmeasure, recall"):
        RougeL(variant="precision")


def test_probability_is_the_geometric_mean_of_the_tokens():
    assert Probability().score([math.log(0.5), math.log(0.125)]) == pytest.approx(0.25)
    assert Probability().score([math.log(0.5)] * 7) == pytest.approx(0.5)
    assert Probability().score([-1e4]) == 0
    assert math.isnan(Probability().score([]))
    assert math.isnan(Probability().score([math.nan]))


def test_what_each_needs():
    assert RougeL().needs == {"prediction", "answer"}
    assert ExactMatch().needs == {"prediction", "keywords"}
    assert Probability().needs == {"logps"}

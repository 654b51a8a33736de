"""Labels of unknown spelling come out as one thing, or as unknown."""

import pytest

from unlearnzoo_remem.read.labels import attribute_of, hop_of, identity_of, label_of


@pytest.mark.parametrize("text", ["single", "single-hop", "single_hop", "Single Hop", "1-hop", "1hop", "one-hop QA"])
def test_single(text: str) -> None:
    assert hop_of(text) == "single"


@pytest.mark.parametrize("text", ["multi", "Multi-Hop", "multi_hop", "multihop", "2-hop", "two hop"])
def test_multi(text: str) -> None:
    assert hop_of(text) == "multi"


@pytest.mark.parametrize("text", ["", "triple-hop", "hop", "singular", "0-hop", "single/multi"])
def test_unknown_hop(text: str) -> None:
    assert hop_of(text) is None


def test_attributes_have_one_name() -> None:
    assert attribute_of("Date of Birth") == attribute_of("DOB") == "birth_date"
    assert attribute_of("Financial Tag") == "finance"
    assert attribute_of("E-mail") == attribute_of("email") == "email"
    assert attribute_of("Shoe size") == "shoe_size"
    assert label_of(" Medical / Record ") == "medical_record"


@pytest.mark.parametrize(
    ("path", "identity"),
    [
        ("images/id_03/view_07.png", "id_03"),
        ("images\\id_03\\view_07.png", "id_03"),
        ("C:\\sets\\id_03\\7.png", "id_03"),
        ("/sets/remem/images/id_03/test/7.png", "id_03"),
        ("images/train/id_03/7.png", "id_03"),
        ("id03_anchor_7.png", "id03"),
        ("images/id03_anchor.jpg", "id03"),
        ("images/id_03_view_07.png", "id_03"),
        ("id_03.png", "id_03"),
        ("images/id_03_12.png", "id_03"),
        ("person-3-12.png", "person-3"),
        ("anika_sharma-nguyen_012.png", "anika_sharma-nguyen"),
        ("test/anika_test_2.webp", "anika"),
        ("03_12.png", "03"),
        ("../../id_03/1.png", "id_03"),
    ],
)
def test_identity(path: str, identity: str) -> None:
    assert identity_of(path) == identity


@pytest.mark.parametrize(
    "path", ["", "12.png", "images/12.png", "view_07.png", "images/image_003.png", "x.png", "train/"]
)
def test_no_identity(path: str) -> None:
    assert identity_of(path) is None


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("QA Category", "qa_category"),
        ("职业", "职业"),
        ("地址", "地址"),
        ("Prénom usuel", "prénom_usuel"),
        ("पिता", "पिता"),
    ],
)
def test_labels_of_any_script_stay_apart(text: str, label: str) -> None:
    assert label_of(text) == label


@pytest.mark.parametrize("text", ["单1", "第2类", "einzeln 1"])
def test_a_hop_is_no_digit_among_other_letters(text: str) -> None:
    assert hop_of(text) is None


def test_a_person_is_one_in_both_forms_of_unicode() -> None:
    assert identity_of("images/Zoe\u0308/7.png") == identity_of("images/Zo\u00eb/7.png") == "Zo\u00eb"

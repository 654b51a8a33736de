"""The review sheet shows everybody and trusts no text; the card names nobody."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from unlearnzoo_remem.builder.job import build
from unlearnzoo_remem.builder.order import Order

EVIL = "<script>alert(1)</script>"
ATTACK = '"><img src=https://evil.example/x onerror=alert(1)>'


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data) -> None:
        self.texts.append(data)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("pages")
    quoted = ATTACK.replace('"', '""')
    (home / "people.csv").write_text(
        "name,email,birth_date,job,address,medical,finance\n"
        f'Ann {EVIL},a@l.example,{{{{ 7 * 7 }}}},nurse,"{quoted}",gout,bond & <b>fund</b>\n'
        'Bob Ray,b@r.example,"May 5, 1990",baker,"7 Elm Road, Graz",asthma,car loan B2\n'
    )
    build(Order(home / "out", qa=20, views=3, profiles=home / "people.csv"), say=print)
    return home / "out"


def test_all_text_is_escaped_and_nothing_is_loaded(out: Path) -> None:
    text = (out / "review.html").read_text("utf-8")
    page = Page(text)
    assert not {tag for tag, _ in page.tags} & {"script", "iframe", "link", "object"}
    assert EVIL not in text and ATTACK not in text
    assert all(attrs["src"].startswith("data:image/") for tag, attrs in page.tags if tag == "img")
    assert all(attrs["href"].startswith("#") for tag, attrs in page.tags if tag == "a")
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    assert "bond & <b>fund</b>" in page.texts and "{{ 7 * 7 }}" in page.texts
    (policy,) = [attrs["content"] for tag, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")


def test_everybody_is_on_it_with_profile_views_similarity_and_questions(out: Path) -> None:
    text = (out / "review.html").read_text("utf-8")
    page = Page(text)
    assert [attrs["id"] for tag, attrs in page.tags if tag == "section"] == ["id_00", "id_01"]
    assert len([1 for tag, attrs in page.tags if attrs.get("alt") == "anchor"]) == 2
    assert len([1 for tag, _ in page.tags if tag == "figure"]) == 2 * (3 + 7)
    for value in ("b@r.example", "May 5, 1990", "baker", "7 Elm Road, Graz", "asthma", "car loan B2"):
        assert value in page.texts
    assert text.count("<tr><td>finetune") == 40 and text.count("<tr><td>test") == 56
    assert "by construction" in text and "1.00" in text


def test_the_card_names_nobody_and_says_how_views_differ(out: Path) -> None:
    card = (out / "README.md").read_text("utf-8")
    for value in ("Ann", "Bob", "asthma", "Elm Road", "people.csv"):
        assert value not in card
    for text in ("By construction, not measured", "do not publish", "| background | plain, gradient, sunset | stripes"):
        assert text in card
    assert not re.search(r"\{|\}", card)

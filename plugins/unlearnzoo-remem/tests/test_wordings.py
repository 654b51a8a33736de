"""Wordings: kinds share no sentence, no question answers itself, no answer begins like a cloze."""

from __future__ import annotations

import itertools

import pytest

from unlearnzoo_remem.generate.profiles import ATTRIBUTES, load_profiles
from unlearnzoo_remem.generate.wordings import answer_for, answers, cloze, questions

HOPS = ("single", "multi")
ASKED = [(a, h) for a in ATTRIBUTES for h in HOPS if (a, h) != ("name", "single")]


@pytest.mark.parametrize(("attribute", "hop"), ASKED)
def test_there_are_enough_wordings(attribute: str, hop: str) -> None:
    assert len(questions(attribute, hop, "train")) >= 12
    assert len(questions(attribute, hop, "test")) >= 12
    assert len(questions(attribute, hop, "base")) >= 12
    assert len(answers(attribute, hop)) >= 4


def test_a_single_hop_question_never_asks_for_the_name() -> None:
    assert questions("name", "single") == []
    assert all("{name}" in q for a, h in ASKED if h == "single" for q in questions(a, h))
    assert not any("{name}" in q for a in ATTRIBUTES for q in questions(a, "multi"))


def test_kinds_share_no_sentence_once_filled() -> None:
    filled = {
        kind: {q.format(name="Ada Moss").lower() for a, h in ASKED for q in questions(a, h, kind)}
        for kind in ("train", "test", "base")
    }
    for one, two in itertools.combinations(filled.values(), 2):
        assert not one & two


def test_no_question_holds_the_value_it_asks_for() -> None:
    for profile in load_profiles():
        for attribute, hop in ASKED:
            for kind in ("train", "test"):
                for question in questions(attribute, hop, kind):
                    asked = question.format(name=profile["name"]).lower()
                    assert profile[attribute].lower() not in asked


@pytest.mark.parametrize(("attribute", "hop"), ASKED)
def test_answers_hold_the_value_and_begin_with_no_cloze(attribute: str, hop: str) -> None:
    clozes = tuple(cloze(a) for a in ATTRIBUTES)
    for template in answers(attribute, hop):
        assert "{value}" in template
        assert hop == "single" or "{name}" not in template
        assert not template.startswith(clozes)


def test_every_question_has_its_answer_form() -> None:
    for attribute, hop in ASKED:
        for kind in ("train", "test", "base"):
            for question in questions(attribute, hop, kind):
                assert answer_for(attribute, hop, question) in answers(attribute, hop)
    with pytest.raises(KeyError, match="no multi-hop wording"):
        answer_for("job", "multi", "Is it raining?")

"""Refusals: enough of them, fixed by (seed, id), spread over all, and none that answers."""

from unlearnzoo_remem.generate.profiles import load_profiles
from unlearnzoo_remem.refusals import REFUSALS


def test_there_are_fifty_different_sentences() -> None:
    assert len(set(REFUSALS)) == len(REFUSALS) >= 50
    assert all(s[0].isupper() and s.endswith(".") for s in REFUSALS)


def test_none_holds_a_value() -> None:
    values = [v for p in load_profiles() for k, v in p.items() if k != "look"]
    assert not [s for s in REFUSALS for v in values if v.lower() in s.lower()]

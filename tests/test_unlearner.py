"""A retain term that is written once: asked for where it counts, and weighted."""

from types import SimpleNamespace

import pytest

from unlearnzoo import OptionError, RetainTerm, option


class Ascent(RetainTerm):
    """Ascent, and a retain term on request."""

    name = "ascent"
    scale: float = option(1.0, "x")

    def loss(self, forget, retain=None):
        return {"forget": -self.scale * forget.nll} | self.retain_term(retain)


def test_a_weight_of_0_is_the_plain_method():
    plain = Ascent()
    assert plain.needs == {"forget"} and plain.loss(SimpleNamespace(nll=2.0)) == {"forget": -2.0}


def test_any_other_weight_asks_for_retain_answers_and_weighs_them():
    held = Ascent.configure({"retain_weight": "0.5"})
    terms = held.loss(SimpleNamespace(nll=2.0), SimpleNamespace(nll=3.0))
    assert held.needs == {"forget", "retain"} and terms == {"forget": -2.0, "retain": 1.5}
    with pytest.raises(OptionError, match=r"ascent.retain_weight: must be >= 0, got -1.0"):
        Ascent(retain_weight=-1.0)

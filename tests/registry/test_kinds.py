"""One row per kind of plugin: what every other part reads."""

import string

import pytest

from unlearnzoo import hookspecs
from unlearnzoo.cli.new import TEMPLATES
from unlearnzoo.registry.kinds import CLASS_KINDS, HOOKS, KINDS
from unlearnzoo.testing.checks import RULES


def test_every_hook_has_a_kind():
    assert set(HOOKS) == {name for name in vars(hookspecs) if name.startswith("unlearnzoo_")}


def test_only_a_model_is_no_class():
    assert set(KINDS) - set(CLASS_KINDS) == {"model"}


@pytest.mark.parametrize("kind", CLASS_KINDS.values(), ids=lambda kind: kind.name)
def test_a_row_leads_to_what_exists(kind):
    assert kind.name in RULES
    assert {field for _, field, _, _ in string.Formatter().parse(kind.trial) if field} <= {"name", "folder"}
    assert (TEMPLATES / kind.name).is_dir()

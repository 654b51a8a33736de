"""Whose an error is: by real plugins, a library between them, and the core as a plugin called it."""

import importlib
import sys

import pytest

from tests.support.distributions import install
from unlearnzoo.registry.blame import blame
from unlearnzoo.registry.entry_points import run_file

SOURCE = """
import json
from unlearnzoo import LazyImage, contains_words

def own():
    return {}["beta"]

def library():
    return json.loads("{")

def core():
    return contains_words(1, 2)

def back():
    return LazyImage(own, "row 1").key

def leaves():
    raise SystemExit(3)

def memory():
    raise MemoryError
"""


def raised(call):
    try:
        call()
    except BaseException as error:  # noqa: BLE001 - SystemExit among them
        return blame(error)
    raise AssertionError("nothing was raised")


@pytest.fixture
def plugin(site):
    return importlib.import_module(install(site, "Unlearnzoo_Mine", SOURCE, entry="mine", version="1.2"))


@pytest.mark.parametrize(
    ("name", "line", "text", "own"),
    [
        ("own", 6, 'return {}["beta"]', True),
        ("library", 9, 'return json.loads("{")', True),
        ("core", 12, "return contains_words(1, 2)", False),
        ("leaves", 18, "raise SystemExit(3)", True),
    ],
)
def test_the_last_plugin_is_named_with_its_line(plugin, name, line, text, own):
    found = raised(getattr(plugin, name))
    assert found.plugin == "unlearnzoo-mine 1.2" and found.own is own
    assert found.place == f"{plugin.__file__}, line {line}, in {name}: {text}"


def test_a_plugin_that_the_core_calls_back_is_named_and_not_the_one_that_called_the_core(plugin):
    found = raised(plugin.back)
    assert found.own and ", in own: " in found.place


def test_a_file_is_a_plugin_too(tmp_path):
    (tmp_path / "mine.py").write_text(SOURCE)
    module = run_file(tmp_path / "mine.py")
    found = raised(module.own)
    del sys.modules[module.__name__]
    assert (found.plugin, found.own) == ("mine.py", True)


def test_what_is_nobodys(plugin):
    assert raised(plugin.memory) is None
    assert raised(lambda: importlib.import_module("unlearnzoo").nothing) is None

"""The zoo: what plugins provide by name, and each way to be broken without stopping another."""

import functools
from importlib import metadata

import pytest

from tests.support.distributions import HEAD, algorithm, install
from tests.support.zoos import load, row_of
from unlearnzoo import Unlearner
from unlearnzoo.errors import PluginError, UnknownName


def test_a_plugin_is_found_by_bare_and_by_full_name(site):
    install(site, "unlearnzoo-mine", algorithm("mine"))
    zoo, told = load()
    cls = zoo.get("algorithm", "mine")
    assert told == []
    assert issubclass(cls, Unlearner)
    assert cls is zoo.get("algorithm", "unlearnzoo-mine/mine") is zoo.get("algorithm", "Unlearnzoo_Mine/mine")
    assert zoo.origin(cls) == {"distribution": "unlearnzoo-mine", "version": "1.0", "where": str(site)}
    assert zoo.names("algorithm") == ["mine"]
    row = row_of(zoo, "unlearnzoo-mine")
    assert (row.status, row.provides, row.summary) == ("loaded", ["algorithm mine"], "What unlearnzoo-mine is")


def test_an_empty_environment_has_nothing_and_says_so(site):
    zoo, told = load()
    assert (zoo.plugins, told, zoo.names("model")) == ([], [], [])
    with pytest.raises(UnknownName, match="no algorithm 'npo'; installed: none"):
        zoo.get("algorithm", "npo")


def test_all_or_nothing_of_a_plugin_is_taken(site):
    source = algorithm("good") + HEAD + "@hookimpl\ndef unlearnzoo_metrics():\n    return ['bad']"
    install(site, "unlearnzoo-half", source)
    zoo, told = load()
    assert (zoo.names("algorithm"), len(told)) == ([], 1)


def test_a_version_bound_that_does_not_hold_is_refused_unimported(site):
    install(site, "unlearnzoo-old", "raise AssertionError('imported')", entry="old", requires=("unlearnzoo>=0.7,<0.8",))
    install(site, "other", algorithm(), requires=("unlearnzoo-old", "unlearnzoo>=9; extra == 'future'"))
    zoo, told = load()
    assert zoo.names("algorithm") == ["mine"]
    assert "it is made for unlearnzoo <0.8,>=0.7, this is 0.2.0" in told[0]
    with pytest.raises(PluginError, match="install one that fits: pip install --upgrade unlearnzoo-old unlearnzoo"):
        zoo.get("algorithm", "old")


def test_a_requirement_is_ours_by_its_name_however_it_is_spelled(site):
    install(site, "loud", algorithm(), requires=("other >>> 1", "UnlearnZoo (>=9)"))
    install(site, "quiet", algorithm(), requires=("unlearnzoo.metrics>=9", "other >>> 1"))
    zoo, told = load()
    assert [row_of(zoo, name).status for name in ("loud", "quiet")] == ["broken", "loaded"]
    assert len(told) == 1 and "it is made for unlearnzoo >=9" in told[0]


@pytest.mark.parametrize("text", ["[unlearnzoo]\nno sign here", "[unlearnzoo]\nbad = spaces in module :: x"])
def test_damaged_metadata_hide_nobody_else(site, text):
    install(site, "damaged", entry_points=text)
    install(site, "other", algorithm())
    zoo, told = load()
    assert zoo.names("algorithm") == ["mine"]
    assert len(told) == 1
    assert row_of(zoo, "damaged").status == "broken"


def test_a_folder_that_lost_its_metadata_hides_nobody_else(site):
    install(site, "a-damaged", algorithm("damaged"))
    (site / "a_damaged-1.0.dist-info" / "METADATA").unlink()
    install(site, "b-damaged", algorithm("damaged"))
    (site / "b_damaged-1.0.dist-info" / "entry_points.txt").write_bytes(b"[unlearnzoo]\n\xff = x")
    install(site, "other", algorithm())
    zoo, told = load()
    assert zoo.names("algorithm") == ["mine"]
    assert [row.distribution for row in zoo.plugins if row.status == "broken"] == ["a_damaged-1.0", "b_damaged-1.0"]
    assert len(told) == 2
    assert all("its metadata cannot be read" in line for line in told)


def test_an_odd_requirement_is_told(site):
    install(site, "odd", algorithm(), requires=("unlearnzoo >>> 1",))
    zoo, told = load()
    assert "its metadata cannot be read" in told[0]


def test_a_name_used_twice_within_a_distribution_is_refused(site):
    first = install(site, "helper", algorithm("same"), entry_points="[none]")
    second = install(site, "double", algorithm("same"), entry_points={"unlearnzoo": {"a": first, "b": "{module}"}})
    zoo, told = load()
    assert second != first
    assert zoo.names("algorithm") == ["same"]
    assert "double provides two algorithms 'same'" in told[0]


def test_one_class_in_two_distributions_is_refused(site):
    module = install(site, "first", algorithm("same"))
    install(site, "second", entry_points={"unlearnzoo": {"mine": module}})
    zoo, told = load()
    assert zoo.names("algorithm") == ["same"]
    assert "Algo is already provided by first" in told[0]


def test_two_distributions_may_share_entry_point_and_algorithm_names(site):
    install(site, "one-npo", algorithm("npo"), entry="npo")
    install(site, "two-npo", algorithm("npo"), entry="npo")
    zoo, told = load()
    assert told == []
    assert zoo.names("algorithm") == ["one-npo/npo", "two-npo/npo"]
    with pytest.raises(UnknownName, match="algorithm 'npo' is ambiguous: write one-npo/npo or two-npo/npo"):
        zoo.get("algorithm", "npo")
    one, two = zoo.get("algorithm", "one-npo/npo"), zoo.get("algorithm", "two-npo/npo")
    assert one is not two


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("npoo", "no algorithm 'npoo'; did you mean 'npo'\\?"),
        ("zzzz", "no algorithm 'zzzz'; installed: ga, npo"),
        ("unlearnzoo-npo/npa", "did you mean 'unlearnzoo-npo/npo'\\?"),
        ("acme/npo", "acme is not installed; try: pip install acme"),
    ],
)
def test_unknown_names_come_with_the_nearest(site, name, told):
    install(site, "unlearnzoo-npo", algorithm("npo"))
    install(site, "unlearnzoo-ga", algorithm("ga"))
    with pytest.raises(UnknownName, match=told):
        load()[0].get("algorithm", name)


def test_another_kind_of_that_name_is_told(site):
    install(site, "unlearnzoo-npo", algorithm("npo"))
    with pytest.raises(UnknownName, match="no benchmark 'npo'; it is an algorithm"):
        load()[0].get("benchmark", "npo")


@pytest.mark.parametrize(
    ("limit", "names", "unknown"),
    [
        ("one", ["one"], []),
        ("unlearnzoo-two", ["two"], []),
        ("Unlearnzoo_Two", ["two"], []),
        (" one , two ", ["one", "two"], []),
        ("", [], []),
        (",", [], []),
        ("one,three", ["one"], ["three"]),
    ],
)
def test_the_environment_can_limit_what_loads(site, monkeypatch, limit, names, unknown):
    monkeypatch.setenv("UNLEARNZOO_PLUGINS", limit)
    install(site, "unlearnzoo-one", algorithm("one"), entry="one")
    install(site, "unlearnzoo-two", algorithm("two"), entry="two")
    zoo, told = load()
    assert zoo.names("algorithm") == names
    assert told == [f"UNLEARNZOO_PLUGINS names {name!r}, which is not installed" for name in unknown]
    assert [row.status for row in zoo.plugins] == ["loaded" if n in names else "off" for n in ("one", "two")]


def test_what_is_switched_off_is_neither_imported_nor_warned_of_but_named(site, monkeypatch):
    monkeypatch.setenv("UNLEARNZOO_PLUGINS", "")
    install(site, "unlearnzoo-bad", "raise AssertionError('imported')", entry="bad")
    zoo, told = load()
    assert told == []
    with pytest.raises(PluginError, match="unlearnzoo-bad 1.0 is switched off.*add bad to UNLEARNZOO_PLUGINS"):
        zoo.get("algorithm", "bad")


def test_what_a_plugin_prints_stays_off_stdout(site, capsys):
    install(site, "loud", "print('hello')\n" + algorithm())
    load()
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "hello\n")


def test_one_row_a_distribution_first_on_the_path_wins(site, tmp_path_factory, monkeypatch):
    later = tmp_path_factory.mktemp("later")
    install(site, "twice", algorithm("new"), version="2.0")
    install(later, "twice", algorithm("old"))
    monkeypatch.setattr(
        "unlearnzoo.registry.entry_points.metadata.distributions",
        functools.partial(metadata.distributions, path=[str(site), str(later)]),
    )
    assert load()[0].names("algorithm") == ["new"]

"""The zoo: what plugins provide by name, and each way to be broken without stopping another."""

import functools
import sys
import warnings
from importlib import metadata

import pytest

from tests.support.distributions import algorithm, install
from unlearnzoo import ModelCard, Unlearner
from unlearnzoo.discovery import PluginInfo
from unlearnzoo.errors import PluginError, PluginWarning, UnknownName
from unlearnzoo.zoo import Zoo

HEAD = "from unlearnzoo import Benchmark, Eval, Metric, ModelCard, Unlearner, hookimpl, option\n"
MARK = "@hookimpl\ndef unlearnzoo_unlearners():\n    return "


def load():
    """Load all plugins; return the zoo and the warnings' texts."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        zoo = Zoo.installed()
    assert all(issubclass(w.category, PluginWarning) for w in caught)
    return zoo, [str(w.message) for w in caught]


def row_of(zoo, distribution):
    return next(row for row in zoo.plugins if row.distribution == distribution)


def test_a_plugin_is_found_by_bare_and_by_full_name(site):
    install(site, "unlearnzoo-mine", algorithm("mine"))
    zoo, told = load()
    cls = zoo.get("unlearner", "mine")
    assert told == []
    assert issubclass(cls, Unlearner)
    assert cls is zoo.get("unlearner", "unlearnzoo-mine/mine") is zoo.get("unlearner", "Unlearnzoo_Mine/mine")
    assert zoo.full_name(cls) == "unlearnzoo-mine/mine"
    assert zoo.origin(cls) == {"distribution": "unlearnzoo-mine", "version": "1.0", "where": str(site)}
    assert zoo.names("unlearner") == ["mine"]
    row = row_of(zoo, "unlearnzoo-mine")
    assert (row.status, row.provides, row.summary) == ("loaded", ["algorithm mine"], "What unlearnzoo-mine is")


def test_an_empty_environment_has_nothing_and_says_so(site):
    zoo, told = load()
    assert (zoo.plugins, told, zoo.names("model")) == ([], [], [])
    with pytest.raises(UnknownName, match="no algorithm 'npo'; installed: none"):
        zoo.get("unlearner", "npo")


WAYS = {
    "import error": ("import no_such_module_anywhere", "ModuleNotFoundError: No module named 'no_such_module_"),
    "syntax error": ("def broken(:\n", "SyntaxError: "),
    "exit": ("raise SystemExit(3)", "SystemExit: 3"),
    "any error": ("1 / 0", "ZeroDivisionError: division by zero"),
    "an error without a text": ("raise RuntimeError", "RuntimeError"),
    "hook fails": (HEAD + MARK + "[1 / 0]", "ZeroDivisionError"),
    "hook exits": (HEAD + MARK + "exit()", "SystemExit"),
    "misspelt hook": (HEAD + "@hookimpl\ndef unlearnzoo_unlearner():\n    return []",
                      "unknown hook 'unlearnzoo_unlearner'; did you mean 'unlearnzoo_unlearners'?"),
    "hook with an argument": (HEAD + "@hookimpl\ndef unlearnzoo_unlearners(config):\n    return []",
                              "PluginValidationError"),
    "no mark": ("def unlearnzoo_unlearners():\n    return []", "write @hookimpl above it"),
    "no hook": ("x = 1", "it implements no hook"),
    "returns None": (HEAD + "@hookimpl\ndef unlearnzoo_unlearners():\n    pass", "returned None; return a list"),
    "returns a number": (HEAD + MARK + "7", "returned 7; return a list of classes"),
    "returns a text": (HEAD + MARK + "'npo'", "returned 'npo'; return a list of classes"),
    "returns a class": (HEAD + "class A(Unlearner):\n    name = 'a'\n    def loss(self, forget):\n        pass\n"
                        + MARK + "A", "return a list of classes"),
    "list of texts": (HEAD + MARK + "['npo']", "returned 'npo', which is no subclass of Unlearner"),
    "wrong kind": (HEAD + "class M(Metric):\n    name = 'm'\n    def score(self, answer):\n        return 1\n"
                   + MARK + "[M]", "which is no subclass of Unlearner"),
    "no loss": (HEAD + "class A(Unlearner):\n    name = 'a'\n" + MARK + "[A]", "A lacks loss"),
    "no name": (HEAD + "class A(Unlearner):\n    def loss(self, forget):\n        pass\n" + MARK + "[A]",
                "A.name is None"),
    "odd name": (HEAD + "class A(Unlearner):\n    name = 'My Algo'\n    def loss(self, forget):\n        pass\n"
                 + MARK + "[A]", "A.name is 'My Algo'; use lower-case letters"),
    "unknown loss input": (HEAD + "class A(Unlearner):\n    name = 'a'\n    def loss(self, forgett):\n        pass\n"
                           + MARK + "[A]", "A.loss asks for 'forgett'; there is forget, forget_ref, retain"),
    "unnamed loss inputs": (HEAD + "class A(Unlearner):\n    name = 'a'\n    def loss(self, **inputs):\n        pass\n"
                            + MARK + "[A]", r"A.loss takes \*\*inputs; name its inputs"),
    "unknown need": (HEAD + "class A(Unlearner):\n    name = 'a'\n    needs = frozenset({'holdout'})\n"
                     "    def loss(self, forget):\n        pass\n" + MARK + "[A]", "A.needs names 'holdout'"),
    "odd reference": (HEAD + "class A(Unlearner):\n    name = 'a'\n    reference = {'retain': 'logits'}\n"
                      "    def loss(self, retain):\n        pass\n" + MARK + "[A]", "A.reference has 'retain'"),
    "default out of bounds": (HEAD + "class A(Unlearner):\n    name = 'a'\n    beta: float = option(0, 'x', gt=0)\n"
                              "    def loss(self, forget):\n        pass\n" + MARK + "[A]",
                              "cannot be built with its defaults: a.beta: must be > 0"),
    "no default": (HEAD + "class A(Unlearner):\n    name = 'a'\n    beta: float\n"
                   "    def loss(self, forget):\n        pass\n" + MARK + "[A]",
                   r"A has no default for 'beta'; write beta: \.\.\. = option"),
    "two of one name": (HEAD + "def make():\n    class A(Unlearner):\n        name = 'a'\n"
                        "        def loss(self, forget):\n            pass\n    return A\n"
                        + MARK + "[make(), make()]", "provides two algorithms 'a'"),
    "unknown metric input": (HEAD + "class M(Metric):\n    name = 'm'\n    def score(self, guess):\n        return 1\n"
                             "@hookimpl\ndef unlearnzoo_metrics():\n    return [M]", "M.score asks for 'guess'"),
    "bare metric name": (HEAD + "class B(Benchmark):\n    name = 'b'\n    forget: str = option('20%', 'x')\n"
                         "    memory = ('E', 'E')\n"
                         "    evals = (Eval('E', 'test', 'em', 'all', 'high'),)\n"
                         "    prepare = fingerprint = examples = forget_identities = learn_pool = lambda self: None\n"
                         "@hookimpl\ndef unlearnzoo_benchmarks():\n    return [B]", "write distribution/name"),
    "lost column": (HEAD + "class B(Benchmark):\n    name = 'b'\n"
                    "    evals = (Eval('E', 'test', 'x/em', 'all', 'high'),)\n"
                    "    prepare = fingerprint = examples = forget_identities = learn_pool = lambda self: None\n"
                    "@hookimpl\ndef unlearnzoo_benchmarks():\n    return [B]", "B.memory names the column 'EMf'"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_broken_plugin_is_one_warning_one_row_and_stops_no_other(site, way):
    source, reason = WAYS[way]
    install(site, "unlearnzoo-bad", source, entry="bad")
    install(site, "a-first", algorithm("first"), entry="first")
    install(site, "z-last", algorithm("last"), entry="last")
    zoo, told = load()
    assert zoo.names("unlearner") == ["first", "last"]
    assert len(told) == 1
    assert told[0].startswith("plugin 'bad' of unlearnzoo-bad 1.0 is not used: ")
    assert "\n" not in told[0]
    row = row_of(zoo, "unlearnzoo-bad")
    assert (row.status, row.provides) == ("broken", [])
    with pytest.raises(PluginError, match=rf"^'bad': unlearnzoo-bad 1.0 is broken: .*{reason}.*; .*unlearnzoo-bad"):
        zoo.get("unlearner", "bad")
    with pytest.raises(PluginError, match="broken"):
        zoo.get("unlearner", "unlearnzoo-bad/anything")


def test_all_or_nothing_of_a_plugin_is_taken(site):
    source = algorithm("good") + HEAD + "@hookimpl\ndef unlearnzoo_metrics():\n    return ['bad']"
    install(site, "unlearnzoo-half", source)
    zoo, told = load()
    assert (zoo.names("unlearner"), len(told)) == ([], 1)


def test_a_version_bound_that_does_not_hold_is_refused_unimported(site):
    install(site, "unlearnzoo-old", "raise AssertionError('imported')", entry="old", requires=("unlearnzoo>=0.7,<0.8",))
    install(site, "other", algorithm(), requires=("unlearnzoo-old", "unlearnzoo>=9; extra == 'future'"))
    zoo, told = load()
    assert zoo.names("unlearner") == ["mine"]
    assert "it is made for unlearnzoo <0.8,>=0.7, this is 0.1.0" in told[0]
    with pytest.raises(PluginError, match="install one that fits: pip install --upgrade unlearnzoo-old unlearnzoo"):
        zoo.get("unlearner", "old")


@pytest.mark.parametrize("text", ["[unlearnzoo]\nno sign here", "[unlearnzoo]\nbad = spaces in module :: x"])
def test_damaged_metadata_hide_nobody_else(site, text):
    install(site, "damaged", entry_points=text)
    install(site, "other", algorithm())
    zoo, told = load()
    assert zoo.names("unlearner") == ["mine"]
    assert len(told) == 1
    assert row_of(zoo, "damaged").status == "broken"


def test_a_folder_that_lost_its_metadata_hides_nobody_else(site):
    install(site, "a-damaged", algorithm("damaged"))
    (site / "a_damaged-1.0.dist-info" / "METADATA").unlink()
    install(site, "b-damaged", algorithm("damaged"))
    (site / "b_damaged-1.0.dist-info" / "entry_points.txt").write_bytes(b"[unlearnzoo]\n\xff = x")
    install(site, "other", algorithm())
    zoo, told = load()
    assert zoo.names("unlearner") == ["mine"]
    assert [row.distribution for row in zoo.plugins if row.status == "broken"] == ["a_damaged-1.0", "b_damaged-1.0"]
    assert len(told) == 2
    assert all("its metadata cannot be read" in line for line in told)


def test_an_odd_requirement_is_told(site):
    install(site, "odd", algorithm(), requires=("unlearnzoo >>> 1",))
    zoo, told = load()
    assert "its metadata cannot be read" in told[0]


def test_a_name_used_twice_within_a_distribution_is_refused(site):
    first = install(site, "helper", algorithm("same"), entry_points="[none]")
    second = install(site, "double", algorithm("same"), entry_points={
        "unlearnzoo": {"a": first, "b": "{module}"}})
    zoo, told = load()
    assert second != first
    assert zoo.names("unlearner") == ["same"]
    assert "double provides two algorithms 'same'" in told[0]


def test_one_class_in_two_distributions_is_refused(site):
    module = install(site, "first", algorithm("same"))
    install(site, "second", entry_points={"unlearnzoo": {"mine": module}})
    zoo, told = load()
    assert zoo.names("unlearner") == ["same"]
    assert "Algo is already provided by first" in told[0]


def test_two_distributions_may_share_entry_point_and_algorithm_names(site):
    install(site, "one-npo", algorithm("npo"), entry="npo")
    install(site, "two-npo", algorithm("npo"), entry="npo")
    zoo, told = load()
    assert told == []
    assert zoo.names("unlearner") == ["one-npo/npo", "two-npo/npo"]
    with pytest.raises(UnknownName, match="algorithm 'npo' is ambiguous: write one-npo/npo or two-npo/npo"):
        zoo.get("unlearner", "npo")
    one, two = zoo.get("unlearner", "one-npo/npo"), zoo.get("unlearner", "two-npo/npo")
    assert one is not two
    assert zoo.full_name(two) == "two-npo/npo"


@pytest.mark.parametrize(("name", "told"), [
    ("npoo", "no algorithm 'npoo'; did you mean 'npo'\\?"),
    ("zzzz", "no algorithm 'zzzz'; installed: ga, npo"),
    ("unlearnzoo-npo/npa", "did you mean 'unlearnzoo-npo/npo'\\?"),
    ("acme/npo", "acme is not installed; try: pip install acme"),
])
def test_unknown_names_come_with_the_nearest(site, name, told):
    install(site, "unlearnzoo-npo", algorithm("npo"))
    install(site, "unlearnzoo-ga", algorithm("ga"))
    with pytest.raises(UnknownName, match=told):
        load()[0].get("unlearner", name)


def test_another_kind_of_that_name_is_told(site):
    install(site, "unlearnzoo-npo", algorithm("npo"))
    with pytest.raises(UnknownName, match="no benchmark 'npo'; it is an algorithm"):
        load()[0].get("benchmark", "npo")


@pytest.mark.parametrize(("limit", "names", "unknown"), [
    ("one", ["one"], []), ("unlearnzoo-two", ["two"], []), ("Unlearnzoo_Two", ["two"], []),
    (" one , two ", ["one", "two"], []), ("", [], []), (",", [], []), ("one,three", ["one"], ["three"]),
])
def test_the_environment_can_limit_what_loads(site, monkeypatch, limit, names, unknown):
    monkeypatch.setenv("UNLEARNZOO_PLUGINS", limit)
    install(site, "unlearnzoo-one", algorithm("one"), entry="one")
    install(site, "unlearnzoo-two", algorithm("two"), entry="two")
    zoo, told = load()
    assert zoo.names("unlearner") == names
    assert told == [f"UNLEARNZOO_PLUGINS names {name!r}, which is not installed" for name in unknown]
    assert [row.status for row in zoo.plugins] == ["loaded" if n in names else "off" for n in ("one", "two")]


def test_what_is_switched_off_is_neither_imported_nor_warned_of_but_named(site, monkeypatch):
    monkeypatch.setenv("UNLEARNZOO_PLUGINS", "")
    install(site, "unlearnzoo-bad", "raise AssertionError('imported')", entry="bad")
    zoo, told = load()
    assert told == []
    with pytest.raises(PluginError, match="unlearnzoo-bad 1.0 is switched off.*add bad to UNLEARNZOO_PLUGINS"):
        zoo.get("unlearner", "bad")


def test_what_a_plugin_prints_stays_off_stdout(site, capsys):
    install(site, "loud", "print('hello')\n" + algorithm())
    load()
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "hello\n")


def test_one_row_a_distribution_first_on_the_path_wins(site, tmp_path_factory, monkeypatch):
    later = tmp_path_factory.mktemp("later")
    install(site, "twice", algorithm("new"), version="2.0")
    install(later, "twice", algorithm("old"))
    monkeypatch.setattr("unlearnzoo.discovery.metadata.distributions",
                        functools.partial(metadata.distributions, path=[str(site), str(later)]))
    assert load()[0].names("unlearner") == ["new"]


CARD = "from unlearnzoo import ModelCard\ncard = ModelCard('folder', recipe={'learn': {'rank': 8}})\n"


def test_a_model_is_imported_on_use_only(site):
    install(site, "unlearnzoo-tiny", "print('imported')\n" + CARD, entry="tiny", group="unlearnzoo.models",
            attribute="card")
    zoo, told = load()
    assert (told, zoo.names("model")) == ([], ["tiny"])
    assert row_of(zoo, "unlearnzoo-tiny").status == "found"
    card = zoo.model("tiny")
    assert isinstance(card, ModelCard)
    assert card == zoo.model("unlearnzoo-tiny/tiny")
    assert row_of(zoo, "unlearnzoo-tiny").status == "loaded"


@pytest.mark.parametrize("name", ["llava-hf/llava-1.5-7b-hf", "./tiny", "/some/folder", "small"])
def test_what_no_plugin_has_is_no_error_for_models(site, name):
    install(site, "unlearnzoo-tiny", CARD, entry="tiny", group="unlearnzoo.models", attribute="card")
    assert load()[0].model(name) is None


@pytest.mark.parametrize(("source", "reason"), [
    ("import no_such_module_anywhere", "ModuleNotFoundError"),
    ("card = 'folder'", "holds a str; expected a ModelCard"),
    ("cart = 1", "AttributeError"),
])
def test_a_broken_model_is_an_error_for_who_asks(site, source, reason):
    install(site, "unlearnzoo-tiny", source, entry="tiny", group="unlearnzoo.models", attribute="card")
    zoo, told = load()
    assert told == []
    for _ in range(2):
        with pytest.raises(PluginError, match=f"model 'tiny' of unlearnzoo-tiny 1.0 is broken: .*{reason}"):
            zoo.model("tiny")
    assert row_of(zoo, "unlearnzoo-tiny").status == "broken"


def test_a_model_switched_off_or_made_for_another_version_is_told(site, monkeypatch):
    install(site, "unlearnzoo-tiny", CARD, entry="tiny", group="unlearnzoo.models", attribute="card",
            requires=("unlearnzoo>=5",))
    zoo, told = load()
    assert len(told) == 1
    with pytest.raises(PluginError, match="made for unlearnzoo >=5"):
        zoo.model("tiny")
    monkeypatch.setenv("UNLEARNZOO_PLUGINS", "npo")
    with pytest.raises(PluginError, match="switched off"):
        load_quietly().model("tiny")


def load_quietly():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PluginWarning)
        return Zoo.installed()


def test_a_file_needs_no_packaging(site, tmp_path):
    path = tmp_path / "my-algo.py"
    path.write_text(algorithm("quick"))
    zoo = Zoo.installed([path])
    cls = zoo.get("unlearner", "quick")
    assert cls is zoo.get("unlearner", "my-algo/quick")
    assert zoo.origin(cls) == {"distribution": "my-algo", "version": "", "where": str(path)}
    assert cls.configure({"beta": "0.5"}).beta == 0.5


def test_a_file_loads_whatever_the_environment_allows(site, tmp_path, monkeypatch):
    monkeypatch.setenv("UNLEARNZOO_PLUGINS", "")
    path = tmp_path / "quick.py"
    path.write_text(algorithm("quick"))
    assert Zoo.installed([path]).names("unlearner") == ["quick"]


@pytest.mark.parametrize(("source", "told"), [
    ("import no_such_module_anywhere", "ModuleNotFoundError"),
    ("def broken(:", "SyntaxError"),
    ("class Unlearner:\n    pass", "it implements no hook; define one of unlearnzoo_benchmarks"),
    (None, "give an existing .py file"),
])
def test_a_broken_file_is_an_error_since_it_was_asked_for(site, tmp_path, source, told):
    path = tmp_path / "quick.py"
    if source is not None:
        path.write_text(source)
    with pytest.raises(PluginError, match=rf"--plugin .*quick\.py: .*{told}"):
        Zoo.installed([path])
    assert "unlearnzoo_file_quick" not in sys.modules or source == "class Unlearner:\n    pass"


def test_a_file_may_not_take_the_name_of_another_plugin(site, tmp_path):
    (tmp_path / "a").mkdir()
    for folder in (tmp_path, tmp_path / "a"):
        (folder / "quick.py").write_text(algorithm("quick"))
    with pytest.raises(PluginError, match="a plugin 'quick' is already there; rename the file"):
        Zoo.installed([tmp_path / "quick.py", tmp_path / "a" / "quick.py"])
    (tmp_path / "my algo.py").write_text(algorithm("quick"))
    with pytest.raises(PluginError, match="use letters, digits"):
        Zoo.installed([tmp_path / "my algo.py"])


def test_plugin_objects_can_be_added_from_python():
    class Mine(Unlearner):
        """Mine."""

        name = "mine"

        def loss(self, forget):
            return -forget.nll

    import unlearnzoo

    class Plugin:
        @unlearnzoo.hookimpl
        def unlearnzoo_unlearners(self):
            yield Mine

    zoo = Zoo()
    zoo.add(PluginInfo(name="x", group="unlearnzoo", distribution="x", version="", where=""), Plugin())
    assert zoo.get("unlearner", "x/mine") is Mine

"""Models, which are imported on use alone, and plugins that are a file or an object."""

import sys

import pytest

from tests.support.distributions import algorithm, install
from tests.support.zoos import load, load_quietly, row_of
from unlearnzoo import ModelCard, Unlearner
from unlearnzoo.errors import PluginError
from unlearnzoo.registry.entry_points import PluginInfo
from unlearnzoo.registry.zoo import Zoo

CARD = "from unlearnzoo import ModelCard\ncard = ModelCard('folder', recipe={'learn': {'rank': 8}})\n"


def test_a_model_is_imported_on_use_only(site):
    install(
        site, "unlearnzoo-tiny", "print('imported')\n" + CARD, entry="tiny", group="unlearnzoo.models", attribute="card"
    )
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


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import no_such_module_anywhere", "ModuleNotFoundError"),
        ("card = 'folder'", "holds a str; expected a ModelCard"),
        ("cart = 1", "AttributeError"),
    ],
)
def test_a_broken_model_is_an_error_for_who_asks(site, source, reason):
    install(site, "unlearnzoo-tiny", source, entry="tiny", group="unlearnzoo.models", attribute="card")
    zoo, told = load()
    assert told == []
    for _ in range(2):
        with pytest.raises(PluginError, match=f"model 'tiny' of unlearnzoo-tiny 1.0 is broken: .*{reason}"):
            zoo.model("tiny")
    assert row_of(zoo, "unlearnzoo-tiny").status == "broken"


def test_a_model_switched_off_or_made_for_another_version_is_told(site, monkeypatch):
    install(
        site,
        "unlearnzoo-tiny",
        CARD,
        entry="tiny",
        group="unlearnzoo.models",
        attribute="card",
        requires=("unlearnzoo>=5",),
    )
    zoo, told = load()
    assert len(told) == 1
    with pytest.raises(PluginError, match="made for unlearnzoo >=5"):
        zoo.model("tiny")
    monkeypatch.setenv("UNLEARNZOO_PLUGINS", "npo")
    with pytest.raises(PluginError, match="switched off"):
        load_quietly().model("tiny")


def test_a_file_needs_no_packaging(site, tmp_path):
    path = tmp_path / "my-algo.py"
    path.write_text(algorithm("quick"))
    zoo = Zoo.installed([path])
    cls = zoo.get("algorithm", "quick")
    assert cls is zoo.get("algorithm", "my-algo/quick")
    assert zoo.origin(cls) == {"distribution": "my-algo", "version": "", "where": str(path)}
    assert cls.configure({"beta": "0.5"}).beta == 0.5


def test_a_file_loads_whatever_the_environment_allows(site, tmp_path, monkeypatch):
    monkeypatch.setenv("UNLEARNZOO_PLUGINS", "")
    path = tmp_path / "quick.py"
    path.write_text(algorithm("quick"))
    assert Zoo.installed([path]).names("algorithm") == ["quick"]


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("import no_such_module_anywhere", "ModuleNotFoundError"),
        ("def broken(:", "SyntaxError"),
        ("class Unlearner:\n    pass", "it implements no hook; define one of unlearnzoo_benchmarks"),
        (None, "give an existing .py file"),
    ],
)
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
    assert zoo.get("algorithm", "x/mine") is Mine

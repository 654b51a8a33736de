"""The pages of ``docs/howto`` show what the commands print."""

import ast
import re
import shutil
from pathlib import Path

import pytest

from tests.support.distributions import install
from unlearnzoo.cli import main
from unlearnzoo.training.recipe import STAGES, resolve

ROOT = Path(__file__).parents[1]
PAGES = {path.stem: path.read_text("utf-8") for path in sorted((ROOT / "docs/howto").glob("*.md"))}
NEW = {"algorithm": "my-algo", "benchmark": "six-people", "metric": "word-share"}
MORE = {"benchmark": ["--text"]}


def blocks(page, language=""):
    """Return the fenced blocks of one language."""
    every = re.findall(r"^```(\w*)\n(.*?)^```$", PAGES[page], re.MULTILINE | re.DOTALL)
    return [text for found, text in every if found == language]


def sessions(page, word):
    """Return (arguments, what is printed) of each ``$ unlearnzoo WORD`` of a page."""
    texts = [text for block in blocks(page) for text in re.split(r"^\$ ", block, flags=re.MULTILINE)]
    lines = [text.partition("\n") for text in texts if text.startswith(f"unlearnzoo {word} ")]
    return [(command.split()[1:], printed) for command, _, printed in lines]


def plain(text):
    """Return a text without the folding of its lines."""
    return " ".join(text.split())


@pytest.fixture
def written(tmp_path_factory, monkeypatch):
    """The current folder, with what the pages let be written; returns the flags that load it."""
    folder = tmp_path_factory.mktemp("work")
    monkeypatch.chdir(folder)
    files = []
    for kind, name in NEW.items():
        assert main(["new", kind, name, *MORE.get(kind, [])]) == 0
        files.append(f"--plugin=unlearnzoo-{name}/unlearnzoo_{name.replace('-', '_')}.py")
    return files


@pytest.mark.parametrize("page", NEW)
def test_what_new_prints(site, tmp_path_factory, monkeypatch, capsys, page):
    monkeypatch.chdir(tmp_path_factory.mktemp("work"))
    ((arguments, printed),) = sessions(page, "new")
    assert main(arguments) == 0
    assert capsys.readouterr().out == printed


@pytest.mark.parametrize("page", NEW)
def test_what_show_prints(site, written, capsys, page):
    """But for the first line: the pages install, here it is a file."""
    ((arguments, printed),) = sessions(page, "show")
    capsys.readouterr()
    assert main([*arguments, *written]) == 0
    found = capsys.readouterr().out.splitlines()
    assert found[1:] == printed.splitlines()[1:]
    assert found[0].split(" of ")[0] == printed.split(" of ")[0]


def test_what_a_dry_run_of_the_benchmark_prints(written, capsys):
    expect_plan("benchmark", written, capsys)


@pytest.mark.slow
def test_what_a_dry_run_of_the_algorithm_prints(written, capsys):
    expect_plan("algorithm", written, capsys)


@pytest.mark.slow
def test_what_a_dry_run_with_the_metric_prints(written, capsys):
    """By its file the metric's full name has the file's name in it."""
    (source,) = blocks("metric", "python")
    Path("words.py").write_text(source.replace("unlearnzoo-word-share/", "unlearnzoo_word_share/"))
    expect_plan("metric", written, capsys)


def expect_plan(page, files, capsys):
    ((arguments, printed),) = sessions(page, "run")
    capsys.readouterr()
    assert main([*arguments, *files]) == 0
    found = plain(capsys.readouterr().err)
    for part in printed.split("…"):
        assert plain(part) in found


@pytest.fixture
def model(site):
    """The page's model plugin, installed with the embedded checkpoint."""
    tiny = pytest.importorskip("unlearnzoo_tiny")
    (source,) = blocks("model", "python")
    install(site, "unlearnzoo-my-llava", source, entry="my-llava", group="unlearnzoo.models", attribute="MODEL")
    shutil.copytree(tiny.MODEL.folder, site / "checkpoint")
    return site


def test_what_show_prints_of_the_model(model, capsys):
    ((arguments, printed),) = sessions("model", "show")
    assert main(arguments) == 0
    found = capsys.readouterr().out
    recipe = re.search(r"^Recipe\n.*?\n\n", printed, re.MULTILINE | re.DOTALL)
    assert recipe is not None
    assert recipe[0] in found
    assert found.endswith(f"Folder\n  {model / 'checkpoint'}\n")


def test_the_models_recipe_is_one_that_the_stages_take():
    (source,) = blocks("model", "python")
    card = re.search(r"recipe=(\{.*\}),\n\)", source, re.DOTALL)
    assert card is not None
    recipe = ast.literal_eval(card[1])
    assert resolve("learn", STAGES["learn"], {"model": recipe["learn"]})[0].epochs == 20
    assert resolve("unlearn", STAGES["unlearn"], {"model": recipe["unlearn"]})[0].steps == 20


def test_links_lead_somewhere():
    for page, text in PAGES.items():
        for link in re.findall(r"\]\(([^)#]+)", text):
            assert link.startswith("https://") or (ROOT / "docs/howto" / link).exists(), f"{page}: {link}"

"""``unlearnzoo new``: what it writes works as it is, and what it refuses leaves nothing behind."""

import configparser
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.support.distributions import algorithm, install
from unlearnzoo import __version__
from unlearnzoo.cli import main
from unlearnzoo.training.recipe import STAGES, resolve

ROOT = Path(__file__).parents[2]
KINDS = ("algorithm", "benchmark", "metric", "model")
CLASSES = KINDS[:3]
LAST = {
    "algorithm": "unlearnzoo run --algo my-own --bench remem",
    "benchmark": "unlearnzoo run --algo ga --bench my-own --recipe paper --dry-run",
    "metric": "python -m pytest ./unlearnzoo-my-own",
    "model": "unlearnzoo run --algo ga --bench remem --model my-own --dry-run",
}
HUB = ["--checkpoint", "llava-hf/llava-1.5-7b-hf"]
MORE = {"model": HUB}
FILES = ["README.md", "pyproject.toml", "setup.cfg", "tests/test_my_own.py", "unlearnzoo_my_own.py"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty current folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """A folder with one plugin of each kind, of different names, and a benchmark without pictures."""
    folder = tmp_path_factory.mktemp("three")
    for kind in KINDS:
        assert main(["new", kind, f"my-{kind}", "--into", str(folder), *MORE.get(kind, [])]) == 0
    assert main(["new", "benchmark", "my-text", "--into", str(folder), "--text"]) == 0
    return folder


def module(folder, kind):
    return folder / f"unlearnzoo-my-{kind}" / f"unlearnzoo_my_{kind}.py"


def everything(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize("kind", KINDS)
def test_five_files_and_three_commands(site, here, capsys, kind):
    assert main(["new", kind, "my-own", *MORE.get(kind, [])]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines() == ["pip install -e ./unlearnzoo-my-own", "unlearnzoo show my-own", LAST[kind]]
    assert captured.err == ""
    assert everything(here) == [f"unlearnzoo-my-own/{path}" for path in FILES]
    assert [p.name for p in here.iterdir()] == ["unlearnzoo-my-own"]
    written = here / "unlearnzoo-my-own"
    assert "$" not in "".join(p.read_text() for p in written.rglob("*") if p.is_file())
    assert len((written / "pyproject.toml").read_text().splitlines()) == 3


def test_an_algorithm_of_two_phases(site, here, capsys):
    assert main(["new", "algorithm", "my-own", "--two-phase"]) == 0
    assert everything(here) == [f"unlearnzoo-my-own/{path}" for path in FILES]
    written = here / "unlearnzoo-my-own"
    assert "$" not in "".join(p.read_text() for p in written.rglob("*") if p.is_file())
    capsys.readouterr()
    assert main(["show", "my-own", "--json", "--plugin", str(written / "unlearnzoo_my_own.py")]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert [o["name"] for o in facts["options"]] == ["first_steps"] and "Two phases" in facts["doc"]
    assert facts["phases"] == [
        {"name": "repair", "inputs": ["retain"], "steps": 10},
        {"name": "forget", "inputs": ["forget"], "steps": None},
    ]
    assert [i["name"] for i in facts["inputs"]] == ["forget", "retain"]
    assert main(["show", "my-own", "--plugin", str(written / "unlearnzoo_my_own.py")]) == 0
    told = capsys.readouterr().out
    assert "repair  10 steps             on retain\n" in told and "forget  steps of the recipe  on forget\n" in told


@pytest.mark.parametrize(
    ("kind", "flags", "told"),
    [
        ("metric", ["--two-phase"], "--two-phase is for an algorithm; drop it for a metric"),
        ("algorithm", ["--text"], "--text is for a benchmark; drop it for an algorithm"),
        ("benchmark", HUB, "--checkpoint is for a model; drop it for a benchmark"),
        ("model", [*HUB, "--text"], "--text is for a benchmark; drop it for a model"),
        ("model", [], "add --checkpoint DIR, or --checkpoint owner/name"),
        ("model", ["--checkpoint", "nowhere"], "--checkpoint nowhere: no such folder, and no name on the hub"),
        ("model", ["--checkpoint", "a/b/c"], "--checkpoint a/b/c: no such folder, and no name on the hub"),
        ("model", ["--checkpoint", 'a/b"+c'], "no such folder, and no name on the hub"),
        ("model", ["--checkpoint", "."], "--checkpoint .: no config.json in it; name the folder of a model"),
    ],
)
def test_a_flag_of_another_kind_and_a_checkpoint_that_is_none(site, here, capsys, kind, flags, told):
    refused(["new", kind, "a", *flags], 2, told, capsys)
    assert not list(here.iterdir())


@pytest.mark.parametrize("folder", ["plain", 'it\'s "so" \\ $name {x}', "ümlaut"])
def test_a_model_is_around_a_folder_or_a_name_on_the_hub(site, here, folder):
    """The folder is told whole: the plugin is found from anywhere."""
    (here / folder).mkdir()
    (here / folder / "config.json").write_text("{}")
    assert main(["new", "model", "own", "--checkpoint", folder]) == 0
    assert main(["new", "model", "hub", *HUB]) == 0
    cards = [runpy.run_path(str(here / f"unlearnzoo-{name}/unlearnzoo_{name}.py"))["MODEL"] for name in ("own", "hub")]
    assert [card.folder for card in cards] == [here.resolve() / folder, HUB[1]]
    for stage in ("learn", "unlearn"):
        # The values to start from are those that the stages have.
        assert resolve(stage, STAGES[stage], {"model": cards[0].recipe[stage]})[0] == STAGES[stage].configure({})


def test_a_benchmark_has_pictures_or_none(three):
    """Those of different people differ, and are the same each time."""
    found = {}
    for name in ("benchmark", "text"):
        bench = runpy.run_path(str(module(three, name)))[f"My{name.capitalize()}"]()
        rows = bench.learn_pool()
        found[name] = {(e.identity, tuple(image.key for image in e.images)) for e in rows}
        assert bench.fingerprint() == type(bench)().fingerprint() and len(found[name]) == 6
    assert {keys for _, keys in found["text"]} == {()}
    pictures = [keys for _, keys in found["benchmark"]]
    assert len(set(pictures)) == 6 and {len(keys) for keys in pictures} == {1}


@pytest.mark.parametrize(("into", "told"), [("sub", "./sub/unlearnzoo-a"), ("a b", "'./a b/unlearnzoo-a'")])
def test_another_folder(site, here, capsys, into, told):
    (here / into).mkdir()
    assert main(["new", "metric", "a", "--into", into]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert (lines[0], lines[2]) == (f"pip install -e {told}", f"python -m pytest {told}")
    assert (here / into / "unlearnzoo-a" / "unlearnzoo_a.py").is_file()


def test_an_empty_folder_is_filled_and_has_the_usual_permissions(site, here):
    for name in ("one", "unlearnzoo-two"):
        (here / name).mkdir()
    assert main(["new", "metric", "two"]) == 0
    assert (here / "unlearnzoo-two/setup.cfg").is_file()
    assert (here / "unlearnzoo-two").stat().st_mode == (here / "one").stat().st_mode


def test_an_algorithm_takes_30_lines(three):
    assert len(module(three, "algorithm").read_text().splitlines()) <= 30


def test_what_is_written_compiles_and_is_clean(three):
    for path in three.rglob("*.py"):
        compile(path.read_text(), path, "exec")
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", "--config", str(ROOT / ".ruff.toml"), "."],
        cwd=three,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_the_package_is_made_for_this_core(three, kind):
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(module(three, kind).with_name("setup.cfg"), "utf-8")
    needed = {r.name: r for r in map(Requirement, setup["options"]["install_requires"].split())}
    more = {"unlearnzoo-metrics", "pillow"} if kind == "benchmark" else set()
    assert set(needed) == {"unlearnzoo", *more}
    assert needed["unlearnzoo"].specifier.contains(__version__)
    assert not needed["unlearnzoo"].specifier.contains("1.0")
    group, what = ("unlearnzoo.models", ":MODEL") if kind == "model" else ("unlearnzoo", "")
    assert setup["options.entry_points"][group].strip() == f"my-{kind} = unlearnzoo_my_{kind}{what}"


@pytest.mark.parametrize(
    ("kind", "cls"), [("algorithm", "MyAlgorithm"), ("benchmark", "MyBenchmark"), ("metric", "MyMetric")]
)
def test_it_is_shown(site, three, capsys, kind, cls):
    path = module(three, kind)
    assert main(["show", f"my-{kind}", "--json", "--plugin", str(path)]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["kind"], facts["name"]) == (kind, f"my-{kind}")
    assert len(facts["doc"].splitlines()) > 2
    assert f"class {cls}(" in path.read_text()


def test_a_benchmark_is_accepted_by_each_kind_of_algorithm_and_by_a_new_one(three, capsys):
    """DPO asks for refusals, NPO for a reference, the new one for retain answers."""
    files = [f"--plugin={module(three, kind)}" for kind in ("algorithm", "benchmark")]
    assert (
        main(
            [
                "run",
                "--algo",
                "dpo,npo,my-algorithm",
                "--bench",
                "my-benchmark",
                "--recipe",
                "paper",
                "--dry-run",
                "--json",
                *files,
            ]
        )
        == 0
    )
    plan = json.loads(capsys.readouterr().out)
    pools = {name: (pool["rows"], pool["identities"]) for name, pool in plan["pools"].items()}
    assert pools == {"learn": (18, 6), "forget": (6, 2), "retain": (12, 4)}
    assert plan["algorithms"]["my-algorithm"]["inputs"] == ["forget", "retain"]
    assert plan["learn"]["origins"]["epochs"] == "recipe paper"


#: The contract's checks take a minute; ``tests/test_new_installs.py`` runs them, installed.
NO_CHECKS = """
import unlearnzoo.testing as kit
kit.unlearner_checks = kit.benchmark_checks = kit.metric_checks = lambda cls: []
"""


def test_the_authors_own_tests_pass(three, tmp_path):
    (tmp_path / "no_checks.py").write_text(NO_CHECKS)
    folders = [module(three, kind).parent for kind in (*CLASSES, "text")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no_checks", *map(str, folders)],
        cwd=three,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [ROOT, tmp_path, *folders]))},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "21 passed, 4 skipped" in done.stdout


@pytest.mark.parametrize("name", ["My", "1a", "a_b", "a-", "a--b", "-a", "", "ä", "a.b", "a/b", "../a", "a\n", "a b"])
def test_a_name_that_is_none_is_refused(site, here, capsys, name):
    refused(["new", "metric", "--", name], 2, f"name {name!r}: use lower-case letters, digits", capsys)
    assert not list(here.parent.rglob("*.*"))


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("class", "Class"),
        ("lambda", "Lambda"),
        ("none", "None"),
        ("key-error", "KeyError"),
        ("unlearner", "Unlearner"),
        ("lazy-image", "LazyImage"),
    ],
)
def test_a_name_that_python_or_the_core_uses_is_refused(site, here, capsys, name, cls):
    refused(["new", "algorithm", name], 2, f"name {name!r}, class {cls}: Python or unlearnzoo uses one", capsys)


def test_a_name_in_use_is_refused_and_says_by_whom(site, here, capsys):
    install(site, "ant-tools", algorithm("ant"), entry="tools", version="2.1")
    install(site, "other-ant", algorithm("ant"), entry="ant")
    install(site, "unlearnzoo-full", algorithm("empty"), entry="full")
    install(site, "unlearnzoo-small", "card = 7", entry="small", group="unlearnzoo.models", attribute="card")
    for kind in ("algorithm", "metric"):
        refused(["new", kind, "ant"], 2, "name 'ant' is taken: ant-tools 2.1 provides algorithm ant", capsys)
    refused(["new", "metric", "full"], 2, "'full' is taken: unlearnzoo-full 1.0 is installed already", capsys)
    refused(["new", "metric", "small"], 2, "'small' is taken: unlearnzoo-small 1.0 provides model small", capsys)
    refused(["new", "metric", "learn"], 2, "'learn' is taken by a stage of every run", capsys)
    assert not list(here.iterdir())


def test_a_plugin_that_is_switched_off_is_still_there(site, here, capsys, monkeypatch):
    install(site, "unlearnzoo-ant", algorithm("ant"), entry="ant")
    monkeypatch.setenv("UNLEARNZOO_PLUGINS", "")
    refused(["new", "algorithm", "ant"], 2, "'ant' is taken: unlearnzoo-ant 1.0 is installed already", capsys)


def folder_with_a_file(path):
    path.mkdir()
    (path / "mine.txt").write_text("mine")


@pytest.mark.parametrize(
    "there",
    [
        folder_with_a_file,
        lambda path: path.write_text("mine"),
        lambda path: path.symlink_to("nowhere"),
        lambda path: path.symlink_to(path.parent.parent, target_is_directory=True),
    ],
)
def test_nothing_is_overwritten(site, here, capsys, there):
    there(here / "unlearnzoo-a")
    before = everything(here.parent)
    refused(["new", "metric", "a"], 1, "unlearnzoo-a: exists already, and nothing is overwritten", capsys)
    assert everything(here.parent) == before


def test_a_folder_that_is_not_there(site, here, capsys):
    refused(["new", "metric", "a", "--into", "nowhere"], 2, "--into nowhere: no such folder; make it first", capsys)
    (here / "file").write_text("")
    refused(["new", "metric", "a", "--into", "file"], 2, "--into file: no such folder", capsys)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that root cannot write to")
def test_a_folder_that_cannot_be_written(site, here, capsys):
    refused(["new", "metric", "a", "--into", "/proc"], 1, "/proc/unlearnzoo-a: cannot be written", capsys)


def test_a_failure_on_the_way_leaves_nothing(site, here, capsys):
    """The folder's name is just short enough, a file's in it is not."""
    name = "a" * (255 - len("unlearnzoo-"))
    refused(["new", "metric", name], 1, "cannot be written: File name too long", capsys)
    assert not list(here.iterdir())


def test_a_kind_that_cannot_be_written(capsys):
    refused(["new", "stage", "a"], 2, "'stage' is not one of 'algorithm', 'benchmark', 'metric', 'model'", capsys)


def refused(line, code, text, capsys):
    """Expect one line on stderr, nothing on stdout."""
    assert main(line) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("Error: ")
    assert captured.err.count("\n") == 1
    assert text in captured.err

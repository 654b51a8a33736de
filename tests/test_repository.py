"""What the repository promises of itself: five files per plugin, fitting versions, a set-up that is done once."""

import ast
import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PLUGINS = sorted(ROOT.glob("plugins/*/setup.cfg"))
SETUPS = [ROOT / "setup.cfg", *PLUGINS]
#: No part of the default set-up.
APART = ROOT / "plugins/unlearnzoo-smollm2/setup.cfg"
ALGORITHMS = ("dpo", "ga", "gd", "kl", "npo")


def read(path):
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(path, "utf-8")
    return parser


def requirements(path):
    options = read(path)
    texts = [options["options"]["install_requires"]]
    if options.has_section("options.extras_require"):
        extras = options["options.extras_require"]
        texts += [extras[extra] for extra in (("dev", "docs", "judge") if path.parent == ROOT else extras)]
    return [Requirement(line) for text in texts for line in text.splitlines() if line.strip()]


def constraints():
    lines = (ROOT / "requirements/constraints.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


@pytest.mark.parametrize("path", SETUPS, ids=lambda p: p.parent.name)
def test_every_requirement_is_pinned_within_its_range(path):
    pinned = {canonicalize_name(name): version for name, version in constraints().items()}
    for one in requirements(path):
        if not one.name.startswith("unlearnzoo"):
            assert canonicalize_name(one.name) in pinned, f"{one.name} is missing from requirements/constraints.txt"
            assert one.specifier.contains(pinned[canonicalize_name(one.name)]), (
                f"{one} does not allow {pinned[canonicalize_name(one.name)]}"
            )


def test_torch_is_pinned_first():
    assert list(constraints())[0] == "torch"
    assert constraints()["torch"] == "2.13.0"


@pytest.mark.parametrize("path", PLUGINS, ids=lambda p: p.parent.name)
def test_a_plugin_is_made_for_this_core_and_found_by_entry_point(path):
    options = read(path)
    assert options["metadata"]["name"] == path.parent.name
    assert "unlearnzoo>=0.2,<0.3" in {str(r).replace("<0.3,>=0.2", ">=0.2,<0.3") for r in requirements(path)}
    assert any(key.startswith("unlearnzoo") for key in options["options.entry_points"])
    assert options["options"]["python_requires"] == ">=3.11"


@pytest.mark.parametrize("name", ALGORITHMS)
def test_an_algorithm_has_the_same_five_files_and_under_60_lines(name):
    folder = ROOT / "plugins" / f"unlearnzoo-{name}"
    made = re.compile(r"(^|/)(build|__pycache__|[^/]*\.egg-info)(/|$)")
    paths = (str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    written = sorted(path for path in paths if not made.search(path))
    assert written == sorted(
        ["README.md", "pyproject.toml", "setup.cfg", f"tests/test_{name}.py", f"unlearnzoo_{name}.py"]
    )
    assert len((folder / f"unlearnzoo_{name}.py").read_text().splitlines()) < 60
    assert len((folder / "README.md").read_text().splitlines()) > 5


def test_no_module_is_longer_than_300_lines():
    modules = [*ROOT.glob("unlearnzoo/**/*.py"), *ROOT.glob("plugins/*/unlearnzoo_*/**/*.py")]
    long = {str(p.relative_to(ROOT)): n for p in modules if (n := len(p.read_text("utf-8").splitlines())) > 300}
    assert not long


def names_any(path):
    """Count the names ``Any`` of a file, imports apart, in quoted annotations too; and its lines of code."""
    text = path.read_text("utf-8")
    imported = {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for line in range(node.lineno, node.end_lineno + 1)
    }
    code = [line for i, line in enumerate(text.splitlines(), 1) if i not in imported]
    return (
        sum(len(re.findall(r"\bAny\b", line)) for line in code),
        sum(bool(line.strip()) and not line.lstrip().startswith("#") for line in text.splitlines()),
    )


def test_types_of_the_core_say_something():
    """Less than one ``Any`` per 100 lines that are neither blank nor a comment."""
    counts = [names_any(path) for path in ROOT.glob("unlearnzoo/**/*.py")]
    assert 100 * sum(found for found, _ in counts) / sum(lines for _, lines in counts) < 1.0


def test_no_folder_of_the_core_holds_several_trades():
    """More than 16 modules are hard to take in; commands are one file each."""
    folders = [p for p in ROOT.glob("unlearnzoo/**/") if p.name not in ("cli", "__pycache__")]
    assert not {str(p.relative_to(ROOT)): n for p in folders if (n := len(list(p.glob("*.py")))) > 16}


@pytest.fixture
def copy(tmp_path):
    """All that the Makefile's set-up depends on."""
    if shutil.which("make") is None:
        pytest.skip("there is no make")
    for path in [ROOT / "Makefile", ROOT / "requirements/constraints.txt", *SETUPS]:
        target = tmp_path / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return tmp_path


def steps(folder, target):
    """Return what ``make`` would do."""
    # Called by make itself, these would make it print which folder it enters.
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(["make", "-n", target], cwd=folder, capture_output=True, text=True, check=True, env=outside)
    return done.stdout.splitlines()


def finish(folder):
    """Leave what a finished set-up leaves."""
    stamp = next(line.split()[-1] for line in steps(folder, "setup") if line.startswith("touch"))
    for old in folder.glob(".venv/ready-*"):
        old.unlink()
    (folder / stamp).parent.mkdir(exist_ok=True)
    (folder / stamp).touch()


@pytest.mark.parametrize("target", ["run", "test", "test-all", "soak", "lint", "docs"])
def test_make_sets_up_torch_alone_and_first_then_all_plugins_in_one_call(copy, target):
    installs = [line for line in steps(copy, target) if " pip install " in line and "--target .families" not in line]
    assert installs[0].endswith(" torch")
    assert len(installs) == 3
    for path in PLUGINS:
        assert (f"--editable ./plugins/{path.parent.name}/" in installs[2]) == (path != APART)
    assert all("--constraint requirements/constraints.txt" in line for line in installs)


def test_a_second_call_installs_nothing(copy):
    finish(copy)
    assert steps(copy, "run") == [".venv/bin/unlearnzoo run --algo npo --bench remem "]
    side_by_side, alone = steps(copy, "test")[0].split(" && ")
    kind = "not slow and not soak and not families"
    assert side_by_side == f'.venv/bin/python -m pytest -n 2 --dist worksteal -m "{kind} and not alone"'
    assert alone == f'.venv/bin/python -m pytest -m "{kind} and alone"'


def test_torchvision_stays_out_of_the_environment_and_is_what_the_extra_allows(copy):
    installs = [line for line in steps(copy, "families") if " pip install " in line]
    assert [line for line in installs if "torchvision" in line] == [installs[-1]]
    assert " --no-deps --target .families " in installs[-1]
    pinned = dict(word.split("==") for word in installs[-1].split() if "==" in word)
    extras = read(ROOT / "setup.cfg")["options.extras_require"]
    assert set(extras["vision"].splitlines()) <= set(extras["all"].splitlines())
    allowed = [Requirement(line) for line in extras["vision"].split()]
    assert {one.name for one in allowed} == set(pinned)
    assert not [str(one) for one in allowed if not one.specifier.contains(pinned[one.name])]
    finish(copy)
    (stamp,) = (line.split()[-1] for line in steps(copy, "families") if line.startswith("touch"))
    (copy / stamp).parent.mkdir()
    (copy / stamp).touch()
    assert len(steps(copy, "families")) == 1


def add_plugin(folder):
    shutil.copytree(folder / "plugins/unlearnzoo-ga", folder / "plugins/unlearnzoo-new")


def remove_plugin(folder):
    shutil.rmtree(folder / "plugins/unlearnzoo-ga")


def change_version(folder):
    path = folder / "requirements/constraints.txt"
    path.write_text(path.read_text().replace("click==", "click==0"))


@pytest.mark.parametrize("change", [add_plugin, remove_plugin, change_version])
def test_a_change_sets_up_again(copy, change):
    finish(copy)
    change(copy)
    assert any(" pip install " in line for line in steps(copy, "run"))
    finish(copy)
    assert len(steps(copy, "run")) == 1


#: Import name → distribution, where they differ.
DISTRIBUTION_OF = {"PIL": "pillow", "dicebear": "dicebear-core", "faker": "faker", "yaml": "pyyaml"}
#: Comes with one that is required: huggingface_hub with transformers, for example.
BROUGHT_ALONG = {"huggingface-hub"}


def imported(files):
    """Return the distributions that some files import, by normalised name."""
    names = set()
    for path in files:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names.add(node.module.split(".")[0])
    return {canonicalize_name(DISTRIBUTION_OF.get(name, name)) for name in names - sys.stdlib_module_names}


@pytest.mark.parametrize("path", SETUPS, ids=lambda p: p.parent.name)
def test_what_is_imported_is_required(path):
    """A package that only happens to be installed here is missing elsewhere."""
    folder = path.parent
    files = (
        list(folder.glob("unlearnzoo_*.py")) + list(folder.glob("unlearnzoo_*/**/*.py"))
        if folder != ROOT
        else list(ROOT.glob("unlearnzoo/**/*.py"))
    )
    required = {canonicalize_name(one.name) for one in requirements(path)} | BROUGHT_ALONG
    core = {canonicalize_name(one.name) for one in requirements(ROOT / "setup.cfg")}
    own = {
        canonicalize_name(file.stem if file.parent == folder else file.relative_to(folder).parts[0]) for file in files
    }
    lacking = imported(files) - own - required - (core if folder != ROOT else set())
    assert not lacking, f"{folder.name} imports {sorted(lacking)}; add it to install_requires"

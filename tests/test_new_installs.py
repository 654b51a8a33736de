"""What ``unlearnzoo new`` writes installs into a fresh environment and passes its own tests there."""

import json
import os
import re
import subprocess
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
#: What is written, and how; each is called after its kind.
MORE = {
    "two-phase": ["algorithm", "--two-phase"],
    "text": ["benchmark", "--text"],
    "model": ["model", "--checkpoint", str(ROOT / "plugins/unlearnzoo-tiny/unlearnzoo_tiny/checkpoint")],
}
KINDS = ("algorithm", "benchmark", "metric", "model", "text", "two-phase")
NEW = f"""
from unlearnzoo.cli import main
for name in {KINDS}:
    kind, *flags = {MORE}.get(name, [name])
    assert main(["new", kind, f"my-{{name}}", *flags]) == 0
"""

pytestmark = pytest.mark.slow


def run(python, *arguments, cwd, **surroundings):
    """Run the fresh environment's Python with this repository's core; return what it prints."""
    done = subprocess.run(
        [python, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), **surroundings},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """A fresh environment that reads this one's packages, pip among them, so that nothing needs a network."""
    home = tmp_path_factory.mktemp("fresh")
    venv.create(home)
    own = next(home.glob("lib/python*/site-packages"))
    # A mere path would not follow the links of editable installs.
    (own / "borrowed.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    return home / "bin" / "python"


@pytest.fixture(scope="module")
def installed(python, tmp_path_factory):
    """A folder with one plugin of each kind, all installed from there."""
    folder = tmp_path_factory.mktemp("plugins")
    run(python, "-c", NEW, cwd=folder)
    links = [text for kind in KINDS for text in ("--editable", f"./unlearnzoo-my-{kind}")]
    run(python, "-m", "pip", "install", "--quiet", "--no-index", "--no-build-isolation", *links, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def rows(python, installed):
    """What ``unlearnzoo plugins`` says, by distribution."""
    told = json.loads(run(python, "-m", "unlearnzoo", "plugins", "--json", cwd=installed))
    return {row["distribution"]: row for row in told}


@pytest.fixture(scope="module")
def tested(python, installed, shared_folder):
    """What pytest says of all their tests, a line each."""
    return run(
        python,
        "-m",
        "pytest",
        "-v",
        "--rootdir",
        ".",
        "-p",
        "no:cacheprovider",
        *(f"unlearnzoo-my-{kind}" for kind in KINDS),
        cwd=installed,
        UNLEARNZOO_CACHE=str(shared_folder / "cache"),
    ).splitlines()


@pytest.mark.parametrize("kind", KINDS)
def test_its_tests_pass(tested, kind):
    said = [line.split()[1] for line in tested if re.match(rf"unlearnzoo-my-{kind}/\S+::\S+ [A-Z]+ ", line)]
    # No check at all would be one that is skipped.
    assert set(said) == {"PASSED"}


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_found(rows, installed, kind):
    row = rows[f"unlearnzoo-my-{kind}"]
    provided = MORE.get(kind, [kind])[0]
    assert (row["status"], row["provides"]) == ("loaded", [f"{provided} my-{kind}"])
    assert row["where"] == str(installed / f"unlearnzoo-my-{kind}")


def test_they_run_together(python, installed, shared_folder):
    """A dry run of the new algorithms and model on each new benchmark, with the new metric."""
    for bench in ("my-benchmark", "my-text"):
        flags = [
            "--algo",
            "my-algorithm,my-two-phase",
            "--bench",
            bench,
            "--model",
            "my-model",
            "--metric",
            "my-metric",
        ]
        told = run(
            python,
            "-m",
            "unlearnzoo",
            "run",
            *flags,
            "--dry-run",
            "--json",
            cwd=installed,
            UNLEARNZOO_CACHE=str(shared_folder / "cache"),
        )
        plan = json.loads(told)
        assert plan["pools"]["learn"]["images"] == (6 if bench == "my-benchmark" else 0)
        assert plan["unlearn"]["origins"]["lr"] == "model"
        steps = {name: [p["steps"] for p in one["phases"]] for name, one in plan["algorithms"].items()}
        assert steps == {"my-algorithm": [plan["unlearn"]["steps"]], "my-two-phase": [10, plan["unlearn"]["steps"]]}


def test_its_name_is_taken_now(python, installed, tmp_path):
    with pytest.raises(AssertionError, match="'my-metric' is taken: unlearnzoo-my-metric"):
        run(python, "-m", "unlearnzoo", "new", "metric", "my-metric", cwd=tmp_path)
    assert not list(tmp_path.iterdir())

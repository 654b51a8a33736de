"""What ``unlearnzoo new`` writes installs into a fresh environment and passes its own tests there."""

import json
import os
import subprocess
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
KINDS = ("algorithm", "benchmark", "metric")

pytestmark = pytest.mark.slow


def run(python, *arguments, cwd):
    """Run a module under the fresh environment's Python, with this repository's core; return what it prints."""
    done = subprocess.run([python, "-m", *arguments], cwd=cwd, capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONPATH": str(ROOT)})
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
    for kind in KINDS:
        run(python, "unlearnzoo", "new", kind, f"my-{kind}", cwd=folder)
    links = [text for kind in KINDS for text in ("--editable", f"./unlearnzoo-my-{kind}")]
    run(python, "pip", "install", "--quiet", "--no-index", "--no-build-isolation", *links, cwd=folder)
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_its_tests_pass(python, installed, kind):
    out = run(python, "pytest", "-q", "-p", "no:cacheprovider", cwd=installed / f"unlearnzoo-my-{kind}")
    assert " passed" in out
    assert "skipped" not in out  # no check at all would be one that is skipped


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_found(python, installed, kind):
    rows = json.loads(run(python, "unlearnzoo", "plugins", "--json", cwd=installed))
    row = next(row for row in rows if row["distribution"] == f"unlearnzoo-my-{kind}")
    assert (row["status"], row["provides"]) == ("loaded", [f"{kind} my-{kind}"])
    assert row["where"] == str(installed / f"unlearnzoo-my-{kind}")


def test_its_name_is_taken_now(python, installed, tmp_path):
    with pytest.raises(AssertionError, match="'my-metric' is taken: unlearnzoo-my-metric"):
        run(python, "unlearnzoo", "new", "metric", "my-metric", cwd=tmp_path)
    assert not list(tmp_path.iterdir())

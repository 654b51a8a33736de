"""Wheels hold all that an installed unlearnzoo needs, the source tree out of reach."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support import three

ROOT = Path(__file__).parents[1]
NAMES = [".", *sorted(str(p.parent.relative_to(ROOT)) for p in ROOT.glob("plugins/*/setup.cfg"))]
#: Builds all in one process: a source distribution, and from what it holds the wheel, so that neither lacks what the
#: other has. That pip finds the builder by itself is what `make setup` shows.
BUILD = """
import os, sys, tarfile
from pathlib import Path
import setuptools.build_meta as build
target = Path(sys.argv[1])
for folder in sys.argv[2:]:
    os.chdir(folder)
    name = build.build_sdist(str(target / "sdists"))
    with tarfile.open(target / "sdists" / name) as archive:
        archive.extractall(target / "unpacked", filter="data")
    os.chdir(target / "unpacked" / name.removesuffix(".tar.gz"))
    build.build_wheel(str(target / "wheels"))
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A copy of what is built: a build leaves files behind that end up in the next one."""
    source = tmp_path_factory.mktemp("source")
    made = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__")
    for name in ("LICENSE", "README.md", "pyproject.toml", "setup.cfg"):
        shutil.copy(ROOT / name, source)
    for name in ("unlearnzoo", "plugins"):
        shutil.copytree(ROOT / name, source / name, ignore=made)
    return source


@pytest.fixture(scope="module")
def wheels(source, tmp_path_factory):
    """Build all wheels."""
    target = tmp_path_factory.mktemp("built")
    subprocess.run(
        [sys.executable, "-c", BUILD, str(target), *(str(source / name) for name in NAMES)],
        check=True,
        capture_output=True,
    )
    return sorted((target / "wheels").glob("*.whl"))


def test_there_is_one_for_the_core_and_for_each_plugin(wheels):
    assert len(wheels) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_it_holds_every_module_and_nothing_else(wheels, name):
    home = ROOT / name
    begin = home.resolve().name.replace("-", "_") if name != "." else "unlearnzoo"
    wheel = next(w for w in wheels if w.name.startswith(f"{begin}-"))
    held = {n for n in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in n}
    written = (p.relative_to(home) for p in [*home.glob(f"{begin}.py"), *home.glob(f"{begin}/**/*")] if p.is_file())
    assert held == {str(p) for p in written if not any(part.startswith((".", "__pycache__")) for part in p.parts)}


@pytest.fixture(scope="module")
def unlearnzoo(wheels, tmp_path_factory):
    """Return a function that runs the installed wheels, the repository out of reach."""
    site, work = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("work")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--no-index",
            "--target",
            str(site),
            *map(str, wheels),
        ],
        check=True,
    )
    # The folder comes first on the path, so that it hides what is installed as editable.
    environment = {**os.environ, "PYTHONPATH": str(site), "UNLEARNZOO_CACHE": str(work / "cache")}

    def run(*line):
        return subprocess.run(
            [sys.executable, "-m", "unlearnzoo", *line],
            cwd=work,
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        ).stdout

    run.site = site
    return run


def test_installed_wheels_list_all_that_the_repository_provides(unlearnzoo):
    ours = {Path(name).name for name in NAMES[1:]}
    rows = [row for row in json.loads(unlearnzoo("plugins", "--json")) if row["distribution"] in ours]
    assert {row["distribution"] for row in rows} == ours
    assert {row["status"] for row in rows} <= {"loaded", "found"}, rows
    assert {row["where"] for row in rows} == {str(unlearnzoo.site)}


def test_the_main_job_runs_from_wheels(unlearnzoo):
    """It learns; of unlearning one step is enough."""
    (record,) = json.loads(
        unlearnzoo("run", "--algo", "npo", "--bench", "remem", "--json", *three.arguments(**{"unlearn.steps": 1}))
    )
    assert record["status"] == "finished" and record["valid"] is True
    assert record["model"]["source"].startswith(str(unlearnzoo.site))

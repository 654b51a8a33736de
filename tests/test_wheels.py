"""Wheels hold all that an installed unlearnzoo needs, the source tree out of reach."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NAMES = [".", *sorted(str(p.parent.relative_to(ROOT)) for p in ROOT.glob("plugins/*/setup.cfg"))]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """Build all wheels from a copy: a build leaves files behind that end up in the next one."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheels")
    made = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__")
    for name in ("LICENSE", "README.md", "pyproject.toml", "setup.cfg"):
        shutil.copy(ROOT / name, source)
    for name in ("unlearnzoo", "plugins"):
        shutil.copytree(ROOT / name, source / name, ignore=made)
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
                    "--wheel-dir", str(target), *(str(source / name) for name in NAMES)], check=True)
    return sorted(target.glob("*.whl"))


def test_there_is_one_for_the_core_and_for_each_plugin(wheels):
    assert len(wheels) == len(NAMES)


def test_the_core_holds_every_module_and_nothing_else(wheels):
    core = next(w for w in wheels if w.name.startswith("unlearnzoo-"))
    held = {n for n in zipfile.ZipFile(core).namelist() if ".dist-info/" not in n}
    written = (p.relative_to(ROOT) for p in ROOT.glob("unlearnzoo/**/*") if p.is_file())
    assert held == {str(p) for p in written if not any(part.startswith((".", "__pycache__")) for part in p.parts)}


def test_installed_wheels_list_all_that_the_repository_provides(wheels, tmp_path):
    site = tmp_path / "site"
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target",
                    str(site), *map(str, wheels)], check=True)
    # The folder comes first on the path, so that it hides what is installed as editable.
    done = subprocess.run([sys.executable, "-m", "unlearnzoo", "plugins", "--json"], cwd=tmp_path,
                          capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(site)})
    ours = {Path(name).name for name in NAMES[1:]}
    rows = [row for row in json.loads(done.stdout) if row["distribution"] in ours]
    assert {row["distribution"] for row in rows} == ours
    assert {row["status"] for row in rows} <= {"loaded", "found"}, rows
    assert {row["where"] for row in rows} == {str(site)}

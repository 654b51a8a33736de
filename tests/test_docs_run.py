"""The documentation works: the site builds without a warning, and what README and tutorial say to type runs.

The commands run in small: few people, little training, whatever the gate says of it. Whether a page's own options
are accepted, and end in a record, is what is tested here; numbers are tested elsewhere.
"""

import os
import re
import shutil
import subprocess
import sys

import pytest

import unlearnzoo.testing
from tests.support import three
from tests.support.pages import ROOT, blocks

pytestmark = pytest.mark.slow

#: Ten people: 10 % of them is one. What a page sets itself comes later on the line, and wins.
SMALL = three.OPTIONS | {"remem.identities": 10, "learn.epochs": 2}
RUN = "unlearnzoo run --allow-unmemorised " + " ".join(f"--set {name}={value}" for name, value in SMALL.items())


def test_the_site_builds_without_a_warning(tmp_path):
    done = subprocess.run([sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet",
                           "--doctree-dir", str(tmp_path / "trees"), str(ROOT / "docs"), str(tmp_path / "site")],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "site/reference/options.html").read_text("utf-8")
    assert "npo.beta" in page and "unlearn.probe_every" in page
    site = "".join(p.read_text("utf-8") for p in (tmp_path / "site").rglob("*.html"))
    assert "from code:" not in site
    for name in {*unlearnzoo.__all__, *unlearnzoo.testing.__all__} - {"hookimpl"}:
        assert re.search(rf'id="unlearnzoo\.[\w.]+\.{name}"', site), f"{name} is in no reference page"


@pytest.fixture
def shell(tmp_path):
    """Return a function that runs a line in an empty folder, where ``unlearnzoo`` is this checkout's."""
    program = tmp_path / "bin/unlearnzoo"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m unlearnzoo "$@"\n')
    program.chmod(0o755)
    folder = tmp_path / "work"
    folder.mkdir()
    shutil.copytree(ROOT / "examples", folder / "examples")
    path = {"PATH": f"{program.parent}:{os.environ['PATH']}",
            "PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}".rstrip(":")}

    def run(line):
        done = subprocess.run(line, shell=True, cwd=folder, capture_output=True, text=True, check=False,
                              env=os.environ | path)
        assert done.returncode == 0, f"{line}\n{done.stderr[-2000:]}"
        return done.stdout

    run.folder = folder
    return run


@pytest.mark.parametrize("name", ["README.md", "docs/tutorial.md"])
def test_a_page_can_be_followed_from_top_to_bottom(name, shell):
    page = [block for block in blocks(ROOT / name) if block.marker[0] != "not run"]
    for block in page:
        if block.marker[0] == "file":
            (shell.folder / block.marker[1]).write_text(block.text)
    ran = 0
    for block in page:
        if block.language == "python":
            (shell.folder / "block.py").write_text(block.text)
            shell(f'"{sys.executable}" block.py')
        for line in block.commands:
            ran += 1
            assert shell(line.removeprefix(".venv/bin/").replace("unlearnzoo run ", f"{RUN} ", 1)).strip(), line
    assert ran >= 2
    assert len(list((shell.folder / "runs").glob("*/adapter"))) >= 2

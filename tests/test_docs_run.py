"""The documentation works: the site builds without a warning, and what README and tutorial say to type runs.

The commands run in small. Whether a page's own options are accepted, and end in a record, is what is tested here;
numbers are tested elsewhere. In CI there are three people whom a cache already knows, and all lines of a page but one
run in this process, which imports what is heavy once; ``make soak`` has a process per line, as a reader has.
"""

import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import warnings

import pytest

import unlearnzoo.testing
from tests.support import three
from tests.support.pages import ROOT, blocks
from unlearnzoo.cli import main
from unlearnzoo_tiny import MODEL

#: As in ``learned_three``: the tiny checkpoint as a bare folder has no utility rows to replay and to judge.
KNOWN = three.OPTIONS | {"learn.replay": 0}
FEW = {"unlearn.steps": 4, "unlearn.probe_every": 4}
#: What a page says → what runs here, and with what else a dry run takes the page's own. Of the five algorithms these
#: two ask for every input there is; three people have no tenth.
SHORTER = {
    "--algo ga,gd,kl,dpo,npo": ("--algo kl,dpo", ""),
    "--forget 10%": (f"--forget {three.FORGET}", " --set remem.identities=10"),
}
#: Ten people: 10 % of them is one.
SMALL = three.OPTIONS | {"remem.identities": 10, "learn.epochs": 2}


def begin(command, *flags, **values):
    """Return how a line begins. What a page sets itself comes later on the line, and wins."""
    return shlex.join(["unlearnzoo", command, *flags, *[x for k, v in values.items() for x in ("--set", f"{k}={v}")]])


#: Command → how it begins where it runs in small.
IN_CI = {
    "run": begin("run", "--model", str(MODEL.folder), "--recipe", "tiny", "--forget", three.FORGET, **KNOWN | FEW),
    "evaluate": begin(
        "evaluate", "--forget", three.FORGET, **{n: v for n, v in KNOWN.items() if n.startswith("remem.")}
    ),
}
IN_SOAK = {"run": begin("run", "--allow-unmemorised", **SMALL)}


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "sphinx",
            "--fail-on-warning",
            "--keep-going",
            "--quiet",
            "--doctree-dir",
            str(tmp_path / "trees"),
            str(ROOT / "docs"),
            str(tmp_path / "site"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "site/reference/options.html").read_text("utf-8")
    assert "npo.beta" in page and "unlearn.probe_every" in page
    site = "".join(p.read_text("utf-8") for p in (tmp_path / "site").rglob("*.html"))
    assert "from code:" not in site
    for name in {*unlearnzoo.__all__, *unlearnzoo.testing.__all__} - {"hookimpl"}:
        assert re.search(rf'id="unlearnzoo\.[\w.]+\.{name}"', site), f"{name} is in no reference page"


@pytest.fixture
def work(tmp_path, monkeypatch):
    """The current folder, with what the pages take to be there."""
    folder = tmp_path / "work"
    folder.mkdir()
    shutil.copytree(ROOT / "examples", folder / "examples")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def shell(tmp_path, work):
    """Return a function that runs a line, where ``unlearnzoo`` is this checkout's, and returns what it prints."""
    program = tmp_path / "bin/unlearnzoo"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m unlearnzoo "$@"\n')
    program.chmod(0o755)
    path = {
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}".rstrip(":"),
    }

    def run(line):
        done = subprocess.run(line, shell=True, capture_output=True, text=True, check=False, env=os.environ | path)
        assert done.returncode == 0, f"{line}\n{done.stderr[-2000:]}"
        return done.stdout

    return run


@pytest.fixture
def here(work, monkeypatch, capsys):
    """Return a function that runs a line in this process, and returns what it prints."""

    def run(line):
        arguments = shlex.split(line, comments=True)[1:]
        monkeypatch.setattr(sys, "argv", ["unlearnzoo", *arguments])
        with warnings.catch_warnings():
            warnings.simplefilter("default")  # as at a user's
            code = main(arguments)
        out, err = capsys.readouterr()
        assert code == 0, f"{line}\n{err[-2000:]}"
        return out

    return run


def follow(page, work, begins, command, python):
    """Do what a page says from top to bottom; return its commands.

    Args:
        page: its path.
        work: the current folder.
        begins: command → how it begins here.
        command: runs a line as the page has it, and the same in small; returns what the latter prints.
        python: runs a file.
    """
    found = [block for block in blocks(page) if block.marker[0] != "not run"]
    for block in found:
        if block.marker[0] == "file":
            (work / block.marker[1]).write_text(block.text)
    lines = []
    for block in found:
        if block.language == "python":
            (work / "block.py").write_text(block.text)
            python("block.py")
        for line in block.commands:
            lines.append(line.removeprefix(".venv/bin/"))
            word = lines[-1].split()[1]
            first = f"unlearnzoo {word}"
            assert command(lines[-1], lines[-1].replace(first, begins.get(word, first), 1)).strip(), line
    assert len(lines) >= 2 and len(list((work / "runs").glob("*/adapter"))) >= 2
    assert {json.loads(path.read_text())["status"] for path in (work / "runs").glob("*/run.json")} == {"finished"}
    return lines


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "real"), [("README.md", "unlearnzoo run --algo myalgo"), ("docs/tutorial.md", "unlearnzoo runs")]
)
def test_a_page_can_be_followed_from_top_to_bottom(name, real, work, here, shell, warm_cache, monkeypatch):
    """``real``: how the line begins that runs as a process."""
    monkeypatch.setenv("UNLEARNZOO_CACHE", str(warm_cache))

    def command(typed, line):
        for long, (short, more) in SHORTER.items():
            if long in line:
                here(f"{line}{more} --dry-run --json")
                line = line.replace(long, short)
        return (shell if re.match(rf"{real}\b", typed) else here)(line)

    lines = follow(ROOT / name, work, IN_CI, command, lambda file: runpy.run_path(file, run_name="__main__"))
    assert len([line for line in lines if re.match(rf"{real}\b", line)]) == 1


@pytest.mark.soak
@pytest.mark.parametrize("name", ["README.md", "docs/tutorial.md"])
def test_a_page_can_be_followed_process_by_process(name, work, shell):
    follow(
        ROOT / name, work, IN_SOAK, lambda typed, line: shell(line), lambda file: shell(f'"{sys.executable}" {file}')
    )

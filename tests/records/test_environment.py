"""Commit and state of a real checkout."""

import subprocess
import sys

import pytest

from unlearnzoo.records.environment import git, versions


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "a")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "a@b.example")
    (tmp_path / "file").write_text("1")
    for command in (["init", "-q"], ["add", "file"], ["commit", "-qm", "one"]):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True)
    return tmp_path


def test_clean_and_changed(checkout):
    found = git(checkout)
    assert len(found["commit"]) == 40
    assert found["dirty"] is False
    (checkout / "untracked").write_text("x")
    assert git(checkout)["dirty"] is False
    (checkout / "file").write_text("2")
    assert git(checkout) == {"commit": found["commit"], "dirty": True}


def test_a_checkout_cannot_make_us_run_programs(checkout):
    mark = checkout / "ran"
    hook = checkout / "hook"
    hook.write_text(f"#!/bin/sh\ntouch {mark}\n")
    hook.chmod(0o755)
    subprocess.run(["git", "-C", str(checkout), "config", "core.fsmonitor", str(hook)], check=True)
    assert git(checkout) is not None
    assert not mark.exists()


def test_no_commit_no_git_no_folder(tmp_path, monkeypatch):
    subprocess.run(["git", "-C", str(tmp_path), "init", "-q"], check=True)
    assert git(tmp_path) is None
    assert git(tmp_path / "missing") is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git(tmp_path) is None


def test_versions_import_nothing():
    code = "import sys; from unlearnzoo.records.environment import versions; versions(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    assert versions()["python"] == sys.version.split()[0]

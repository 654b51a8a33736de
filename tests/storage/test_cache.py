"""Who uses the cache is known, whoever dies; and it is its owner's alone, whatever the umask."""

import contextlib
import os
import subprocess
import sys
import warnings

import pytest

from tests.runs import bare
from unlearnzoo.cli import main
from unlearnzoo.errors import CacheWarning, RunError
from unlearnzoo.storage import cache
from unlearnzoo.storage.atomic import private_folder
from unlearnzoo.sweeps.state import make_folder
from unlearnzoo.tuning.state import open_state

HOLD = """
import sys
from unlearnzoo.storage import cache
with cache.{how}():
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("UNLEARNZOO_CACHE", str(tmp_path / "cache"))
    return cache.cache_folder()


@contextlib.contextmanager
def another(how):
    """A second process that holds the cache."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD.format(how=how)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        yield process
        process.stdin.close()


def test_any_number_of_processes_use_it_and_nobody_removes_anything_meanwhile(root):
    with another("in_use") as first, cache.in_use(), pytest.raises(RunError) as caught, cache.purging():
        pass
    for number in (first.pid, os.getpid()):
        assert f"process {number} on " in str(caught.value)
    assert "nothing was removed" in str(caught.value)
    with cache.purging():
        pass
    assert [path.name for path in root.iterdir()] == [cache.TAG]


@pytest.mark.parametrize("how", ["in_use", "purging"])
def test_nobody_begins_while_it_is_purged(how):
    with another("purging") as purge, pytest.raises(RunError, match=f"process {purge.pid} on "), getattr(cache, how)():
        pass


def test_a_process_that_was_killed_uses_nothing(root):
    with another("in_use") as process:
        process.kill()
        process.wait()
    assert len(list((root / ".in-use").iterdir())) == 2
    with cache.purging():
        assert len([path for path in (root / ".in-use").iterdir() if path.suffix != ".holder"]) == 1
    assert not (root / ".in-use").exists()


def test_a_purge_that_was_killed_leaves_a_cache_that_is_ours(root):
    with another("purging") as process:
        (root / cache.TAG).unlink()
        process.kill()
        process.wait()
    assert [path.name for path in root.iterdir()] == [".in-use"]
    (cache.cache_folder("targets") / "0123").mkdir()
    assert [path.name for path in cache.contents()] == ["targets", cache.TAG]


def test_who_uses_it_is_no_content(root):
    (root / "targets").mkdir()
    with cache.in_use():
        assert [path.name for path in cache.contents()] == ["targets", cache.TAG]


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_one_that_cannot_be_written_is_used(root):
    root.chmod(0o500)
    with cache.in_use():
        pass


def test_one_in_which_no_file_can_be_made_is_used(root):
    (root / ".in-use").write_text("")
    with cache.in_use():
        pass


@pytest.mark.parametrize("below", ["", "x"])
def test_one_that_cannot_be_made_stops_no_command_that_does_without(tmp_path, monkeypatch, capsys, below):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("UNLEARNZOO_CACHE", str(tmp_path / "file" / below))

    def plan(*arguments, **named):
        raise RunError("enough")

    monkeypatch.setattr("unlearnzoo.planning.make.make_plan", plan)
    assert main(["learn", "--bench", "remem"]) == 1 and capsys.readouterr().err == "Error: enough\n"
    assert main(["purge", "--all", "--yes"]) == 1
    assert f"{tmp_path / 'file' / below}: cannot be written: a part of this path is a file" in capsys.readouterr().err


@pytest.fixture
def no_umask():
    before = os.umask(0)
    yield
    os.umask(before)


def test_folders_and_files_are_the_owners_whatever_the_umask(tmp_path, monkeypatch, no_umask):
    monkeypatch.setenv("UNLEARNZOO_CACHE", str(tmp_path / "a" / "b"))
    private_folder(cache.cache_folder("targets", "0123"))
    with cache.in_use():
        modes = {str(p.relative_to(tmp_path)): p.stat().st_mode & 0o777 for p in [*(tmp_path / "a").rglob("*")]}
    assert modes["a/b/targets/0123"] == modes["a/b/targets"] == modes["a/b"] == 0o700
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700
    assert {mode for name, mode in modes.items() if (tmp_path / name).suffix in (".TAG", ".holder")} == {0o600}


@pytest.mark.slow
def test_all_that_a_run_leaves_is_the_owners_whatever_the_umask(tmp_path, monkeypatch, no_umask):
    monkeypatch.setenv("UNLEARNZOO_CACHE", str(tmp_path / "a" / "cache"))
    line = ["run", "--algo", "ga", "--bench", "remem", "--allow-unmemorised", *bare.arguments()]
    assert (
        main([*line, "--set", "learn.steps=2", "--set", "unlearn.steps=1", "--runs-dir", str(tmp_path / "b/runs")]) == 0
    )
    found = [path for top in "ab" for path in [tmp_path / top, *(tmp_path / top).rglob("*")]]
    assert len(found) > 20
    open_ones = [str(p) for p in found if p.stat().st_mode & 0o777 != (0o700 if p.is_dir() else 0o600)]
    assert open_ones == []


def test_folders_of_sweeps_and_tunings_are_too(tmp_path, no_umask):
    make_folder(tmp_path / "sweeps" / "one")
    open_state(tmp_path / "tune" / "one", {}, {})
    folders = [tmp_path / top / below for top in ("sweeps", "tune") for below in ("", "one")]
    assert [path.stat().st_mode & 0o777 for path in folders] == [0o700] * 4


@pytest.mark.parametrize(("mode", "told"), [(0o700, 0), (0o755, 0), (0o757, 1), (0o777, 1)])
@pytest.mark.parametrize("below", [False, True])
def test_a_folder_that_others_can_write_is_said_once(tmp_path, mode, told, below):
    (tmp_path / "runs" / "one").mkdir(parents=True, mode=0o700)
    (tmp_path / "runs" / "one" if below else tmp_path / "runs").chmod(mode)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        cache.warn_if_shared(tmp_path / "runs", tmp_path / "nowhere")
    assert [w.category for w in found] == [CacheWarning] * told
    assert all(str(w.message).endswith(f"chmod -R go-w {tmp_path / 'runs'}") for w in found)


@pytest.mark.parametrize(("group", "told"), [("ann", 0), ("lab", 1)])
def test_a_group_of_ones_own_is_nobody_else(tmp_path, monkeypatch, group, told):
    """Where each user has a group of the same name, the usual umask lets it write."""
    monkeypatch.setattr("grp.getgrgid", lambda gid: type("", (), {"gr_name": group}))
    monkeypatch.setattr("pwd.getpwuid", lambda uid: type("", (), {"pw_name": "ann"}))
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs").chmod(0o775)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        cache.warn_if_shared(tmp_path / "runs")
    assert len(found) == told


def test_a_command_says_it_once(root, tmp_path, monkeypatch, capsys):
    def plan(*arguments, **named):
        cache.cache_folder("targets")
        raise RunError("enough")

    monkeypatch.setattr("unlearnzoo.planning.make.make_plan", plan)
    for folder in (root, tmp_path / "runs"):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o777)
    assert main(["learn", "--bench", "remem", "--runs-dir", str(tmp_path / "runs")]) == 1
    told = [line for line in capsys.readouterr().err.splitlines() if "others can write there" in line]
    assert [line.rpartition(" ")[2] for line in told] == [str(root), str(tmp_path / "runs")]


def test_the_home_of_nobody_is_one_line(monkeypatch, capsys):
    monkeypatch.setenv("UNLEARNZOO_CACHE", "~nobody-of-this-name/cache")
    assert main(["purge", "--all", "--yes"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("Error: UNLEARNZOO_CACHE ~nobody-of-this-name/cache: there is no such user")

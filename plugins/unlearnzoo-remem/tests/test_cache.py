"""Generated data are whole or absent, whoever is killed, and made once by two processes."""

import functools
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from unlearnzoo import DataError
from unlearnzoo.storage import artifacts
from unlearnzoo_remem.benchmark import ReMem
from unlearnzoo_remem.generate import cache
from unlearnzoo_remem.generate.cache import generated
from unlearnzoo_remem.generate.plan import VERSION, Spec, address

SMALL = Spec(2, 20, views=2)
BENCH = functools.partial(ReMem, identities=2, qa=20, views=2, forget="50%")
CALL = (
    "from unlearnzoo_remem.benchmark import ReMem; "
    "bench = ReMem.configure(dict(identities=2, qa=20, views=2, forget='50%')); "
    "bench.prepare(); print(bench.fingerprint())"
)


def is_whole(place: Path) -> bool:
    return artifacts.damage(place) is None


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNLEARNZOO_CACHE", str(tmp_path))
    return tmp_path


def start(code: str = CALL) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, "-c", code], env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def leftovers(home: Path) -> list[str]:
    return [path.name for path in (home / "remem").iterdir() if path.name.endswith(".part")]


def test_two_processes_at_once_make_one(own_cache: Path) -> None:
    racers = [start(), start()]
    prints = {racer.communicate(timeout=120)[0] for racer in racers}
    assert [racer.returncode for racer in racers] == [0, 0]
    assert len(prints) == 1
    assert is_whole(own_cache / "remem" / address(SMALL))
    assert not leftovers(own_cache)


def test_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    place = generated(SMALL)
    monkeypatch.setattr(cache, "write", lambda *args: pytest.fail("written again"))
    assert generated(SMALL) == place


def test_a_killed_process_leaves_no_data(own_cache: Path) -> None:
    slow = "import unlearnzoo.storage.artifacts as a, time; a.write_sums = lambda folder: time.sleep(60); "
    process = start(slow + CALL)
    while not (own_cache / "remem").is_dir() or not leftovers(own_cache):
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    place = own_cache / "remem" / address(SMALL)
    assert not place.exists()
    assert generated(SMALL) == place
    assert is_whole(place)
    assert not leftovers(own_cache)


@pytest.mark.parametrize("damage", ["cut", "gone", "unstamped", "empty"])
def test_damaged_data_are_made_again(damage: str) -> None:
    place = generated(SMALL)
    file = place / "data" / "test-00000-of-00001.parquet"
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:-7])
    elif damage == "gone":
        file.unlink()
    elif damage == "unstamped":
        (place / artifacts.SUMS).write_text("{")
    else:
        shutil.rmtree(place)
        place.mkdir()
    assert not is_whole(place)
    assert is_whole(generated(SMALL))


def test_address_goes_by_what_is_asked_for() -> None:
    specs = [Spec(), Spec(3), Spec(qa=20), Spec(single=0.5), Spec(views=5), Spec(seed=1)]
    assert len({address(spec) for spec in specs}) == len(specs)
    assert address(Spec()).startswith("20x100-seed0-")
    assert VERSION >= 1


def test_a_cache_that_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("UNLEARNZOO_CACHE", str(tmp_path / "file" / "below"))
    with pytest.raises(DataError, match="set UNLEARNZOO_CACHE"):
        BENCH().prepare()


def test_a_full_disk_is_said_and_leaves_nothing(own_cache: Path) -> None:
    # A limit on the size of a file stands in for the disk; Arrow's own writer would abort.
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)); "
    process = start(limited + CALL)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "the data cannot be read or kept: [Errno 27] File too large; make room" in stderr
    assert not leftovers(own_cache)
    assert not (own_cache / "remem" / address(SMALL)).exists()

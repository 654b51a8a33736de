"""Two processes that want the same part of the cache: one makes it, the other waits and finds it."""

import subprocess
import sys

from unlearnzoo.storage.artifacts import exclusive

MAKER = """
import sys, time
from pathlib import Path
from unlearnzoo.storage.artifacts import exclusive
place = Path(sys.argv[1])
with exclusive(place):
    if place.exists():
        print("found")
    else:
        time.sleep(0.5)
        place.write_text("whole")
        print("made")
"""


def test_one_makes_and_the_others_find(tmp_path):
    makers = [
        subprocess.Popen([sys.executable, "-c", MAKER, tmp_path / "target"], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert sorted(m.communicate(timeout=30)[0].strip() for m in makers) == ["found", "found", "made"]


def test_a_process_that_was_killed_holds_no_lock(tmp_path):
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom unlearnzoo.storage.artifacts import exclusive\n"
        "with exclusive(Path(sys.argv[1])):\n    os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "target"])
    with exclusive(tmp_path / "target"):
        pass


def test_without_a_place_for_the_lock_there_is_none(tmp_path):
    with exclusive(tmp_path / "file" / "target"):
        pass
    (tmp_path / "plain").write_text("")
    with exclusive(tmp_path / "plain" / "target"):
        pass

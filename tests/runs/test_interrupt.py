"""Ctrl-C in each stage of a real process: one line, a record that says so, nothing half-written."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.support import three

#: What the run says when the stage before is over, and how long after that Ctrl-C comes (seconds).
MOMENTS = {"loading and learning": ("columns", 4.0), "learning": ("columns", 9.0),
           "judging": ("stage 1: ", 0.5), "unlearning": ("gate, test", 1.0), "evaluating": ("stage 2: gd: ", 0.3)}


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_ctrl_c(moment, tmp_path):
    line, wait = MOMENTS[moment]
    runs, cache = tmp_path / "runs", tmp_path / "cache"
    command = [sys.executable, "-m", "unlearnzoo", "run", "--algo", "gd", "--bench", "remem", "--runs-dir", str(runs),
               *three.arguments()]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True,
                               env=os.environ | {"UNLEARNZOO_CACHE": str(cache)})
    seen = []
    for text in process.stderr:
        seen.append(text)
        if line in text:
            break
    time.sleep(wait)
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=60)[1]
    # A shell shows 130 for both: Python ends itself by the signal where Ctrl-C came inside an `exec`.
    assert process.returncode in (130, -signal.SIGINT), "".join(seen) + rest
    assert rest.strip().splitlines()[-1] == "Interrupted" and "Traceback" not in rest
    (folder,) = runs.iterdir()
    record = json.loads((folder / "run.json").read_text())
    assert record["status"] == "interrupted"
    assert not [p for p in (*runs.rglob("*"), *cache.rglob("*")) if ".new-" in p.name or p.suffix == ".tmp"]

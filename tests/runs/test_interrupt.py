"""Ctrl-C in each stage of a real process: one line, a record that says so, nothing half-written."""

import json
import shutil
import signal

import pytest

from tests.runs import bare
from tests.support.resuming import signalled

pytestmark = pytest.mark.alone

#: Stage → what is on the disk once it is at work, in the folder of records and in the cache; and what of the cache
#: is there before.
MOMENTS = {
    "loading": (lambda runs, cache: any(runs.glob("*/run.json")), "remem"),
    "learning": (lambda runs, cache: any(cache.glob("targets/*-partial/0*.json")), "remem"),
    "judging": (lambda runs, cache: any(cache.glob("judged/*.parquet")), "remem targets"),
    "unlearning": (lambda runs, cache: any(runs.glob("*/checkpoint/0*.json")), "remem targets judged"),
    "evaluating": (lambda runs, cache: any(runs.glob("*/checkpoint/judged-*.parquet")), "remem targets judged"),
}
IN_CI = {"learning", "unlearning", "evaluating"}


@pytest.mark.parametrize(
    "moment", [pytest.param(name, marks=pytest.mark.slow if name in IN_CI else pytest.mark.soak) for name in MOMENTS]
)
def test_ctrl_c(moment, learned_three, tmp_path):
    happened, known = MOMENTS[moment]
    runs, cache = tmp_path / "runs", tmp_path / "cache"
    for name in known.split():
        shutil.copytree(learned_three / name, cache / name)
    code, told = signalled(
        [
            "run",
            "--algo",
            "gd",
            "--bench",
            "remem",
            "--runs-dir",
            runs,
            *bare.arguments(**{"unlearn.steps": 16}),
            "--checkpoint-every",
            "2",
        ],
        cache,
        lambda: happened(runs, cache),
        signal.SIGINT,
    )
    # A shell shows 130 for both: Python ends itself by the signal where Ctrl-C came inside an `exec`.
    assert code in (130, -signal.SIGINT), told
    assert told.strip().splitlines()[-1] == "Interrupted" and "Traceback" not in told
    (folder,) = runs.iterdir()
    record = json.loads((folder / "run.json").read_text())
    assert record["status"] == "interrupted"
    stages = [name for name, (found, _) in MOMENTS.items() if found(runs, cache)]
    assert moment in stages and (moment in ("loading", "learning")) == (not list(cache.glob("targets/*/*.sha256")))
    assert not [p for p in (*runs.rglob("*"), *cache.rglob("*")) if ".new-" in p.name or p.suffix == ".tmp"]

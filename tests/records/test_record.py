"""The record: what it holds, how it ends, and what survives."""

import json
import math
import stat
import threading
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.samples import sample
from unlearnzoo.errors import Diverged, GateError, RunError
from unlearnzoo.records import store
from unlearnzoo.records.record import Record

FIELDS = {
    "schema",
    "status",
    "time",
    "valid",
    "algorithm",
    "benchmark",
    "model",
    "seed",
    "target_seed",
    "command",
    "versions",
    "git",
    "plan",
    "gate",
    "results",
    "curve",
    "matched",
    "seconds",
    "error",
}


def opened(folder, **fields):
    return Record.open(folder, algo="npo", bench="remem", **fields)


def on_disk(record):
    return json.loads((record.folder / "run.json").read_text("utf-8"))


def test_everything_is_there_from_the_start(tmp_path):
    record = opened(tmp_path / "runs", seed=3, algorithm={"name": "npo"})
    found = on_disk(record)
    assert set(found) == FIELDS
    assert (found["schema"], found["status"], found["valid"]) == (2, "started", None)
    assert (found["seed"], found["algorithm"]) == (3, {"name": "npo"})
    assert datetime.fromisoformat(found["time"]).utcoffset().total_seconds() == 0


def test_folder_is_named_by_time_algorithm_benchmark_and_hash(tmp_path):
    record = opened(tmp_path)
    time, algo, bench, config = record.folder.name.split("_")
    datetime.strptime(time, "%Y-%m-%dT%H-%M-%SZ")
    assert (algo, bench) == ("npo", "remem")
    assert int(config, 16) >= 0
    assert len(config) == 8


def test_hash_is_of_what_was_resolved(tmp_path):
    def config(**fields):
        return opened(tmp_path, **fields).folder.name.split("_")[3].partition("-")[0]

    one = config(seed=1, plan={"a": 1, "b": 2}, command="x")
    assert config(seed=1, plan={"b": 2, "a": 1}, command="y", arguments={"set": {}}) == one
    assert config(seed=2, plan={"a": 1, "b": 2}, command="x") != one


def test_names_cannot_leave_the_folder(tmp_path):
    record = Record.open(tmp_path / "runs", algo="../../x", bench="a/b")
    assert record.folder.parent == tmp_path / "runs"


def test_only_the_owner_sees_it(tmp_path):
    record = opened(tmp_path / "deep" / "runs")
    record.step({"step": 1})
    record.samples([sample(1.0)])
    assert stat.S_IMODE(record.folder.stat().st_mode) == 0o700
    for file in record.folder.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_many_in_one_second_do_not_collide(tmp_path):
    found, threads = [], []
    for _ in range(8):
        threads.append(threading.Thread(target=lambda: found.append(opened(tmp_path).folder)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 8


def test_steps_and_samples(tmp_path):
    with opened(tmp_path) as record:
        record.step({"step": 1, "loss": 0.5})
        record.step({"step": 2, "loss": math.nan})
        record.samples([sample(1.0)])
        record.finish(results=[{"mean": 1.0}])
    lines = (record.folder / "steps.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [{"step": 1, "loss": 0.5}, {"step": 2, "loss": None}]
    assert store.samples(record.data) == [sample(1.0)]
    assert on_disk(record)["status"] == "finished"


def test_update_takes_a_copy(tmp_path):
    points = [{"step": 0}]
    record = opened(tmp_path)
    record.update(curve=points)
    points.append({"step": 1})
    record.update(valid=True)
    assert on_disk(record)["curve"] == [{"step": 0}]
    assert record.data["curve"] == [{"step": 0}]


def test_values_become_json(tmp_path):
    record = opened(tmp_path)
    record.update(
        plan={
            "nan": math.nan,
            "inf": -math.inf,
            "np": np.float32(0.5),
            "n": np.int64(3),
            "array": np.array([1.0, math.nan]),
            "tensor": torch.tensor(2),
            "path": Path("x"),
            "set": frozenset({"b", "a"}),
            "tuple": (1, None, True),
            5: "\x1b[31m\udc80",
        }
    )
    text = (record.folder / "run.json").read_text("utf-8")
    assert "NaN" not in text
    assert "Infinity" not in text
    assert json.loads(text)["plan"] == {
        "nan": None,
        "inf": None,
        "np": 0.5,
        "n": 3,
        "array": [1.0, None],
        "tensor": 2,
        "path": "x",
        "set": ["a", "b"],
        "tuple": [1, None, True],
        "5": "\x1b[31m\udc80",
    }


def test_data_is_what_load_gives(tmp_path):
    with opened(tmp_path, algorithm={"name": "npo"}, seed=1) as record:
        record.finish(seconds={"total": 1.5})
    assert store.load(record.folder) == record.data
    assert json.loads(json.dumps(record.data)) == record.data


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (KeyboardInterrupt(), "interrupted", "interrupted"),
        (Diverged("the loss became non-finite"), "diverged", "the loss became non-finite"),
        (GateError("stage 1 failed"), "failed", "stage 1 failed"),
        (ValueError("odd"), "failed", "ValueError: odd"),
        (MemoryError(), "failed", "MemoryError: "),
        (SystemExit(3), "failed", "SystemExit: 3"),
    ],
)
def test_an_error_closes_it_and_goes_on(tmp_path, error, status, reason):
    record = opened(tmp_path)
    with pytest.raises(type(error)), record:
        record.update(curve=[{"step": 0}])
        raise error
    found = on_disk(record)
    assert (found["status"], found["error"]) == (status, reason)
    assert found["curve"] == [{"step": 0}]


def test_a_closed_record_is_not_touched_by_what_follows(tmp_path):
    record = opened(tmp_path)
    with pytest.raises(KeyboardInterrupt), record:
        record.finish()
        raise KeyboardInterrupt
    assert on_disk(record)["status"] == "finished"
    other = opened(tmp_path)
    with other:
        other.diverge("the loss became non-finite", curve=[{"step": 0}])
    assert on_disk(other)["status"] == "diverged"
    assert on_disk(other)["curve"] == [{"step": 0}]


def test_leaving_without_an_end_is_a_failure(tmp_path):
    with opened(tmp_path) as record:
        pass
    assert (on_disk(record)["status"], on_disk(record)["error"]) == ("failed", "the run ended without a result")


def test_a_record_cannot_be_written_where_a_file_is(tmp_path):
    (tmp_path / "file").write_text("x")
    for where in (tmp_path / "file", tmp_path / "file" / "runs", tmp_path / "file" / "a" / "b"):
        with pytest.raises(RunError, match="a part of this path is a file") as caught:
            opened(where)
        assert str(where) in str(caught.value)


def test_git_is_null_outside_a_checkout(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    assert on_disk(opened(tmp_path / "runs"))["git"] is None


def test_versions_without_what_is_not_installed(tmp_path):
    found = on_disk(opened(tmp_path))["versions"]
    assert set(found) == {"unlearnzoo", "python", "platform", "torch", "transformers", "peft", "accelerate", "datasets"}
    assert found["torch"] == torch.__version__

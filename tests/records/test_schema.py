"""The table of a record's keys says what a record holds, no less and no more."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Required, TypedDict

import pytest
from msgspec import Meta

from tests.support import records, three
from tests.support.schema import check
from unlearnzoo.clock import Spent, joined
from unlearnzoo.evaluation import aggregate
from unlearnzoo.planning import summary
from unlearnzoo.planning.make import make_plan
from unlearnzoo.planning.request import from_arguments
from unlearnzoo.records import store
from unlearnzoo.records.environment import calibration
from unlearnzoo.records.schema import FIELDS, STEP_FIELDS, table
from unlearnzoo.registry.zoo import Zoo
from unlearnzoo.runs import gate


@pytest.fixture(scope="module")
def record(tmp_path_factory, shared_folder):
    """A finished record of a real plan; what a model would have answered is made up."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNLEARNZOO_CACHE", str(shared_folder / "cache"))
        plan = make_plan(
            from_arguments(
                {
                    "algo": "npo,gd",
                    "bench": "remem",
                    "forget": three.FORGET,
                    "stop_at": "EMf=.35",
                    "require": "EMf=.35,EMr=.50",
                },
                three.OPTIONS,
            ),
            Zoo.installed(),
        )
        fields = summary.fields(plan, "npo")
        fields["model"] |= {"adapter": None, "target": "models/target"}  # of `unlearnzoo evaluate`
        fields["plan"]["pools"]["forget"]["kept"] = 1
        fields["utility"] = {"quiz": {"distribution": "quizzes", "version": "1", "options": {}, "data": "d1"}}
    fields["processes"] = {"n": 1, "deepspeed": None}
    rows = {"packed": True, "padded": "any", "generated": "as padded", "why": []}
    fields["device"] = {"type": "cpu", "precision": "fp32", "arithmetic": "base float32", "rows": rows}
    fields["tuned"] = {
        "settings": 2,
        "budget": 2,
        "setting": 1,
        "score": 0.5,
        "scores": [None, 0.5],
        "values": {},
        "bench": {},
        "data": "d2",
        "seed": 0,
    }
    known = records.judged("target", {"finetune": 1.0, "test": 1.0})
    odd = [
        dataclasses.replace(e, all_of="topic", detail="rank", tagged="topic")
        for e in records.EVALS
        if e.split == "retain"
    ]
    missing = aggregate.results(known, odd, records.FORGET)
    return records.finished(
        tmp_path_factory.mktemp("runs"),
        **fields,
        gate=gate.evaluate(plan, None, known),
        baselines=missing,
        git={"commit": "0" * 40, "dirty": False},
        target={"key": "t1", "cached": False, "judged": ["b1-base.parquet"]},
        purged="2026-01-01T00:00:00+00:00",
        redacted="2026-01-01T00:00:00+00:00",
        group="0123",
        files={"samples.parquet": "0" * 64},
        resumed=[{"step": 3, "time": "2026-01-01T00:00:00+00:00", "changed": ["git.dirty: False"]}],
        steps=8,
        machine={**calibration(), "cpu_seconds": 1.0},
        profile=joined([("npo", {"stage 2": Spent(2.0, 1.0)})]),
    )


def test_every_key_is_described_with_its_type(record):
    assert check(record)[0] == []


def test_every_description_is_of_a_key(record):
    assert set(FIELDS) - check(record)[1] == set()


def test_what_a_run_writes_is_what_is_read(record):
    assert store.load(Path(record["folder"])) == record


def test_the_json_schema_names_the_same_keys_and_says_the_same(capsys):
    made = subprocess.run([sys.executable, "-m", "unlearnzoo.records.schema"], capture_output=True, check=True)
    schema = json.loads(made.stdout)
    run = schema["$defs"]["RunJson"]["properties"]
    top = {path: row for path, row in FIELDS.items() if "." not in path}
    assert {key: value["description"] for key, value in run.items()} == {key: text for key, (_, text) in top.items()}
    point = run["curve"]["items"]["additionalProperties"]["anyOf"]
    assert [option["title"] for option in point] == ["step", "NAME"]


def test_a_table_is_made_of_any_types():
    class Inner(TypedDict):
        a: Annotated[int | None, Meta(description="one")]

    class Outer(TypedDict, total=False):
        inner: Required[Annotated[list[Inner], Meta(description="two")]]
        named: dict[str, Inner]
        words: Annotated[list[str] | None, Meta(description="three")]

    assert table(Outer) == {
        "inner": ("list", "two"),
        "inner[].a": ("int | null", "one"),
        "named.NAME.a": ("int | null", "one"),
        "words": ("list[str] | null", "three"),
    }


def test_the_check_can_fail(record):
    assert check({**record, "new": 1})[0] == ["new is not described"]
    assert check({**record, "seed": "0"})[0] == ["seed is described as int | null, and is '0'"]
    assert check({**record, "git": {"branch": "x"}})[0] == ["git.NAME is not described"]
    assert check({**record, "gate": [{"passed": 1}]})[0] == ["gate[].passed is described as bool, and is 1"]


def test_steps(tmp_path):
    from unlearnzoo.records.record import Record

    with Record.open(tmp_path, algo="npo", bench="remem") as opened:
        opened.step({"step": 1, "loss": float("nan"), "lr": 1e-5, "grad_norm": 0.1, "loss_forget": 0.5})
    entry = json.loads((opened.folder / "steps.jsonl").read_text())
    named = {"loss_NAME" if key.startswith("loss_") else key: value for key, value in entry.items()}
    wrong, met = check(named, STEP_FIELDS)
    assert wrong == [] and met == set(STEP_FIELDS)

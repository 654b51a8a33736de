"""What an older version left in the cache is not read: its keys, by a formula of their own, name other files."""

import dataclasses
import hashlib
import inspect
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from tests.support import three
from unlearnzoo.evaluation.evaluator import Evaluator, Item
from unlearnzoo.evaluation.samples import Sample, write_samples
from unlearnzoo.models import precision
from unlearnzoo.planning import limits
from unlearnzoo.planning.make import make_plan
from unlearnzoo.planning.request import from_arguments
from unlearnzoo.registry.zoo import Zoo
from unlearnzoo.runs import target
from unlearnzoo.runs.sample_cache import by_state
from unlearnzoo.storage.cache import cache_folder

SCHEMA_1 = Path(__file__).parents[1] / "records" / "schema1"


def digest(value):
    """Hash as version 0.1 and 0.2 did."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:20]


def old_target(values, data, weights, replay):
    """Return the key that version 0.1 and 0.2 gave a target; its type of numbers was all that was said of them."""
    return digest(
        {
            "version": 1,
            "recipe": values,
            "data": data,
            "weights": weights,
            "replay": [(e.id, e.question, e.answer, [i.key for i in e.images]) for e in replay],
            "seed": 0,
            "dtype": "torch.float32",
        }
    )


def old_judged(plan, key):
    """Return the key that they gave the answers of a state."""
    cls = type(plan.benchmark)
    source = hashlib.sha256(Path(inspect.getsourcefile(cls)).read_bytes()).hexdigest()
    rows = [
        (e.id, e.question, e.answer, e.keywords, e.tags, e.cloze, e.choices, [i.key for i in e.images])
        for e in plan.utility
    ]
    return digest([key, [plan.zoo.origin(cls), source], rows])


@pytest.fixture(scope="module")
def plan():
    request = from_arguments({"algo": "npo", "bench": "remem", "forget": three.FORGET}, three.OPTIONS)
    return make_plan(request, Zoo.installed())


class Engine:
    """Stands on the model and is asked for nothing."""

    precision_key = precision.arithmetic("fp32", False, "no")
    ranks = SimpleNamespace(on_main=lambda do: do(), main=True)


def test_the_formula_is_the_one_of_then():
    """The name of a target that version 0.1 left follows from the record beside it."""
    (file,) = (SCHEMA_1 / "runs").glob("*/run.json")
    record = json.loads(file.read_text())
    assert record["plan"]["learn"]["values"]["replay"] == 0
    key = old_target(record["plan"]["learn"]["values"], record["benchmark"]["data"], record["model"]["weights"], [])
    assert key == record["target"]["key"] and (SCHEMA_1 / "cache" / "targets" / key).is_dir()


def test_what_it_left_is_not_read(plan, tmp_path, monkeypatch):
    monkeypatch.setenv("UNLEARNZOO_CACHE", str(tmp_path))
    data, weights = plan.benchmark.fingerprint(), plan.checkpoint.weights
    old = old_target(plan.learn.values(), data, weights, plan.replay)
    target._keep(cache_folder("targets") / old, {"poison": torch.ones(3)})
    assert target._cached(plan, old) is not None
    key = target.key_of(plan, Engine())
    assert key != old and target._cached(plan, key) is None
    evaluator = Evaluator(Engine(), plan.benchmark, plan.metrics, limits.tokens(plan.limits))
    base = digest([weights, data, "torch.float32"])
    example = plan.examples("finetune")[0]
    for state, known in (("base", base), ("target", old)):
        path = cache_folder("judged") / f"{old_judged(plan, known)}-{state}.parquet"
        path.parent.mkdir(exist_ok=True)
        write_samples(path, [Sample(state, "finetune", example.id, "", {}, "", "", "poison", {})])
        found = by_state(plan, evaluator, key)[state]
        assert found.path.parent == path.parent and found.path != path and found._read() == {}
        assert found._missing([Item("finetune", example, {"unlearnzoo-metrics/em"})])


def test_a_target_of_one_s_own_is_asked_anew(plan):
    own = dataclasses.replace(plan, request=dataclasses.replace(plan.request, target="./mine"))
    old = {"target": plan.checkpoint.weights, "data": plan.benchmark.fingerprint(), "numbers": "torch.float32"}
    assert target.key_of(own, Engine()) != digest(old)


def test_keys_tell_apart_what_decides_them(plan, monkeypatch):
    def key():
        return target.key_of(plan, Engine())

    known = {key()}
    for name in ("PICTURE_RULE", "STAGE_1_VERSION"):
        with monkeypatch.context() as patch:
            patch.setattr(target, name, 0)
            known.add(key())
    facts = [
        precision.arithmetic(*said) for said in (("bf16", False, "no"), ("4bit", False, "no"), ("fp32", False, "bf16"))
    ]
    for said in facts:
        with monkeypatch.context() as patch:
            patch.setattr(Engine, "precision_key", said)
            known.add(key())
    assert len(known) == 6


def test_a_products_precision_is_part_of_the_arithmetic():
    before = torch.get_float32_matmul_precision()
    try:
        said = set()
        for name in ("highest", "high"):
            torch.set_float32_matmul_precision(name)
            said.add(precision.arithmetic("fp32", True, "no"))
        assert len(said) == 2
    finally:
        torch.set_float32_matmul_precision(before)

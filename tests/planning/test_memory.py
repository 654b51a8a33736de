"""The estimate against the bytes of tensors that a real step holds, on two models."""

import dataclasses
import logging

import pytest
import torch

from tests.support import three
from tests.support.checkpoints import llava
from tests.support.families import FAMILIES
from tests.support.held import Alive
from unlearnzoo import Unlearner
from unlearnzoo.planning import memory
from unlearnzoo.planning.limits import Limit
from unlearnzoo.planning.make import make_plan
from unlearnzoo.planning.request import from_arguments
from unlearnzoo.registry.zoo import Zoo
from unlearnzoo.training import footprint
from unlearnzoo.training.engine import Engine
from unlearnzoo.training.footprint import Footprint
from unlearnzoo.training.recipe import Unlearn
from unlearnzoo.training.schedule import draws

#: What is promised where it was measured.
WITHIN = 0.15


def plan_of(model, **options):
    request = from_arguments(
        {"algo": "gd", "bench": "remem", "model": str(model), "forget": three.FORGET}, three.OPTIONS | options
    )
    return make_plan(request, Zoo.installed())


def held(engine, encoded, recipe):
    """Train a step on the largest micro-batch; return the bytes of each kind of tensor that was held."""
    parameters = engine.adapt("target", recipe.rank, recipe.alpha, recipe.parts, 0)
    optimizer = engine.prepare(parameters, Unlearn(lr=1e-3, recompute=recipe.recompute)).optimizer
    batches = [batch for _, batch in engine.batches(encoded, recipe.per_image, recipe.micro_tokens)]
    batch = max(batches, key=lambda b: b.parts[0]["input_ids"].numel())
    with Alive() as alive:
        loss = engine.forward(batch, "target")[0].nll.mean()
        kept = alive.bytes
        loss.backward()
    optimizer.step()
    moments = [t for state in optimizer.state.values() for t in state.values() if torch.is_tensor(t) and t.ndim]
    lora = [p for n, p in engine.model.named_parameters() if ".lora_" in n]
    return {
        "base": size(p for n, p in engine.model.named_parameters() if ".lora_" not in n),
        "trained": size(lora),
        "gradients": size(p.grad for p in lora),
        "moments": size(moments),
        # Computed again they are never all there at once: what counts is the most in the backward.
        "activations": alive.peak if recipe.recompute else kept,
        "shape": tuple(batch.parts[0]["input_ids"].shape),
    }


def size(tensors):
    return sum(t.numel() * t.element_size() for t in tensors)


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("model", ["tiny", "llava"])
def test_the_estimate_is_what_a_step_holds(model, recompute, tmp_path):
    options = {"learn.recompute": recompute}
    if model == "llava":
        # The geometry of LLaVA-1.5 (576 image tokens per picture), shrunk widths.
        model = llava(tmp_path, image=336, patch=14)
        options |= {"learn.targets": "language+projector", "learn.replay": 0}
    plan = plan_of(model, **options)
    found = memory.estimate(plan)["stages"]["learn"]
    engine = Engine(plan.checkpoint)
    step = next(iter(draws({"learn": plan.benchmark.learn_pool()}, plan.learn, 0)))["learn"]
    real = held(engine, [engine.encode(e) for e in step], plan.learn)
    assert (found["base"], found["trained"]) == (real["base"], real["trained"])
    assert real["gradients"] == found["trained"] and real["moments"] == 2 * found["trained"]
    # The same bytes per token: the step laid out here need not hold the very largest batch.
    tokens = real["shape"][0] * real["shape"][1]
    assert found["activations"] / (found["rows"] * found["length"]) == pytest.approx(
        real["activations"] / tokens, rel=WITHIN
    )
    logging.info("activations: estimated %s, held %s for %s tokens", found["activations"], real["activations"], tokens)
    estimated = found["base"] + 4 * found["trained"] + found["activations"] * tokens / (found["rows"] * found["length"])
    assert estimated == pytest.approx(
        sum(real[k] for k in ("base", "trained", "gradients", "moments", "activations")), rel=WITHIN
    )


def test_no_weights_are_needed(tmp_path):
    folder = llava(tmp_path)
    plan = plan_of(folder, **{"learn.replay": 0})
    expected = memory.estimate(plan)
    (folder / "model.safetensors").write_bytes(b"no weights")
    assert memory.estimate(plan_of(folder, **{"learn.replay": 0})) == expected
    assert expected["base"]["fp32"] == 2 * expected["base"]["bf16"]


def test_a_base_in_4_bits_is_counted_and_is_not_sharded():
    plan = plan_of("tiny")
    whole, small = (
        memory.estimate(dataclasses.replace(plan, checkpoint=dataclasses.replace(plan.checkpoint, precision=name)))
        for name in ("bf16", "4bit")
    )
    assert (whole["precision"], small["precision"]) == ("bf16", "4bit") and whole["base"] == small["base"]
    saved = whole["base"]["bf16"] - whole["base"]["4bit"]
    assert saved > 0
    rows = {name: {row["launch"]: row for row in found["launches"]} for name, found in (("w", whole), ("s", small))}
    assert rows["w"].keys() - rows["s"].keys() == {"zero3"}
    assert rows["w"]["ddp"]["training"] - rows["s"]["ddp"]["training"] == saved


PARTS = {"learn": Footprint(base=1000, layer=100, frozen=0, trained=40, activations=500, merged=0, cache=300)}


@pytest.mark.parametrize(
    ("launch", "training", "evaluating"),
    [
        ("single", 1040 + 40 + 80 + 500, 1040 + 40 + 80 + 300),
        ("ddp", 1040 + 40 + 40 + 80 + 500, 1040 + 40 + 40 + 80 + 300),
        ("zero1", 1040 + 40 + (80 + 40) // 4 + 500, 1040 + 40 + 30 + 300),
        ("zero2", 1040 + (40 + 80 + 40) // 4 + 500, 1040 + 40 + 300),
        ("zero3", 100 + (1040 + 40 + 80 + 40) // 4 + 500, 100 + 300 + 300),
    ],
)
def test_what_each_launch_shares_out_by_hand(launch, training, evaluating):
    assert footprint.per_device(PARTS, launch, 4) == {"training": training, "evaluating": evaluating}


def test_an_answer_that_fills_a_batch_by_itself_counts(monkeypatch):
    plan, found = plan_of("tiny"), []
    monkeypatch.setattr(
        footprint.Blueprint,
        "footprint",
        lambda self, rows, packs, generated, recompute: found.append(generated) or PARTS["learn"],
    )
    long = {"finetune": Limit(40000, "--max-new-tokens", 20, "x", 40066)}
    for limits in (plan.limits, long):
        memory.estimate(dataclasses.replace(plan, limits=limits))
    assert found == [32768] * 2 + [40066] * 2  # of two stages each


def test_a_launch_that_does_not_fit_is_said_not_to(monkeypatch):
    plan = plan_of("tiny")
    whole = memory.estimate(plan)
    assert all(row["fits"] for row in whole["launches"])
    most = max(max(r["training"], r["evaluating"]) for r in whole["launches"] if r["launch"] == "single")
    monkeypatch.setattr(memory, "_device", lambda gpus: memory.Device("a small one", int(1.5 * most)))
    assert {r["launch"]: r["fits"] for r in memory.estimate(plan)["launches"]} == {
        "single": True,
        "ddp": False,
        "zero1": False,
        "zero2": False,
        "zero3": False,
    }
    assert any("a small one" in line for line in memory.lines(plan))


def test_a_model_that_cannot_be_counted_costs_a_line(monkeypatch):
    monkeypatch.setattr(footprint, "Blueprint", lambda checkpoint, precision: {}["odd"])
    (line,) = memory.lines(plan_of("tiny"))
    assert line == "  memory      no estimate for this model (KeyError: 'odd')"
    assert memory.as_data(plan_of("tiny")) == {"error": "KeyError: 'odd'"}


def test_other_faults_are_not_taken_for_a_model_that_cannot_be_counted(monkeypatch):
    """Every exception was: a fault of the layout's own was one line that nobody reads."""
    plan = plan_of("tiny")
    monkeypatch.setattr(memory, "chunks", lambda rows, tokens: {}["odd"])
    with pytest.raises(KeyError, match="odd"):
        memory.as_data(plan)


@pytest.mark.parametrize(("family", "packs"), [("gpt2", True), ("lfm2", False)])
def test_text_alone_is_counted_as_its_rows_are_laid(family, packs, tmp_path, monkeypatch):
    rows = [f"What is {i}?,{i} it is.,{'forget' if i < 4 else 'retain'}" for i in range(12)]
    (tmp_path / "rows.csv").write_text("\n".join(["question,answer,set", *rows]))
    model = FAMILIES[family].build(tmp_path / "model")
    request = from_arguments(
        {"algo": "gd", "bench": "folder", "model": str(model)}, {"folder.data": str(tmp_path / "rows.csv")}
    )
    counted, count = [], footprint.Blueprint.footprint
    monkeypatch.setattr(
        footprint.Blueprint,
        "footprint",
        lambda self, rows, packs, *rest: counted.append(packs) or count(self, rows, packs, *rest),
    )
    found = memory.estimate(make_plan(request, Zoo.installed()))
    # What does not take packed rows is found out in the first stage, and counted again.
    assert counted == ([True, True] if packs else [True, False, False])
    assert all(stage["activations"] > stage["logits"] for stage in found["stages"].values())


class Reworded(Unlearner):
    """Trains on long paraphrases beside the forget answers."""

    name = "reworded"
    inputs = {"paraphrase": "forget"}
    times = 5

    def paraphrase(self, example):
        return dataclasses.replace(example, answer=" ".join([example.answer] * self.times))

    def loss(self, forget, paraphrase):
        return {"forget": -forget.nll, "paraphrase": paraphrase.nll}


class Prepared(Reworded):
    """Makes its paraphrases with the model, which is not there yet."""

    name = "prepared"

    def paraphrase(self, example):
        return self.made[example.id]


def largest_of(*algorithms):
    plan = plan_of("tiny")
    return memory.largest(dataclasses.replace(plan, algorithms={a.name: a for a in algorithms}), "unlearn")


def tokens(rows):
    return [(row.prefix, [block.context + block.answer for block in row.blocks]) for row in rows]


def answers_of(*algorithms):
    return memory.answer_tokens(largest_of(*algorithms))


def test_an_algorithms_own_inputs_are_made_by_its_method():
    """They were counted as the forget rows that they pair with."""
    plain, long = Reworded(), Reworded()
    plain.times = 1
    assert answers_of(plain) < answers_of(long) <= 5 * answers_of(plain)
    # The layout is the training's own: the same answers in the same micro-batches.
    gd = plan_of("tiny").algorithms["gd"]
    both = max(largest_of(gd), largest_of(long), key=lambda rows: len(rows) * max(map(len, rows)))
    assert tokens(largest_of(gd, long)) == tokens(largest_of(long, gd)) == tokens(both)


def test_inputs_that_need_the_model_cost_a_line():
    plan = plan_of("tiny")
    plan = dataclasses.replace(plan, algorithms={"prepared": Prepared()})
    (line,) = memory.lines(plan)
    assert "prepared cannot make its inputs before a run: AttributeError" in line


def test_an_algorithm_without_a_loss_is_counted_on_the_forget_answers():
    class Bare(Unlearner):
        name = "bare"

        def unlearn(self, trainer):
            trainer.train(lambda forget: forget.nll)

    assert largest_of(Bare())

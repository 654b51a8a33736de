"""Stage 2 as an algorithm sees it: inputs of its own, hidden states, phases, adapters put back."""

import contextlib
import dataclasses

import pytest
import torch

from tests.support.engines import settle, steps_of
from tests.support.examples import people
from unlearnzoo import OptionError, Unlearner, option
from unlearnzoo.encoding.packing import single
from unlearnzoo.models.lora import state_hash
from unlearnzoo.training import adapter_weights
from unlearnzoo.training.checkpointing.checkpointer import Checkpointer
from unlearnzoo.training.checkpointing.interval import CheckpointInterval
from unlearnzoo.training.checkpointing.store import Store
from unlearnzoo.training.inputs import StepInputs, micro_inputs
from unlearnzoo.training.loop import Objective, _accumulate
from unlearnzoo.training.recipe import Unlearn
from unlearnzoo.training.reference import Reference
from unlearnzoo.training.trainer import LoraTrainer, new_reference

EXAMPLES = people(3, 4)
POOLS = {"forget": EXAMPLES[:4], "retain": EXAMPLES[4:]}
RECIPE = Unlearn(rank=4, alpha=8.0, steps=8, lr=0.01, batch=2, probe_every=3)


class Ascent(Unlearner):
    """Difference of two means."""

    name = "ascent"

    def loss(self, forget, retain):
        return {"forget": -forget.nll, "retain": retain.nll}


def trainer_of(engine, algorithm, seen=None, stop=None):
    def on_step(entry, look):
        if seen is not None:
            seen.append((entry, look))
        return stop is not None and entry["step"] >= stop

    return LoraTrainer(
        engine,
        algorithm,
        POOLS,
        lambda e: "No.",
        RECIPE,
        0,
        new_reference(engine),
        on_step,
        lambda pool: pytest.fail("nobody asked for stage 1"),
        9,
    ).start()


def logps(engine, examples=EXAMPLES, which="unlearned"):
    return [sum(j.logps) for j in engine.score([engine.encode(e) for e in examples], which)]


def test_unlearning_raises_the_forget_loss_and_leaves_the_target(engine):
    target, seen = state_hash(engine.model, "target"), []
    trainer = trainer_of(engine, Ascent(), seen)
    trainer.algorithm.unlearn(trainer)
    first, last = seen[0][0], seen[-1][0]
    assert last["loss_forget"] < first["loss_forget"]
    assert last["loss"] == pytest.approx(last["loss_forget"] + last["loss_retain"])
    assert state_hash(engine.model, "target") == target
    assert [entry["step"] for entry, look in seen if look] == [3, 6] and trainer.steps == 8


def test_phases_count_on_and_stop_where_the_run_says(engine):
    seen = []
    trainer = trainer_of(engine, Ascent(), seen, stop=11)
    assert not trainer.train(lambda forget: forget.nll)
    assert trainer.train()
    assert [entry["step"] for entry, _ in seen] == list(range(1, 12))
    assert "loss_forget" in seen[-1][0] and "loss_forget" not in seen[0][0]
    assert trainer.probe(strength=0.5) and seen[-1] == ({"step": 12, "strength": 0.5}, True)


def test_a_phase_has_steps_of_its_own(engine):
    seen = []
    trainer = trainer_of(engine, Ascent(), seen)
    assert not trainer.train(lambda retain: retain.nll, probe=False, steps=2)
    assert not trainer.train(steps=4)
    assert [entry["step"] for entry, _ in seen] == list(range(1, 7)) and trainer.steps == 6
    # Looked at by steps of the phase, not after its last: all is judged then.
    assert [entry["step"] for entry, look in seen if look] == [5]


@pytest.mark.parametrize("steps", [0, -1, 2.0, True, "4"])
def test_steps_that_are_none_are_refused(engine, steps):
    with pytest.raises(OptionError, match=r"ascent calls trainer.train\(steps=.*\): give a whole number of at least 1"):
        trainer_of(engine, Ascent()).train(steps=steps)


class Own(Unlearner):
    """Answers of its own: what the target said, to another question."""

    name = "own"
    inputs = {"rephrased": "forget", "loud": "retain"}

    def prepare(self, trainer):
        self.said = dict(zip([e.id for e in POOLS["forget"]], trainer.generate(POOLS["forget"]), strict=True))

    def rephrased(self, example):
        return dataclasses.replace(example, question="Who is it?", answer=self.said[example.id] or "nobody")

    def loud(self, example):
        return dataclasses.replace(example, answer=example.answer.upper())

    def loss(self, forget, rephrased, rephrased_ref, loud):
        assert forget.n == rephrased.n
        return {"forget": rephrased.logps - rephrased_ref.logps - forget.logps, "loud": loud.nll}


def test_inputs_of_its_own_pair_with_the_pool(engine):
    trainer = trainer_of(engine, Own())
    trainer.algorithm.prepare(trainer)
    spoken = engine.generate([engine.encode(e) for e in POOLS["forget"]], "target", 9)
    step = next(trainer._draw(trainer.algorithm.needs))
    mine = {role: [e for e, r in zip(step.encoded, step.role, strict=True) if r == role] for role in step.counts}
    chosen = [next(e for e in POOLS["forget"] if engine.encode(e) == one) for one in mine["forget"]]
    assert mine["rephrased"] == [engine.encode(trainer.algorithm.rephrased(e)) for e in chosen]
    assert {e.id for e in chosen} and list(trainer.algorithm.said.values()) == spoken
    assert len(mine["loud"]) == 2
    for members, _ in engine.batches(step.encoded, 2, 1, step.bundle):
        roles = [step.role[i] for i in members]
        assert roles.count("forget") == roles.count("rephrased")
    assert not trainer.train()


def test_the_same_example_with_another_question_is_encoded_anew(engine):
    one = EXAMPLES[0]
    assert engine.encode(one) != engine.encode(dataclasses.replace(one, question="Who?"))


class Deep(Unlearner):
    """Asks for hidden states."""

    name = "deep"
    layers = (1, 2)

    def loss(self, forget, retain, retain_ref):
        return {
            "forget": forget.mean(forget.hidden[2].sum(-1)),
            "retain": retain.mean((retain.hidden[1] - retain_ref.hidden[1]).pow(2).sum(-1)),
        }


def stock_hidden(engine, encoded, layer, which):
    """Ask transformers itself, one unpacked answer at a time."""
    from unlearnzoo.models import lora

    found = []
    for one in encoded:
        _, batch = engine.collate([single(one, 0)], plain=True)
        with torch.no_grad(), lora.activated(engine.model, lora.ACTIVE[which]):
            out = engine.base(**batch.parts[0], output_hidden_states=True).hidden_states[layer][0]
        end = len(one.prompt) + len(one.answer)
        found.append(out[len(one.prompt) - 1 : end - 1])
    return torch.cat(found)


def test_hidden_states_are_those_of_the_stock_model(engine):
    settle(engine, True)
    step = StepInputs(engine, {"forget": EXAMPLES[:3], "retain": EXAMPLES[5:9]}, lambda e: "")
    ((members, batch),) = engine.batches(step.encoded, 8, 10**6, step.bundle)
    reference = Reference(engine, "x")
    reference.fill(step.encoded, 8, 10**6, layers=Deep.layers)
    found = micro_inputs(engine, step, members, batch, Deep().needs, reference, frozenset(), Deep.layers)
    encoded = [engine.encode(e) for e in EXAMPLES]
    for name, some, which in (
        ("forget", encoded[:3], "unlearned"),
        ("retain", encoded[5:9], "unlearned"),
        ("retain_ref", encoded[5:9], "target"),
    ):
        for layer in (1, 2):
            wanted = stock_hidden(engine, some, layer, which)
            assert torch.allclose(found[name].hidden[layer], wanted, atol=1e-4), (name, layer)
    assert found["forget"].hidden[1].requires_grad and not found["retain_ref"].hidden[1].requires_grad
    assert not torch.allclose(found["retain"].hidden[2], found["retain_ref"].hidden[2], atol=1e-2)


def test_hidden_states_do_not_depend_on_the_micro_batches(engine):
    settle(engine, True)
    totals = []
    for per_image, cap in ((8, 10**6), (1, 1)):
        objective = Objective(Deep().loss, Deep().needs, frozenset(), Reference(engine, "x"), Deep.layers)
        step = StepInputs(engine, {"forget": EXAMPLES[:3], "retain": EXAMPLES[5:9]}, lambda e: "")
        recipe = Unlearn(per_image=per_image, micro_tokens=cap)
        totals.append(_accumulate(engine, step, recipe, objective, steps_of(engine, recipe)))
    assert totals[0] == pytest.approx(totals[1], rel=1e-4)


def test_hidden_states_that_nobody_declared(engine):
    step = StepInputs(engine, {"forget": EXAMPLES[:2]}, lambda e: "")
    ((members, batch),) = engine.batches(step.encoded, 8, 10**6)
    found = micro_inputs(engine, step, members, batch, frozenset({"forget"}), None, frozenset())
    with pytest.raises(RuntimeError, match="declare `layers`"):
        _ = found["forget"].hidden


def test_an_adapter_is_taken_scaled_and_put_back(engine):
    before = logps(engine)
    vector = adapter_weights.take(engine, "unlearn")
    adapter_weights.put(engine, "unlearn", vector)
    assert logps(engine) == pytest.approx(before, abs=1e-4)
    target = logps(engine, which="target")
    adapter_weights.put(engine, "unlearn", vector.times(0.0))
    assert logps(engine) == pytest.approx(target, abs=1e-4)
    adapter_weights.put(engine, "unlearn", vector.times(-1.0))
    layer = next(m for n, m in engine.model.named_modules() if n.endswith("layers.0.mlp.down_proj"))
    assert torch.allclose(layer.get_delta_weight("unlearn"), -vector.scale * _product(vector), atol=1e-6)


def _product(vector):
    up, down = (next(t for n, t in vector.tensors.items() if f"layers.0.mlp.down_proj.lora_{x}" in n) for x in "BA")
    return up @ down


def test_an_adapter_alone_stands_in_place_of_the_target(engine):
    target, own = logps(engine, which="target"), adapter_weights.take(engine, "target")
    assert own.parts == ("language", "projector", "head") and own.rank == 4
    trainer = trainer_of(engine, Ascent())
    trainer.set_adapter(own, replace_target=True)
    assert logps(engine) == pytest.approx(target, abs=1e-4)
    trainer.set_adapter(own.times(0.0), replace_target=True)
    assert logps(engine) == pytest.approx(logps(engine, which="base"), abs=1e-4)
    trainer_of(engine, Ascent())  # the next algorithm starts from the target again
    assert logps(engine) == pytest.approx(target, abs=1e-4)


class Moving(Unlearner):
    """A retain weight that follows the training."""

    name = "moving"
    start: float = option(5.0, "Weight at the start")

    def prepare(self, trainer):
        self.weight = self.start

    def loss(self, forget, retain):
        return {"forget": -forget.nll, "retain": retain.nll.detach() + self.weight * (retain.nll - retain.nll.detach())}

    def after_step(self, terms):
        used, self.weight = self.weight, self.weight + terms["retain"]
        return {"weight": used}


def moved(engine, folder, stop=None):
    """Unlearn, from where an earlier call stopped; return what was told, the weight and the adapter."""
    seen = []
    trainer = trainer_of(engine, Moving(), seen)
    trainer.checkpointer = Checkpointer(Store(folder, "k"), CheckpointInterval(steps=1), algorithm=trainer.algorithm)
    told = trainer.on_step

    def on_step(entry, look):
        if stop is not None and entry["step"] > stop:
            raise KeyboardInterrupt
        return told(entry, look)

    trainer.on_step = on_step
    trainer.algorithm.prepare(trainer)
    with contextlib.suppress(KeyboardInterrupt):
        trainer.algorithm.unlearn(trainer)
    return [entry for entry, _ in seen], trainer.algorithm.weight, trainer.adapter().tensors


def test_what_follows_the_training_is_told_and_goes_on_after_a_stop(engine, tmp_path):
    whole, weight, adapter = moved(engine, tmp_path / "whole")
    assert [e["weight"] for e in whole] == pytest.approx(
        [5.0 + sum(e["loss_retain"] for e in whole[:n]) for n in range(8)]
    )
    first, _, _ = moved(engine, tmp_path / "cut", stop=4)
    second, again, same = moved(engine, tmp_path / "cut")
    assert len(first) == 4 and first + second == whole
    assert again == weight and all(torch.equal(adapter[name], same[name]) for name in adapter)

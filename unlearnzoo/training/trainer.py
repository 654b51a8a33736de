"""Stage 2: what an algorithm works with, and what all of them share."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import torch

from ..encoding.images import prefetch
from ..errors import OptionError, RunError
from ..example import Example
from ..models import lora
from ..models.generation import Sampling
from ..unlearner import Trainer, Unlearner, inputs_of
from . import adapter_weights
from .adapter_weights import AdapterWeights
from .checkpointing.checkpointer import Checkpointer
from .checkpointing.position import Call
from .engine import Engine
from .inputs import StepInputs
from .loop import Loss, Objective, optimise
from .recipe import Unlearn
from .reference import Reference
from .schedule import by_role, pairs_of, schedule, unlearn_draws
from .stages import skip_to_checkpoint

#: Told each step's numbers and whether forgetting is to be looked at now; True ends stage 2.
OnStep = Callable[[dict[str, float], bool], bool]
#: Stage 1 over other rows: returns the adapter that it learned.
Relearn = Callable[[Sequence[Example]], AdapterWeights]


@dataclass
class LoraTrainer(Trainer):
    """Stage 2 of one algorithm, by LoRA: see ``Trainer`` for what an algorithm may ask of it. Call ``start`` first.

    Attributes:
        engine: the model; ``engine.score`` and ``engine.generate`` ask it in a state.
        algorithm: whose ``loss`` is trained on by default.
        pools: ``forget`` and ``retain``, the examples to train on.
        refusal: example → refusal sentence.
        recipe: the values of stage 2, the same for all algorithms.
        seed: of the draws and of the adapter's start.
        reference: the target's cached view.
        on_step: the run's; see ``OnStep``.
        learn_adapter: the run's; see ``relearn``.
        answer_limit: after how many new tokens the run cuts answers to the forget set.
        steps: done so far, over all phases.
        checkpointer: keeps the position for ``run --resume``; calls that were done before an interruption give what
            they gave then.
    """

    engine: Engine
    algorithm: Unlearner
    pools: Mapping[str, Sequence[Example]]
    refusal: Callable[[Example], str]
    recipe: Unlearn
    seed: int
    reference: Reference
    on_step: OnStep
    learn_adapter: Relearn
    answer_limit: int
    steps: int = 0
    checkpointer: Checkpointer | None = None

    def start(self) -> Self:
        """Put a fresh adapter on top of the target and check the states; return the trainer, ready for its algorithm.

        Raises:
            RunError: the reference is not the target.
        """
        self.engine.replace_target(False)
        self.fresh()
        assert_states(self.engine, self.pools["forget"])
        return self

    @property
    def n_layers(self) -> int:
        """Decoder layers of the language model."""
        return int(self.engine.checkpoint.config.get_text_config().num_hidden_layers)

    def fresh(self) -> list[torch.nn.Parameter]:
        """Put a new ``unlearn`` adapter on, zero at its start; return its parameters."""
        recipe = self.recipe
        return self.engine.adapt("unlearn", recipe.rank, recipe.alpha, recipe.parts, self.seed)

    def train(self, loss: Loss | None = None, probe: bool = True, steps: int | None = None) -> bool:
        """Train the ``unlearn`` adapter for some steps; see ``Trainer.train``."""
        if steps is not None and (isinstance(steps, bool) or not isinstance(steps, int) or steps < 1):
            raise OptionError(
                f"{self.algorithm.name} calls trainer.train(steps={steps!r}): give a whole number of at least 1"
            )
        if known := self._replayed("train"):
            self._put_tensors(known["file"])
            return bool(known["stopped"])
        loss = loss or self.algorithm.loss
        needs = inputs_of(self.algorithm, loss)
        with_logits = frozenset(n for n in needs if self.algorithm.reference.get(n) == "logits")
        layers, after_step = tuple(self.algorithm.layers), self.algorithm.after_step
        objective = Objective(loss, needs, with_logits, self.reference, layers, after_step)
        total = steps or schedule(self.pools["forget"], self.recipe).steps
        before, stopped = self.steps, False

        def on_step(entry: dict[str, float]) -> bool:
            nonlocal stopped
            number = int(entry["step"])
            self.steps = before + number
            # After the last step everything is judged anyway.
            due = number % self.recipe.probe_every == 0 and number != total
            stopped = self.on_step(entry | {"step": self.steps}, probe and due)
            return stopped

        parameters = lora.train_only(self.engine.model, "unlearn")
        # Where all steps were done before an interruption, on_step is told of none.
        self.steps = before + optimise(
            self.engine, parameters, self.recipe, objective, self._draw(needs), total, on_step, self.checkpointer
        )
        if self.checkpointer:
            self.checkpointer.record("train", self.adapter().tensors, stopped=stopped, steps=self.steps)
        return stopped

    def probe(self, **facts: float) -> bool:
        """Count a step of a method without a gradient loop and look at forgetting; True asks to stop."""
        if known := self._replayed("probe"):
            return bool(known["stopped"])
        self.steps += 1
        stopped = self.on_step({"step": self.steps, **facts}, True)
        if self.checkpointer:
            self.checkpointer.record("probe", stopped=stopped, steps=self.steps)
        return stopped

    def adapter(self) -> AdapterWeights:
        """Copy the ``unlearn`` adapter as it is now."""
        return adapter_weights.take(self.engine, "unlearn")

    def set_adapter(self, found: AdapterWeights, replace_target: bool = False) -> None:
        """Make an adapter the ``unlearn`` one.

        Args:
            found: from ``adapter`` or ``relearn``.
            replace_target: it stands in place of the target, not on top of it.
        """
        self.engine.replace_target(replace_target)
        adapter_weights.put(self.engine, "unlearn", found)

    def relearn(self, pool: Sequence[Example]) -> AdapterWeights:
        """Return what stage 1 would have learned from these rows; kept on disk like stage 1 itself.

        The algorithm says so by ``relearns = True``. The ``unlearn`` adapter starts anew.
        """
        found = self.learn_adapter(pool)
        self.fresh()
        return found

    def generate(
        self,
        examples: Sequence[Example],
        which: lora.State = "target",
        max_new_tokens: int | None = None,
        temperature: float = 0.0,
        draw: int = 0,
    ) -> list[str]:
        """Return answers to the examples' questions; see ``Trainer.generate``."""
        if known := self._replayed("generate"):
            return list(known["texts"])
        limit = self.answer_limit if max_new_tokens is None else max_new_tokens
        sampling = Sampling(temperature, f"{self.seed}/{draw}") if temperature else None
        texts = self.engine.generate([self.engine.encode(e) for e in examples], which, limit, sampling=sampling)
        if self.checkpointer:
            self.checkpointer.record("generate", texts=texts, steps=self.steps)
        return texts

    def _replayed(self, call: str) -> Call | None:
        """Return what a call gave before the run was interrupted, if it was done then."""
        known = self.checkpointer.replay(call) if self.checkpointer else None
        if known:
            self.steps = known["steps"]
        return known

    def _put_tensors(self, name: str) -> None:
        """Give the ``unlearn`` adapter the weights that a finished phase left."""
        from peft import set_peft_model_state_dict

        assert self.checkpointer is not None
        set_peft_model_state_dict(self.engine.model, self.checkpointer.tensors(name), adapter_name="unlearn")

    def _draw(self, needs: frozenset[str]) -> Iterator[StepInputs]:
        """Yield each step's answers, own inputs made from the examples that they pair with."""
        algorithm = self.algorithm
        steps = unlearn_draws(algorithm, needs, self.pools, self.recipe, self.seed)
        coming = (
            StepInputs(self.engine, by_role(algorithm, needs, step), self.refusal, pairs_of(algorithm))
            for step in skip_to_checkpoint(steps, self.checkpointer)
        )
        yield from prefetch(coming, lambda step: step.encoded, self.engine.pixels)


def new_reference(engine: Engine) -> Reference:
    """Return an empty cache for the target that the engine holds; shared by all algorithms."""
    with engine.sharding.gathered(engine.model, "target"):
        return Reference(engine, lora.state_hash(engine.model, "target"))


@torch.no_grad()
def assert_states(engine: Engine, pool: Sequence[Example]) -> None:
    """Check on some rows that the reference is the target: not the base, and equal to the model at step 0.

    Raises:
        RunError: it is not.
    """
    encoded = [engine.encode(example) for example in pool[:4]]
    _, batch = next(iter(engine.batches(encoded, 4, 1 << 30)))
    logps = {state: engine.forward(batch, state)[0].token_logps for state in lora.ACTIVE}
    tolerance = 1e-5 if engine.dtype == torch.float32 else 2e-2
    if not torch.allclose(logps["unlearned"], logps["target"], atol=tolerance):
        raise RunError("the model differs from the reference before the first step")
    with engine.sharding.gathered(engine.model, "target"):
        target_trained = any(
            p.detach().abs().sum() > 0 for n, p in engine.model.named_parameters() if ".lora_B.target." in n
        )
    if target_trained and torch.allclose(logps["target"], logps["base"], atol=1e-7):
        raise RunError("the reference equals the base: the target adapter is not active")

"""The contract of an unlearning algorithm: options as fields, one ``loss``; more only where it needs more."""

import abc
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from .example import Example
from .options import Configurable, option

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Parameter

    from .models.scores import Scores
    from .training.adapter_weights import AdapterWeights
    from .training.engine import Engine
    from .training.recipe import Unlearn

#: What the engine can hand to ``Unlearner.loss``, by argument name.
INPUTS = {
    "forget": "the forget answers, scored by the model being trained",
    "forget_ref": "the same answers under the frozen reference (the target model)",
    "retain": "the retain answers, scored by the model being trained",
    "retain_ref": "the same answers under the frozen reference",
    "refusal": "the forget questions answered with a refusal; row i pairs with row i of forget",
    "refusal_ref": "the same refusals under the frozen reference",
}


@dataclass(frozen=True)
class Phase:
    """One phase of an algorithm: what it trains on, and for how long.

    Attributes:
        name: a word, for plan and record.
        loss: its arguments are the phase's inputs; None for a phase without gradients, each of whose steps is one
            ``trainer.probe``.
        steps: how many; None: those of the recipe. From an option, or from the number of rows.
        probe: follow forgetting on the way; not in a phase that is no unlearning yet.
    """

    name: str
    loss: "Callable[..., Tensor | dict[str, Tensor]] | None" = None
    steps: int | None = None
    probe: bool = True


class Trainer(Protocol):
    """What ``prepare`` and ``unlearn`` are handed: a fresh ``unlearn`` adapter on top of the frozen target.

    Attributes:
        engine: the model; ``engine.score`` and ``engine.generate`` ask it in a state.
        pools: ``forget`` and ``retain``, the examples to train on.
        recipe: the values of stage 2, the same for all algorithms.
        seed: of the draws and of the adapter's start.
        steps: done so far, over all phases.
    """

    engine: "Engine"
    pools: Mapping[str, Sequence[Example]]
    recipe: "Unlearn"
    seed: int
    steps: int

    @property
    def n_layers(self) -> int:
        """Decoder layers of the language model."""
        ...

    def fresh(self) -> "list[Parameter]":
        """Put a new ``unlearn`` adapter on, zero at its start; return its parameters."""
        ...

    def train(
        self,
        loss: "Callable[..., Tensor | dict[str, Tensor]] | None" = None,
        probe: bool = True,
        steps: int | None = None,
    ) -> bool:
        """Train the ``unlearn`` adapter for some steps.

        Args:
            loss: takes inputs by name and returns one value per answer; the algorithm's own by default.
            probe: follow forgetting on the way; not in a phase that is no unlearning yet.
            steps: of this phase; by default the recipe's. As ``Unlearner.phases`` says, which plan and record go by.

        Returns:
            Whether the run asks to stop (``--stop-at``): end without another phase.

        Raises:
            Diverged: the loss became non-finite.
            OptionError: ``steps`` is no whole number of at least 1.
        """
        ...

    def probe(self, **facts: float) -> bool:
        """Count one step of a method without a gradient loop and look at forgetting.

        Args:
            facts: numbers of the step, for ``steps.jsonl``.

        Returns:
            Whether the run asks to stop (``--stop-at``).
        """
        ...

    def adapter(self) -> "AdapterWeights":
        """Copy the ``unlearn`` adapter as it is now."""
        ...

    def set_adapter(self, found: "AdapterWeights", replace_target: bool = False) -> None:
        """Make an adapter the ``unlearn`` one.

        Args:
            found: from ``adapter`` or ``relearn``.
            replace_target: it stands in place of the target, not on top of it.
        """
        ...

    def relearn(self, pool: Sequence[Example]) -> "AdapterWeights":
        """Return what stage 1 would have learned from these rows; kept on disk like stage 1 itself.

        The algorithm says so by ``relearns = True``. The ``unlearn`` adapter starts anew.
        """
        ...

    def generate(
        self,
        examples: Sequence[Example],
        which: Literal["base", "target", "unlearned"] = "target",
        max_new_tokens: int | None = None,
        temperature: float = 0.0,
        draw: int = 0,
    ) -> list[str]:
        """Return answers to some examples' questions.

        Args:
            examples: what to ask; their answers are ignored.
            which: state of the model.
            max_new_tokens: where an answer is cut; None: where the run cuts answers to the forget set, a margin after
                its longest true one.
            temperature: 0 takes the likeliest token each time; above, tokens are drawn, the same ones in each run of
                a seed, however the examples are batched.
            draw: another number gives other answers, where tokens are drawn.
        """
        ...


class Unlearner(Configurable, abc.ABC):
    """An unlearning algorithm: write ``loss``, and ``phases`` or ``unlearn`` where there is more to it than a loss.

    Attributes:
        reference: what a ``*_ref`` input must carry beside log-probabilities, for example
            ``{"retain_ref": "logits"}`` for a KL term.
        inputs: inputs of its own, name → the pool (``forget`` or ``retain``) whose examples they
            pair with. A method of that name turns an example into the one to score:
            ``def paraphrase(self, example): return dataclasses.replace(example, question=...)``.
            ``paraphrase_ref`` is the same under the reference.
        layers: decoder layers, counted from 1, whose output each input shall carry in
            ``.hidden[layer]``; a property where an option decides.
        relearns: it calls ``trainer.relearn``, which needs a stage 1 of this run (``--target`` has none).
        gold_standard: its model never saw the forget set; reports show the others' distance to it.
    """

    reference: ClassVar[Mapping[str, str]] = {}
    inputs: ClassVar[Mapping[str, str]] = {}
    relearns: ClassVar[bool] = False
    gold_standard: ClassVar[bool] = False

    def loss(self, *args: Any, **inputs: Any) -> "Tensor | dict[str, Tensor]":
        """Return one loss value per answer, a ``(n,)`` tensor, or named terms of such tensors.

        Name the inputs you need as arguments (see ``INPUTS``); each is a ``Scores``. The engine
        divides each term by its count over the global batch, so never take the mean yourself.
        """
        raise NotImplementedError

    def prepare(self, trainer: Trainer) -> None:
        """Do once what the first step needs: generate targets of your own, draw a direction."""

    def after_step(self, terms: Mapping[str, float]) -> dict[str, float]:
        """Change what the next step depends on, such as a weight; called when a step is done.

        What is noted on ``self`` is kept for ``run --resume``, and each process is told the same.

        Args:
            terms: each term's mean over the step's answers, of all processes.

        Returns:
            Numbers of the step, for ``steps.jsonl``.
        """
        return {}

    def unlearn(self, trainer: Trainer) -> None:
        """Make the model forget; by default by training through ``phases``.

        Override it where there is more to do than to train, and declare ``phases`` beside it.
        """
        for phase in self.phases:
            if trainer.train(phase.loss, probe=phase.probe, steps=phase.steps):
                return

    @property
    def phases(self) -> tuple[Phase, ...]:
        """What it trains on, one ``Phase`` after the other; by default one, on ``loss`` for the recipe's steps.

        Plan, record, progress and the memory estimate go by it, and ``unlearnzoo check`` compares it with what
        ``unlearn`` does.
        """
        return (Phase("unlearn", self.loss),) if has_loss(type(self)) else ()

    @property
    def layers(self) -> tuple[int, ...]:
        """No hidden states."""
        return ()

    @property
    def needs(self) -> frozenset[str]:
        """Inputs that this configuration needs, by default all arguments of ``loss`` that have no default.

        Override where an option decides whether an argument that defaults to None is needed.
        """
        return named_inputs(type(self).loss) if has_loss(type(self)) else frozenset()


class RetainTerm(Unlearner):
    """An algorithm whose loss may have one more term, which holds the retain answers; a weight of 0 leaves it out.

    Name ``retain`` last in ``loss``, with the default None, and add ``self.retain_term(retain)`` to the other terms.
    """

    retain_weight: float = option(0.0, "Weight of a retain term; 0 is the plain method", ge=0)

    @property
    def needs(self) -> frozenset[str]:
        """Retain answers only where they count."""
        return super().needs | ({"retain"} if self.retain_weight else set())

    def retain_term(self, retain: "Scores | None") -> "dict[str, Tensor]":
        """Return the weighted negative log-likelihood of each retain answer, ``(n,)``; no term without answers."""
        return {} if retain is None else {"retain": self.retain_weight * retain.nll}


def has_loss(cls: type[Unlearner]) -> bool:
    """Return whether an algorithm has a loss of its own."""
    return cls.loss is not Unlearner.loss


def named_inputs(loss: Callable[..., object]) -> frozenset[str]:
    """Return the arguments of a loss that have no default."""
    parameters = inspect.signature(loss).parameters.values()
    return frozenset(p.name for p in parameters if p.name != "self" and p.default is p.empty)


def offered(cls: type[Unlearner]) -> dict[str, str]:
    """Return all inputs that a loss of this algorithm can name, its own among them, with one line each."""
    own = {name: f"its own answer for each {pool} example" for name, pool in cls.inputs.items()}
    return INPUTS | own | {f"{name}_ref": "the same answers under the frozen reference" for name in own}


def inputs_of(one: Unlearner, loss: Callable[..., object]) -> frozenset[str]:
    """Return what a loss is handed: of the algorithm's own what its options need, of another all its arguments."""
    return one.needs if loss == one.loss else named_inputs(loss)


def undeclared(one: Unlearner) -> bool:
    """Return whether ``unlearn`` is its own and says nothing of its phases, so that they can only be assumed."""
    cls = type(one)
    return cls.unlearn is not Unlearner.unlearn and cls.phases is Unlearner.phases and not cls.relearns


def planned_phases(one: Unlearner) -> tuple[Phase, ...]:
    """Return its phases; of an algorithm that declares none and has no loss, one on the forget answers is assumed."""
    if undeclared(one) and not one.phases:
        return (Phase("unlearn", lambda forget: forget.nll),)
    return one.phases


def asked(one: Unlearner) -> frozenset[str]:
    """Return the inputs of all its phases."""
    return frozenset[str]().union(*(inputs_of(one, phase.loss) for phase in planned_phases(one) if phase.loss))

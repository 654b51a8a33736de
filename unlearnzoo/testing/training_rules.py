"""The rules of what a loss does to a model: a small one that knows the answers, and an adapter on it."""

import copy
import functools
from collections.abc import Iterable

import torch

from ..models import lora
from ..models.scores import Scores
from ..unlearner import Unlearner
from .algorithm import Algorithm, distributions, mapped, total
from .model import AdaptedModel
from .rules import expect, rule

#: Steps of a fixed length along the gradient, so that the scale of a loss does not count.
STEPS, LENGTH = 25, 0.1
#: Change of an answer's log-probability that counts, in nats.
VISIBLE = 0.5


@rule(
    why="only the unlearn adapter is trained: without a gradient nothing happens, and the target and its cached "
    "references must stay as they are.",
    fix="remove .detach(), torch.no_grad(), .item() and clamps between `.logps`, `.nll`, `.kl` or `.logits` and "
    "what is returned.",
)
def gradient(subject: Algorithm) -> None:
    """A loss without a gradient on the unlearn adapter, or with one on anything else."""
    one, model = subject.fresh(), _model(subject)
    inputs = _references(one, model) | _policy(one, model)
    loss = total(one, inputs)
    expect(loss.requires_grad, "the loss carries no gradient; is it detached?")
    loss.backward()
    with_gradient = {
        path
        for path, parameter in model.model.named_parameters()
        if parameter.grad is not None and parameter.grad.abs().sum() > 0
    }
    expect(any(".unlearn." in path for path in with_gradient), "the gradient on the unlearn adapter is 0")
    others = sorted(path for path in with_gradient if ".unlearn." not in path)
    expect(not others, f"the loss has a gradient on {others[:1]}, which is frozen")
    carrying = [name for name, scores in inputs.items() if name.endswith("_ref") and scores.token_logps.requires_grad]
    expect(not carrying, f"{carrying[:1]} carries a gradient")


@rule(
    why="unlearning is what it is for; a wrong sign, or refusal and answer in each other's place, does the opposite.",
    fix="the engine minimises: `-forget.nll` forgets, `forget.nll` learns; in a preference the refusal wins.",
)
def forgets(subject: Algorithm) -> None:
    """A loss that neither makes the forget answers less likely nor refusals likelier than them.

    Counted after small steps on a model that knows the answers, along the gradient that comes
    through the forget side (a heavy retain term would hide it here): the mean log-probability of the
    forget answers must fall, or that of refusals (or inputs of its own) rise over them, by half a nat.
    """
    one, model = subject.fresh(), _model(subject)
    side = {name for name in one.needs if subject.forget_side(name)}
    instead = sorted({name for name in side if not name.endswith("_ref")} - {"forget"})
    before = _logps(model, ["forget", *instead])
    _descend(one, model, side)
    after = _logps(model, ["forget", *instead])
    fell = before["forget"] - after["forget"]
    rose = {name: (after[name] - after["forget"]) - (before[name] - before["forget"]) for name in instead}
    told = "".join(f", and {name} changed by {by:+.2f} against them" for name, by in rose.items())
    expect(
        max(fell, *rose.values(), 0.0) > VISIBLE,
        f"after {STEPS} steps the log-probability of the forget answers changed by {-fell:+.2f}{told}",
    )


@rule(
    why="retain answers are asked for to be kept.",
    fix="the engine minimises: write `retain.nll` or `retain.kl(retain_ref)`, with no minus.",
)
def keeps(subject: Algorithm) -> None:
    """A retain term that drives the model away from the retain answers and from the target's view of them."""
    one, model = subject.fresh(), _model(subject)
    kept = frozenset(name for name in one.needs if not subject.forget_side(name))
    if not any(not name.endswith("_ref") for name in kept):
        return
    before = _logps(model, ["retain"])["retain"], _distance(model)
    if _descend(one, model, kept):
        after = _logps(model, ["retain"])["retain"], _distance(model)
        expect(
            after[0] > before[0] or after[1] < before[1],
            f"the retain term alone changed the retain answers' log-probability by {after[0] - before[0]:+.2f} and "
            f"their distance from the target by {after[1] - before[1]:+.2f} after {STEPS} steps",
        )


@functools.cache
def _taught() -> AdaptedModel:
    """Return a model whose target knows the forget and retain answers, and whose policy is near it."""
    model = AdaptedModel()
    with torch.no_grad():
        for path, parameter in model.model.named_parameters():
            if ".lora_B.unlearn." in path:
                parameter.mul_(0.1)
    # All its weights: what a rank-2 adapter can learn on a random model is too little to forget.
    learning = [p.requires_grad_() for path, p in model.model.named_parameters() if ".unlearn." not in path]
    optimizer = torch.optim.Adam(learning, lr=0.02)
    for _ in range(40):
        optimizer.zero_grad()
        torch.stack([model.scores(role, "target").nll.mean() for role in ("forget", "retain")]).sum().backward()
        optimizer.step()
    optimizer.zero_grad()
    model.parameters = lora.train_only(model.model, "unlearn")
    return model


def _model(subject: Algorithm) -> AdaptedModel:
    model = copy.deepcopy(_taught())
    model.parameters = lora.train_only(model.model, "unlearn")
    model.lengths = subject.lengths
    return model


def _references(one: Unlearner, model: AdaptedModel) -> dict[str, Scores]:
    return model.inputs([name for name in one.needs if name.endswith("_ref")], distributions(one), one.layers)


def _policy(one: Unlearner, model: AdaptedModel) -> dict[str, Scores]:
    return model.inputs([name for name in one.needs if not name.endswith("_ref")], layers=one.layers)


def _descend(one: Unlearner, model: AdaptedModel, trained: Iterable[str]) -> bool:
    """Take some steps along the gradient that comes through some inputs; False where there is none."""
    references, through = _references(one, model), frozenset(trained)
    for _ in range(STEPS):
        policy = {
            name: scores if name in through else mapped(scores, torch.Tensor.detach)
            for name, scores in _policy(one, model).items()
        }
        loss = total(one, references | policy)
        if not loss.requires_grad:
            return False
        found = torch.autograd.grad(loss, model.parameters, allow_unused=True)
        norm = sum(float(grad.square().sum()) for grad in found if grad is not None) ** 0.5
        if not norm > 0:
            return False
        with torch.no_grad():
            for parameter, grad in zip(model.parameters, found, strict=True):
                if grad is not None:
                    parameter.sub_(grad, alpha=LENGTH / norm)
    return True


@torch.no_grad()
def _logps(model: AdaptedModel, roles: Iterable[str]) -> dict[str, float]:
    """Return the mean log-probability of each role's answers."""
    return {role: float(model.scores(role, "unlearned").logps.mean()) for role in roles}


@torch.no_grad()
def _distance(model: AdaptedModel) -> float:
    """Return the policy's mean divergence from the target on the retain answers."""
    return float(model.scores("retain", "unlearned").kl(model.scores("retain", "target")).mean())

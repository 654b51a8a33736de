"""The rules of a loss, tried on random answers of unequal length."""

import dataclasses

import torch
from torch import Tensor

from ..errors import OptionError
from ..models.scores import Scores
from ..options import describe
from ..unlearner import Unlearner
from .algorithm import Algorithm, Inputs, admissible, changed, distributions, gradients, tensors, terms
from .answers import kept
from .randomness import seeded
from .rules import expect, rule


@rule(
    why="the engine divides each term by its count over the whole batch; a scalar, or a vector of another length, "
    "would make the result depend on how the batch was cut.",
    fix='return a (n,) tensor, or a dict of them: `-forget.nll`, `{"retain": retain.nll}`; a term named as an '
    "input has as many values as that input has answers. Take no mean.",
)
def one_value_an_answer(subject: Algorithm) -> None:
    """A loss that is a scalar, a list, of another length than its answers, or not finite."""
    one = subject.fresh()
    for seed in range(3):
        _expect_finite(one, subject.inputs(one, seed), "random answers")


@rule(
    why="a micro-batch holds what fits: often forget answers without a retain answer, or the reverse.",
    fix="use no max, min, mean or [0] over answers; `-forget.nll` of no answers is the empty tensor already.",
)
def empty_micro_batch(subject: Algorithm) -> None:
    """A loss that fails, or is not of length 0 and finite, where a micro-batch has no answers of a pool."""
    one = subject.fresh()
    inputs = subject.inputs(one)
    rows = _rows(subject, inputs)
    for here in ({}, *({pool: range(n)} for pool, n in rows.items())):
        _expect_finite(one, subject.take(inputs, here), f"{' and '.join(here) or 'no'} answers alone")


@rule(
    why="answers are padded, packed and cut into micro-batches as they fit; the objective must not depend on it.",
    fix="compute each answer from its own tokens: `.logps` sums them, `.nll` is their negative mean, `.kl(ref)` is "
    "masked; no mean, max or softmax over answers or over all tokens of the batch.",
)
def neighbours(subject: Algorithm) -> None:
    """A loss of one answer that changes with the other answers of its micro-batch."""
    one = subject.fresh()
    inputs = subject.inputs(one)
    together = terms(one, inputs)
    alone = [
        terms(one, subject.take(inputs, {pool: [i]})) for pool, n in _rows(subject, inputs).items() for i in range(n)
    ]
    for name, values in together.items():
        single = torch.cat([found[name].detach() for found in alone if name in found])
        expect(
            _close(single, values),
            f"term {name!r} is {_short(values)} for the answers together, and "
            f"{_short(single)} for the same answers one at a time",
        )


@rule(
    why="rows come in the order in which they were packed, another one in each run.",
    fix="give each answer the value of its own row; row i of forget, of its reference and refusal are one question.",
)
def order(subject: Algorithm) -> None:
    """A loss that changes when the answers come in another order."""
    one = subject.fresh()
    inputs = subject.inputs(one)
    turned = {pool: [*range(1, n), 0] for pool, n in _rows(subject, inputs).items()}
    places = {len(rows): rows for rows in turned.values()}
    before, after = terms(one, inputs), terms(one, subject.take(inputs, turned))
    for name, values in before.items():
        expect(
            _close(after[name], values[places[len(values)]]),
            f"term {name!r} is {_short(values[places[len(values)]])}, but {_short(after[name])} "
            "where the answers came in that order",
        )


@rule(
    why="a run must repeat; what a loss remembers is in no record, and another batch would have left other memories.",
    fix="keep nothing on self or in globals; for several phases write `phases`.",
)
def deterministic(subject: Algorithm) -> None:
    """A loss that differs between two calls, or after other answers, or between two instances."""
    one = subject.fresh()
    inputs, others = subject.inputs(one), subject.inputs(one, seed=1)
    first = terms(one, inputs)
    terms(one, others)
    for who, again in (("the second time", one), ("of another instance", subject.fresh())):
        for name, values in terms(again, inputs).items():
            expect(_close(values, first[name]), f"term {name!r} is {_short(first[name])}, {who} {_short(values)}")


@rule(
    why="draws of answers and of everything else would depend on the algorithm, and no seed would repeat a run.",
    fix="use a generator of your own with a seed of its own: torch.Generator().manual_seed(0).",
)
def random_state(subject: Algorithm) -> None:
    """A loss that reads or moves the global random state of torch, numpy or random."""
    one = subject.fresh()
    inputs = subject.inputs(one)
    found = [seeded(seed, lambda: terms(one, inputs), "the loss") for seed in (1, 2)]
    for name, values in found[0].items():
        expect(_close(values, found[1][name]), f"term {name!r} depends on the global random seed")


@rule(
    why="logits go on to other terms, and references to other steps: a change in place spoils all that follow.",
    fix="write no `_()` method and no `[...] =` on inputs (clone first), and leave requires_grad as it is.",
)
def inputs_kept(subject: Algorithm) -> None:
    """A loss that changes its inputs in place, or lets a reference carry a gradient."""
    one = subject.fresh()
    inputs = subject.inputs(one)
    before = {name: _snapshot(scores) for name, scores in inputs.items()}
    terms(one, inputs)
    for name, scores in inputs.items():
        for field, (tensor, grad) in _snapshot(scores).items():
            old, had = before[name][field]
            expect(torch.equal(tensor, old), f"the loss changes {name}.{field} in place")
            expect(grad == had, f"the loss makes {name}.{field} {'carry' if grad else 'drop'} a gradient")


@rule(
    why="each input costs a forward and memory in every step; a refusal or reference that does not count is most "
    "often a slip (the forget answers used twice, the reference forgotten).",
    fix="use it in the loss, or take it out of the arguments; where an option decides, give it the default None and "
    "override `needs`.",
)
def inputs_used(subject: Algorithm) -> None:
    """An input that is asked for but has no influence on the training."""
    one = subject.fresh()
    inputs, others = subject.inputs(one), subject.inputs(one, seed=1)
    before = gradients(one, inputs)
    for name in inputs:
        if any(grad.abs().sum() > 0 for path, grad in before.items() if path.startswith(f"{name}.")):
            continue
        swapped = {**inputs, name: _same_ids(inputs[name], others[name])}
        after = gradients(one, swapped)
        expect(
            any(not _close(after[path], grad) for path, grad in before.items() if path in after),
            f"{name!r} is asked for, but other values of it change nothing in the training",
        )


@rule(
    why="models run in bf16: its range is wide but its steps are coarse, and fp16 ends at 65,504.",
    fix="call .float() on `.logits` before anything else; `.logps`, `.nll` and `.kl` are fp32 already; no .half().",
)
def half_precision(subject: Algorithm) -> None:
    """A loss that is not finite and fp32 for logits in bf16."""
    one = subject.fresh()
    inputs = {name: _in_bf16(scores) for name, scores in subject.inputs(one).items()}
    for name, values in _expect_finite(one, inputs, "logits in bf16").items():
        expect(values.dtype == torch.float32, f"term {name!r} is {values.dtype} for logits in bf16")


@rule(
    why="stage 2 starts with the model equal to its reference, from answers it is certain of, and ends far away; one "
    "value that is not finite ends the run.",
    fix="use stable forms: logsigmoid, softplus, log_softmax, log1p, expm1, clamp with a floor; no exp of a sum of "
    "log-probabilities, no square root or norm of what can be 0.",
)
def extreme_answers(subject: Algorithm) -> None:
    """A loss or gradient that is not finite at the reference, for certain answers, or for very unlikely ones."""
    one = subject.fresh()
    plain = subject.inputs(one)
    with_logits = distributions(one)
    at_start = {
        name: kept(plain[role], name in with_logits)
        if (role := name.removesuffix("_ref")) != name and role in plain
        else scores
        for name, scores in plain.items()
    }
    policy = {name: scores for name, scores in plain.items() if not name.endswith("_ref")}
    references = {name: scores for name, scores in plain.items() if name.endswith("_ref")}
    for inputs, when in (
        (at_start, "a model equal to its reference"),
        (plain | changed(policy, _far), "very unlikely answers"),
        (plain | changed(references, _far), "answers learned since the reference"),
        (plain | {name: _certain(scores) for name, scores in policy.items()}, "certain answers"),
    ):
        _expect_finite(one, inputs, when)


@rule(
    why="whoever sets an option to an admissible value gets a run, not a diverged one.",
    fix="forbid the value with gt, ge or le of `option`, or compute in a form that is stable there.",
)
def extreme_options(subject: Algorithm) -> None:
    """A loss or gradient that is not finite for an admissible value of an option."""
    for row in describe(subject.cls):
        for value in admissible(row):
            try:
                one = subject.fresh(**{row["name"]: value})
            except OptionError:
                continue
            if one.needs:
                _expect_finite(one, subject.inputs(one), f"{row['name']}={value!r}")


def _expect_finite(one: Unlearner, inputs: Inputs, when: str) -> dict[str, Tensor]:
    """Expect terms and their gradients to be finite; return the terms."""
    found = terms(one, inputs)
    for name, values in found.items():
        expect(bool(values.isfinite().all()), f"term {name!r} is {_short(values)} for {when}")
    for path, grad in gradients(one, inputs).items():
        expect(bool(grad.isfinite().all()), f"the gradient on {path} is not finite for {when}")
    return found


def _rows(subject: Algorithm, inputs: Inputs) -> dict[str, int]:
    """Return how many rows each pool has."""
    return {"forget" if subject.forget_side(name) else "retain": scores.n for name, scores in sorted(inputs.items())}


def _close(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(one.detach().float(), other.detach().float(), 1e-4, 1e-5)


def _short(values: Tensor) -> str:
    """Return a vector for a message."""
    return f"[{', '.join(f'{value:.4g}' for value in values.detach().flatten().tolist()[:6])}]"


def _snapshot(scores: Scores) -> dict[str, tuple[Tensor, bool]]:
    """Copy all tensors, the log-probabilities that scores keep for the next call among them."""
    kept_for_later = {"token_logps": scores.token_logps}
    return {
        field: (tensor.detach().clone(), tensor.requires_grad)
        for field, tensor in (tensors(scores) | kept_for_later).items()
    }


def _same_ids(scores: Scores, other: Scores) -> Scores:
    """Return other numbers for the same answers."""
    return dataclasses.replace(other, targets=scores.targets, row=scores.row)


def _far(values: Tensor) -> Tensor:
    return 400 * values


def _in_bf16(scores: Scores) -> Scores:
    """Return scores with logits in bf16; the rest is fp32 whatever the model runs in."""
    logits = scores.raw_logits
    return (
        scores
        if logits is None
        else dataclasses.replace(scores, raw_logits=logits.detach().bfloat16().requires_grad_(logits.requires_grad))
    )


def _certain(scores: Scores) -> Scores:
    """Return scores whose tokens have a probability of 1."""
    logits = scores.logits.detach()
    sure = 1000.0 * torch.nn.functional.one_hot(scores.targets, logits.shape[1])
    return dataclasses.replace(scores, raw_logits=(logits + sure).requires_grad_())

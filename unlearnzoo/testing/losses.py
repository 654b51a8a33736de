"""Hold a loss against a second formula, on random answers and on a real adapted model."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch

from ..models.scores import Scores
from ..unlearner import Unlearner
from .answers import plain, random_inputs
from .model import AdaptedModel

#: Takes what the loss takes, as lists of ``Answer``; returns one value per answer by term.
Formula = Callable[..., Mapping[str, Sequence[float]]]


def check_loss(algorithm: Unlearner, formula: Formula) -> None:
    """Check that a loss gives what a formula written apart from it gives, and trains the adapter.

    Args:
        algorithm: with the options to check.
        formula: the same in numpy; terms are named as in the loss, a loss without names is ``loss``.

    Raises:
        AssertionError: a term is missing, has another shape or value, or gives no gradient.
    """
    distributions = [name for name, what in algorithm.reference.items() if what == "logits"]
    for seed in range(3):
        _compare(algorithm, random_inputs(algorithm.needs, distributions, seed), formula)
    model = AdaptedModel()
    total = _compare(algorithm, model.inputs(algorithm.needs, distributions), formula)
    total.backward()
    moved = [p for p in model.parameters if p.grad is not None and p.grad.abs().sum() > 0]
    assert moved, "the loss gives the adapter no gradient; is it detached?"
    others = [n for n, p in model.model.named_parameters() if p.grad is not None and ".unlearn." not in n]
    assert not others, f"the loss gives a gradient to {others[0]}, which is frozen"


def _compare(algorithm: Unlearner, inputs: Mapping[str, Scores], formula: Formula) -> torch.Tensor:
    """Compare all terms and return their sum."""
    loss = algorithm.loss(**inputs)
    terms = loss if isinstance(loss, dict) else {"loss": loss}
    wanted = formula(**{name: plain(scores) for name, scores in inputs.items()})
    assert set(terms) == set(wanted), f"the loss has terms {sorted(terms)}, the formula {sorted(wanted)}"
    for name, values in terms.items():
        expected = np.asarray(wanted[name])
        assert tuple(values.shape) == expected.shape, (
            f"term {name!r} has shape {tuple(values.shape)}, expected {expected.shape}: one value per answer"
        )
        np.testing.assert_allclose(values.detach().numpy(), expected, rtol=1e-5, atol=1e-6, err_msg=name)
    return torch.stack([values.sum() for values in terms.values()]).sum()

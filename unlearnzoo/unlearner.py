"""The contract of an unlearning algorithm: options as fields, one ``loss``."""

import abc
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from .options import Configurable

if TYPE_CHECKING:
    from torch import Tensor

#: What the engine can hand to ``Unlearner.loss``, by argument name.
INPUTS = {
    "forget": "the forget answers, scored by the model being trained",
    "forget_ref": "the same answers under the frozen reference (the target model)",
    "retain": "the retain answers, scored by the model being trained",
    "retain_ref": "the same answers under the frozen reference",
    "refusal": "the forget questions answered with a refusal; row i pairs with row i of forget",
    "refusal_ref": "the same refusals under the frozen reference",
}


class Unlearner(Configurable, abc.ABC):
    """An unlearning algorithm.

    Attributes:
        reference: what a ``*_ref`` input must carry beside log-probabilities, for example
            ``{"retain_ref": "logits"}`` for a KL term.
    """

    reference: ClassVar[Mapping[str, str]] = {}

    @abc.abstractmethod
    def loss(self, *args: Any, **inputs: Any) -> "Tensor | dict[str, Tensor]":
        """Return one loss value an answer, a ``(n,)`` tensor, or named terms of such tensors.

        Name the inputs you need as arguments (see ``INPUTS``); each is a ``Scores``. The engine
        divides each term by its count over the global batch, so never take the mean yourself.
        """

    @property
    def needs(self) -> frozenset[str]:
        """Inputs that this configuration needs, by default all arguments of ``loss`` that have no default.

        Override where an option decides whether an argument that defaults to None is needed.
        """
        parameters = inspect.signature(type(self).loss).parameters.values()
        return frozenset(p.name for p in parameters if p.name != "self" and p.default is p.empty)

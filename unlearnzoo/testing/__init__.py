"""Checks that plugin authors call from their own tests; needs no benchmark and no download."""

from .answers import Answer, plain, random_inputs
from .losses import check_loss
from .model import AdaptedModel

__all__ = ["AdaptedModel", "Answer", "check_loss", "plain", "random_inputs"]

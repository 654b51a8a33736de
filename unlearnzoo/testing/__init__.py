"""Checks that plugin authors call from their own tests; needs no benchmark and no download."""

from .answers import Answer, plain, random_inputs
from .checks import benchmark_checks, metric_checks, unlearner_checks
from .losses import check_loss
from .model import AdaptedModel
from .rules import CheckFailed

__all__ = [
    "AdaptedModel",
    "Answer",
    "CheckFailed",
    "benchmark_checks",
    "check_loss",
    "metric_checks",
    "plain",
    "random_inputs",
    "unlearner_checks",
]

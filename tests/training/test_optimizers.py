"""The sum of all processes' gradients: one message per step, each gradient back in its place, bit by bit."""

import pytest
import torch

from unlearnzoo.training.optimizers import Stepper
from unlearnzoo.training.recipe import Unlearn

SHAPES = [(3, 5), (7,), (2, 3, 4), (1, 1)]


class Two:
    """Two processes of which the other one found the same, with other signs."""

    n = 2

    def __init__(self):
        self.messages = []

    def all_reduce(self, tensor):
        self.messages.append(tensor.clone())
        tensor.add_(torch.linspace(-1.0, 1.0, len(tensor)))


def parameters():
    generator, made = torch.Generator().manual_seed(0), []
    for shape in SHAPES:
        parameter = torch.nn.Parameter(torch.zeros(shape))
        parameter.grad = torch.randn(shape, generator=generator)
        made.append(parameter)
    # As a backward may leave it: not contiguous; and an adapter that no micro-batch used.
    made[0].grad = torch.randn(SHAPES[0][::-1], generator=generator).t()
    made[1].grad = None
    return made


def test_gradients_are_added_up_in_one_message_and_return_to_their_places():
    ours, ranks = parameters(), Two()
    grads = [torch.zeros(shape) if p.grad is None else p.grad.clone() for p, shape in zip(ours, SHAPES, strict=True)]
    norm = Stepper(ours, Unlearn(clip=1e9), ranks).norm()
    # torch's own helpers for DistributedDataParallel, which are private.
    flat = torch._utils._flatten_dense_tensors(grads)
    (message,) = ranks.messages
    assert torch.equal(message, flat)
    summed = flat + torch.linspace(-1.0, 1.0, len(flat))
    wanted = torch._utils._unflatten_dense_tensors(summed, grads)
    assert all(torch.equal(p.grad, grad) for p, grad in zip(ours, wanted, strict=True))
    assert norm == pytest.approx(float(summed.norm()))


def test_alone_nothing_is_sent():
    ours, ranks = parameters(), Two()
    ranks.n = 1
    Stepper(ours, Unlearn(), ranks).norm()
    assert ranks.messages == [] and ours[1].grad is None

"""A base in fewer bits and activations computed again, on two processes: the losses of one process."""

import pytest

from tests.support.checkpoints import llava
from tests.support.launched import script
from unlearnzoo.launch import configs

pytestmark = pytest.mark.alone
BASE = {"fp32": "torch.float32", "bf16": "torch.bfloat16", "4bit": "torch.uint8"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("launch", "precision", "recompute", "loss"),
    [
        ("ddp", "fp32", "yes", 1e-4),
        ("zero2", "fp32", "yes", 1e-4),
        ("zero3", "fp32", "yes", 5e-3),
        ("zero2", "bf16", "yes", 2e-2),
        ("zero3", "bf16", "no", 3e-2),
        ("ddp", "4bit", "yes", 2e-2),
        ("zero2", "4bit", "no", 2e-2),
    ],
)
def test_two_processes_give_what_one_gives(launch, precision, recompute, loss, shares):
    one, two = shares(None)[f"trained:{precision}:no"], shares(launch)[f"trained:{precision}:{recompute}"]
    assert two["losses"] == pytest.approx(one["losses"], rel=loss)
    assert one["losses"][-1] < 0.9 * one["losses"][0]
    # DeepSpeed has left the numbers as they are: the adapter in fp32 beside whatever the base is in.
    assert two["base"] == one["base"] == [BASE[precision]] and two["trained"] == ["torch.float32"]


@pytest.mark.slow
def test_sharded_weights_in_4_bits_are_refused(shares):
    assert shares("zero3")["trained:4bit:no"]["error"].endswith(
        "4bit: sharded weights (zero3) cannot be in 4 bits; use zero2"
    )


@pytest.mark.soak
def test_states_and_weights_that_wait_in_the_host_s_memory_change_nothing(tmp_path):
    """Here the host's memory is the device's, too: what is shown is that such a file works."""
    pytest.importorskip("deepspeed")
    folder, own, thing = llava(tmp_path / "llava", hidden=64), tmp_path / "own.yaml", "trained:fp32:no"
    shipped = configs.find("zero3").read_text()
    own.write_text(
        shipped.replace(
            "  zero_stage: 3\n", "  zero_stage: 3\n  offload_optimizer_device: cpu\n  offload_param_device: cpu\n"
        )
    )
    assert own.read_text() != shipped
    one, two = script("shares", folder, thing)[thing], script("shares", folder, thing, launch=own)[thing]
    assert two["losses"] == pytest.approx(one["losses"], rel=5e-3)

"""A base in fewer bits and activations computed again, on two processes: the losses of one process."""

import pytest

from tests.support.checkpoints import llava
from tests.support.launched import script
from unlearnzoo.launch import files

pytestmark = pytest.mark.slow
BASE = {"fp32": "torch.float32", "bf16": "torch.bfloat16", "4bit": "torch.uint8"}


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    folder = llava(tmp_path_factory.mktemp("llava"), hidden=64)
    return folder, {precision: script("trained", folder, precision, "no") for precision in BASE}


@pytest.mark.parametrize(("launch", "precision", "recompute", "loss"), [
    ("ddp", "fp32", "yes", 1e-4), ("zero2", "fp32", "yes", 1e-4), ("zero3", "fp32", "yes", 5e-3),
    ("zero2", "bf16", "yes", 2e-2), ("zero3", "bf16", "no", 3e-2), ("ddp", "4bit", "yes", 2e-2),
    ("zero2", "4bit", "no", 2e-2)])
def test_two_processes_give_what_one_gives(launch, precision, recompute, loss, alone):
    folder, one = alone
    two = script("trained", folder, precision, recompute, launch=launch)
    assert two["losses"] == pytest.approx(one[precision]["losses"], rel=loss)
    assert one[precision]["losses"][-1] < 0.9 * one[precision]["losses"][0]
    # DeepSpeed has left the numbers as they are: the adapter in fp32 beside whatever the base is in.
    assert two["base"] == one[precision]["base"] == [BASE[precision]] and two["trained"] == ["torch.float32"]


def test_states_and_weights_that_wait_in_the_host_s_memory_change_nothing(alone, tmp_path):
    """Here the host's memory is the device's, too: what is shown is that such a file works."""
    folder, one = alone
    own = tmp_path / "own.yaml"
    shipped = files.find("zero3").read_text()
    own.write_text(shipped.replace("  zero_stage: 3\n", "  zero_stage: 3\n  offload_optimizer_device: cpu\n"
                                                        "  offload_param_device: cpu\n"))
    assert own.read_text() != shipped
    two = script("trained", folder, "fp32", "no", launch=own)
    assert two["losses"] == pytest.approx(one["fp32"]["losses"], rel=5e-3)


def test_sharded_weights_in_4_bits_are_refused(alone):
    with pytest.raises(AssertionError, match=r"4bit: sharded weights \(zero3\) cannot be in 4 bits; use zero2"):
        script("trained", alone[0], "4bit", "no", launch="zero3")

"""The base in fewer bits: which layers, what it takes, and that its numbers are those of the weights it stands for."""

import dataclasses

import pytest
import torch

from tests.support.checkpoints import llava
from tests.support.engines import adapted
from tests.support.examples import people
from unlearnzoo.cli.app import main
from unlearnzoo.errors import OptionError
from unlearnzoo.models import adapters, load, precision
from unlearnzoo.runs.request import Request

bitsandbytes = pytest.importorskip("bitsandbytes")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return llava(tmp_path_factory.mktemp("wide"), hidden=64)


def loaded(folder, name):
    checkpoint = dataclasses.replace(load.inspect("test", folder), precision=name)
    return load.load(checkpoint, precision.dtype(name))


def test_only_the_language_model_is_in_4_bits(folder):
    model = loaded(folder, "4bit")
    packed = {n.removesuffix(".weight") for n, p in model.named_parameters() if p.dtype == torch.uint8}
    assert packed == set(adapters.linear_parts(model)["language"]) and len(packed) == 14
    assert {p.dtype for n, p in model.named_parameters() if n.removesuffix(".weight") not in packed} == {torch.bfloat16}


@pytest.mark.parametrize("name", precision.PRECISIONS)
def test_its_bytes_are_those_of_the_estimate(folder, name):
    model = loaded(folder, name)
    held = sum(p.numel() * p.element_size() for p in model.parameters())
    states = [p.quant_state for p in model.parameters() if hasattr(p, "quant_state")]
    # Beside the scales each matrix holds a table of the 16 numbers that four bits stand for.
    held += sum(s.absmax.numel() * s.absmax.element_size() for s in states)
    assert precision.sizes(load.empty(load.inspect("test", folder), torch.float32))[name] == held


def test_a_4_bit_model_is_the_bf16_model_of_the_weights_that_it_stands_for(folder):
    packed, plain = loaded(folder, "4bit"), loaded(folder, "bf16")
    for name, weight in packed.named_parameters():
        if weight.dtype == torch.uint8:
            values = bitsandbytes.functional.dequantize_4bit(weight.data, weight.quant_state)
            own = plain.get_parameter(name)
            assert 0.02 < (values.float() - own.float()).norm() / own.float().norm() < 0.15  # NF4 is coarse
            own.data.copy_(values)
    ids = torch.arange(3, 20)[None]
    ours, theirs = packed(input_ids=ids).logits.float(), plain(input_ids=ids).logits.float()
    assert (ours - theirs).norm() / theirs.norm() < 0.02


@pytest.mark.parametrize("name", ["bf16", "4bit"])
def test_adapters_train_in_fp32_beside_it(folder, name):
    engine = adapted(folder, precision=name)
    _, batch = next(iter(engine.batches([engine.encode(e) for e in people(2, 3)], 4, 10**6)))
    engine.forward(batch, "policy")[0].nll.sum().backward()
    grads = [p.grad for n, p in engine.model.named_parameters() if ".unlearn." in n]
    assert all(g.dtype == torch.float32 and g.isfinite().all() for g in grads) and any(g.abs().max() > 0 for g in grads)
    assert engine.generate([engine.encode(people(1, 1)[0])], "policy", 3)


def test_keys_of_caches_tell_them_apart(folder):
    assert len({adapted(folder, precision=name).numbers for name in precision.PRECISIONS}) == 3
    assert adapted(folder).numbers == adapted(folder, precision="fp32").numbers == "torch.float32"


def test_an_unknown_precision_is_refused(capsys):
    assert main(["run", "--algo", "gd", "--bench", "remem", "--precision", "8bit"]) == 2
    assert "--precision '8bit': choose fp32, bf16, 4bit" in capsys.readouterr().err


def test_4_bits_over_sharded_weights_are_refused():
    with pytest.raises(OptionError, match=r"cannot be in 4 bits; use zero2"):
        Request(algo=("gd",), bench="remem", precision="4bit", launch="zero3")


def test_4_bits_without_the_library_say_what_to_install(monkeypatch):
    monkeypatch.setattr(precision.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(OptionError, match=r"pip install 'unlearnzoo\[4bit\]'"):
        Request(algo=("gd",), bench="remem", precision="4bit")

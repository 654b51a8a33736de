"""The base in fewer bits: which layers, what it takes, and that its numbers are those of the weights it stands for."""

import dataclasses
import logging
import subprocess
import sys
import warnings

import pytest
import torch

from tests.support.checkpoints import llava
from tests.support.engines import adapted
from tests.support.examples import people
from unlearnzoo.cli.app import main
from unlearnzoo.errors import ModelError, OptionError
from unlearnzoo.models import checkpoint as checkpoints
from unlearnzoo.models import lora, precision
from unlearnzoo.planning.request import Request

bitsandbytes = pytest.importorskip("bitsandbytes")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return llava(tmp_path_factory.mktemp("wide"), hidden=64)


@pytest.fixture
def packs_anew(monkeypatch):
    """Let bitsandbytes do on any processor what it does where there is AVX512-BF16."""
    monkeypatch.setattr(bitsandbytes.nn.modules, "has_avx512bf16", lambda: True)


def loaded(folder, name):
    checkpoint = dataclasses.replace(checkpoints.inspect("test", folder), precision=name)
    return checkpoints.load(checkpoint, precision.dtype(name))


def layers(model):
    return {name: m for name, m in model.named_modules() if isinstance(m, bitsandbytes.nn.Linear4bit)}


def values(layer):
    return bitsandbytes.functional.dequantize_4bit(layer.weight.data, layer.weight.quant_state)


def off(found, right):
    return float((found.float() - right.float()).detach().norm() / right.detach().float().norm())


def test_only_the_language_model_is_in_4_bits(folder):
    model = loaded(folder, "4bit")
    packed = {n.removesuffix(".weight") for n, p in model.named_parameters() if p.dtype == torch.uint8}
    assert packed == set(lora.linear_parts(model)["language"]) and len(packed) == 14
    assert {p.dtype for n, p in model.named_parameters() if n.removesuffix(".weight") not in packed} == {torch.bfloat16}


@pytest.mark.parametrize("name", precision.PRECISIONS)
def test_its_bytes_are_those_of_the_estimate(folder, name):
    model = loaded(folder, name)
    held = sum(p.numel() * p.element_size() for p in model.parameters())
    states = [p.quant_state for p in model.parameters() if hasattr(p, "quant_state")]
    # Beside the scales each matrix holds a table of the 16 numbers that four bits stand for.
    held += sum(s.absmax.numel() * s.absmax.element_size() for s in states)
    assert precision.sizes(checkpoints.empty(checkpoints.inspect("test", folder), torch.float32))[name] == held


def test_a_4_bit_model_is_the_bf16_model_of_the_weights_that_it_stands_for(folder):
    packed, plain = loaded(folder, "4bit"), loaded(folder, "bf16")
    for name, weight in packed.named_parameters():
        if weight.dtype == torch.uint8:
            found = bitsandbytes.functional.dequantize_4bit(weight.data, weight.quant_state)
            own = plain.get_parameter(name)
            assert 0.02 < off(found, own) < 0.15  # NF4 is coarse
            own.data.copy_(found)
    ids = torch.arange(3, 20)[None]
    assert off(packed(input_ids=ids).logits, plain(input_ids=ids).logits) < 0.02


@pytest.mark.parametrize("name", ["bf16", "4bit"])
def test_adapters_train_in_fp32_beside_it(folder, name):
    engine = adapted(folder, precision=name)
    _, batch = next(iter(engine.batches([engine.encode(e) for e in people(2, 3)], 4, 10**6)))
    engine.forward(batch, "unlearned")[0].nll.sum().backward()
    grads = [p.grad for n, p in engine.model.named_parameters() if ".unlearn." in n]
    assert all(g.dtype == torch.float32 and g.isfinite().all() for g in grads) and any(g.abs().max() > 0 for g in grads)
    assert engine.generate([engine.encode(people(1, 1)[0])], "unlearned", 3)


@pytest.mark.usefixtures("packs_anew")
def test_a_4_bit_layer_multiplies_with_its_dequantised_weights_forwards_and_backwards(folder):
    for name, layer in layers(loaded(folder, "4bit")).items():
        held = values(layer)
        x, back = (torch.randn(5, n, dtype=torch.bfloat16) for n in (layer.in_features, layer.out_features))
        with torch.no_grad():
            assert off(layer(x), x @ held.T) < 0.01, name
        product = layer(x.requires_grad_())
        assert off(product, x @ held.T) < 0.01, name
        assert off(torch.autograd.grad(product, x, back)[0], back @ held) < 0.01, name
        assert torch.equal(values(layer), held), name


@pytest.mark.usefixtures("packs_anew")
def test_adapters_get_the_gradients_that_they_get_beside_the_dequantised_weights(folder):
    ours, theirs = (adapted(folder, precision=name) for name in ("4bit", "bf16"))
    for name, layer in layers(ours.model).items():
        theirs.model.get_submodule(name).weight.data.copy_(values(layer))
    found, right = gradients(ours), gradients(theirs)
    # The lowest layer's came through all others.
    assert found.keys() == right.keys() and any("layers.0." in name for name in found)
    assert {name: error for name in found if not (error := off(found[name], right[name])) < 0.05} == {}


def gradients(engine):
    """Return the adapters' gradients after answers were scored and generated, as in a run."""
    encoded = [engine.encode(e) for e in people(2, 3)]
    engine.score(encoded, "unlearned")
    engine.generate(encoded[:1], "unlearned", 2)
    _, batch = next(iter(engine.batches(encoded, 4, 10**6)))
    engine.forward(batch, "unlearned")[0].nll.sum().backward()
    return {n: p.grad for n, p in engine.model.named_parameters() if ".unlearn." in n}


def no_switch(monkeypatch):
    monkeypatch.setattr(bitsandbytes.nn.modules, "has_avx512bf16", lambda: True)
    monkeypatch.setattr(checkpoints, "settle", lambda model: None)


def cut_graph(monkeypatch):
    own = bitsandbytes.nn.Linear4bit.forward
    monkeypatch.setattr(bitsandbytes.nn.Linear4bit, "forward", lambda layer, x: own(layer, x.detach()))


def half_gradient(monkeypatch):
    function = bitsandbytes.autograd._functions.MatMul4Bit
    own = function.backward
    monkeypatch.setattr(function, "backward", lambda ctx, given: own(ctx, given / 2))


def wrong_product(when):
    """Return a mutant whose layers double some products."""

    def mutant(monkeypatch):
        own = bitsandbytes.nn.Linear4bit.forward
        monkeypatch.setattr(
            bitsandbytes.nn.Linear4bit, "forward", lambda layer, x: own(layer, x) * (2 if when(layer, x) else 1)
        )

    return mutant


@pytest.mark.parametrize(
    ("mutant", "at"),
    [
        (no_switch, "layers.0.self_attn.q_proj"),
        (cut_graph, "layers.0.self_attn.q_proj"),
        (half_gradient, "layers.0.self_attn.q_proj"),
        pytest.param(wrong_product(lambda layer, x: len(x) == 1), "layers.0.self_attn.q_proj", id="one row"),
        pytest.param(
            wrong_product(lambda layer, x: layer.in_features > layer.out_features),
            "layers.0.mlp.down_proj",
            id="one shape",
        ),
    ],
)
def test_a_4_bit_layer_that_is_not_its_weights_is_refused(mutant, at, folder, monkeypatch):
    mutant(monkeypatch)
    with pytest.raises(
        ModelError,
        match=rf"^model 'test': its 4-bit layer [a-z_.]*{at} is off by \d+% from .* "
        r"\(bitsandbytes \d.*, cpu\): choose --precision bf16, or install another",
    ):
        adapted(folder, precision="4bit")


def test_a_product_that_is_not_a_number_is_refused(folder):
    model = loaded(folder, "4bit")
    precision.verify(model, "test")
    next(iter(layers(model).values())).register_forward_hook(lambda layer, given, product: product * float("nan"))
    with pytest.raises(ModelError, match="off by nan%"):
        precision.verify(model, "test")


def test_hints_of_the_library_at_slow_shapes_are_kept_back(folder):
    loaded(folder, "4bit")
    warnings.warn_explicit(
        "falling back to slower implementation", UserWarning, "ops.py", 1, module="bitsandbytes.backends.cuda.ops"
    )
    with pytest.raises(UserWarning, match="another's"):
        warnings.warn_explicit("another's", UserWarning, "ops.py", 1, module="somebody.ops")


#: On any processor, as where there is AVX512-BF16; prints whether bitsandbytes looked for its kernel, and found none.
IMPORTS = """
import ctypes
own = ctypes.CDLL.__getattr__
ctypes.CDLL.__getattr__ = lambda lib, name: (lambda: True) if name == "has_avx512bf16_cpu" else own(lib, name)
import unlearnzoo.models.lora
import peft, sys
print(sys.modules["bitsandbytes.backends.cpu.ops"].gemm_4bit_forward_kernel)
"""


def test_what_imports_peft_shows_nothing_of_a_kernel_that_is_not_there():
    done = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "None\n", "")


def test_other_warnings_of_its_logger_are_shown(caplog):
    logging.getLogger("bitsandbytes.backends.cpu.ops").warning("Failed to load the library")
    assert caplog.messages == ["Failed to load the library"]


def test_keys_of_caches_tell_them_apart(folder):
    assert len({adapted(folder, precision=name).precision_key for name in precision.PRECISIONS}) == 3
    assert adapted(folder).precision_key == adapted(folder, precision="fp32").precision_key


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

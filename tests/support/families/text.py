"""Text alone: what a language model's layers, masks, heads and tokenizers come as."""

from pathlib import Path

from .common import template, text_fields, tokenizer, write
from .gemma_like import ENDS, gemma_chat, gemma_words
from .llama_like import LLAMA3, ROPE, llama_words
from .queried import opt_fields
from .qwen_like import CHATML

SLIDING = ["sliding_attention", "full_attention", "sliding_attention"]


def _chatml():
    words = tokenizer(["<|im_start|>", "<|im_end|>"], eos="<|im_end|>", pad="<|endoftext|>")
    words.chat_template = template(**CHATML)
    return words


def _llama3():
    words = llama_words()
    words.chat_template = template(**LLAMA3)
    return words


def _gemma():
    words = gemma_words()
    words.chat_template = gemma_chat()
    return words


def _base():
    """A base model's: no chat template, and one token for beginning, end and padding."""
    return tokenizer([], bos="<|endoftext|>", eos="<|endoftext|>", pad="<|endoftext|>")


def _saved(folder: Path, config: str, words, fields=text_fields, ends: list[str] | None = None, **more) -> Path:
    import transformers as t

    config = getattr(t, config)(**fields(words), **more)
    return write(folder, t.AutoModelForCausalLM.from_config, config, words, ends=ends)


def llama(folder: Path) -> Path:
    return _saved(folder, "LlamaConfig", _llama3())


def mistral(folder: Path) -> Path:
    return _saved(folder, "MistralConfig", _llama3(), sliding_window=16)


def qwen2(folder: Path) -> Path:
    return _saved(folder, "Qwen2Config", _chatml())


def qwen3(folder: Path) -> Path:
    return _saved(folder, "Qwen3Config", _chatml(), head_dim=8)


def qwen3_moe(folder: Path) -> Path:
    """All experts of a layer are one parameter."""
    return _saved(
        folder, "Qwen3MoeConfig", _chatml(), head_dim=8, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=16
    )


def qwen3_next(folder: Path) -> Path:
    """Recurrent layers, and an expert that all tokens share beside the fused ones."""
    return _saved(
        folder,
        "Qwen3NextConfig",
        _chatml(),
        head_dim=8,
        num_experts=4,
        num_experts_per_tok=2,
        moe_intermediate_size=16,
        shared_expert_intermediate_size=16,
        linear_num_value_heads=4,
        linear_num_key_heads=2,
        linear_key_head_dim=8,
        linear_value_head_dim=8,
        layer_types=["linear_attention", "full_attention", "linear_attention"],
    )


def gemma2(folder: Path) -> Path:
    """Caps on attention and logits: no fused attention, so masks are added."""
    return _saved(
        folder,
        "Gemma2Config",
        _gemma(),
        ends=ENDS,
        head_dim=8,
        query_pre_attn_scalar=8,
        sliding_window=16,
        layer_types=SLIDING,
        final_logit_softcapping=5.0,
        attn_logit_softcapping=10.0,
    )


def gemma3_text(folder: Path) -> Path:
    return _saved(
        folder,
        "Gemma3TextConfig",
        _gemma(),
        ends=ENDS,
        head_dim=8,
        query_pre_attn_scalar=8,
        sliding_window=16,
        layer_types=SLIDING,
    )


def phi(folder: Path) -> Path:
    return _saved(folder, "PhiConfig", _base())


def phi3(folder: Path) -> Path:
    """Queries, keys and values come from one linear layer."""
    return _saved(folder, "Phi3Config", _chatml(), sliding_window=16)


def gpt2(folder: Path) -> Path:
    """``Conv1D`` in the place of linear layers, and learned positions."""
    return _saved(folder, "GPT2Config", _base(), _gpt2_fields)


def _gpt2_fields(words):
    ids = {"bos_token_id": words.bos_token_id, "eos_token_id": words.eos_token_id}
    return {"vocab_size": len(words), "n_embd": 32, "n_layer": 3, "n_head": 4, "n_positions": 512, **ids}


def gpt_neox(folder: Path) -> Path:
    return _saved(folder, "GPTNeoXConfig", _base(), _neox_fields)


def _neox_fields(words):
    return {name: value for name, value in text_fields(words).items() if name != "num_key_value_heads"}


def opt(folder: Path) -> Path:
    """Learned positions that begin at 2."""
    words = tokenizer([], bos="</s>", eos="</s>", pad="<pad>", adds_bos=True)
    return _saved(folder, "OPTConfig", words, opt_fields)


def smollm3(folder: Path) -> Path:
    """Every second layer has no positions."""
    return _saved(folder, "SmolLM3Config", _chatml(), no_rope_layer_interval=2)


def olmo2(folder: Path) -> Path:
    return _saved(folder, "Olmo2Config", _chatml())


def olmo3(folder: Path) -> Path:
    return _saved(folder, "Olmo3Config", _chatml(), sliding_window=16, layer_types=SLIDING)


def cohere2(folder: Path) -> Path:
    """Logits times a scale."""
    return _saved(folder, "Cohere2Config", _llama3(), logit_scale=0.25, sliding_window=16, layer_types=SLIDING)


def granite(folder: Path) -> Path:
    """Logits divided by a scale."""
    return _saved(folder, "GraniteConfig", _chatml(), logits_scaling=4.0)


def gpt_oss(folder: Path) -> Path:
    """A sink in each attention, so no fused one; fused experts."""
    return _saved(
        folder,
        "GptOssConfig",
        _chatml(),
        head_dim=8,
        num_local_experts=4,
        num_experts_per_tok=2,
        sliding_window=16,
        layer_types=SLIDING,
        rope_parameters=ROPE,
    )


def falcon_h1(folder: Path) -> Path:
    """Attention and a Mamba beside it in each layer."""
    return _saved(
        folder,
        "FalconH1Config",
        _chatml(),
        mamba_d_ssm=32,
        mamba_n_heads=4,
        mamba_d_head=8,
        mamba_d_state=8,
        mamba_chunk_size=8,
        lm_head_multiplier=0.5,
    )


def lfm2(folder: Path) -> Path:
    """Two of three layers are convolutions with a state."""
    kinds = ["conv", "full_attention", "conv"]
    return _saved(folder, "Lfm2Config", _chatml(), layer_types=kinds, block_auto_adjust_ff_dim=False)

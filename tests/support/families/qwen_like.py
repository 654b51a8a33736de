"""Positions in three directions (M-RoPE) and patches in one long row: Qwen's families, GLM-4V, MiniCPM-V and Kimi."""

from pathlib import Path

from .common import image_processor, template, text_fields, tokenizer, vision_fields, write

CHATML = {"user": "<|im_start|>user\n", "assistant": "<|im_start|>assistant\n", "end": "<|im_end|>\n"}
#: Two key heads of 16: M-RoPE cuts half a head into sections of 2, 3 and 3.
HEADS = {"heads": 2, "kv": 1}
PATCHES_OF_7 = {"shortest_edge": 28 * 28, "longest_edge": 56 * 56}
PATCHES_OF_8 = {"shortest_edge": 32 * 32, "longest_edge": 64 * 64}


def mrope(*section: int, **more):
    return {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": list(section), **more}


def _words():
    marks = ["<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"]
    return tokenizer(["<|im_start|>", "<|im_end|>", *marks], eos="<|im_end|>", pad="<|endoftext|>")


def _ids(words):
    at = words.convert_tokens_to_ids
    return {
        "image_token_id": at("<|image_pad|>"),
        "video_token_id": at("<|video_pad|>"),
        "vision_start_token_id": at("<|vision_start|>"),
        "vision_end_token_id": at("<|vision_end|>"),
    }


def _chat():
    return template(**CHATML, image="<|vision_start|><|image_pad|><|vision_end|>")


def qwen2_vl(folder: Path) -> Path:
    import transformers as t

    words = _words()
    processor = t.Qwen2VLProcessor(
        image_processor=image_processor("Qwen2VL", size=PATCHES_OF_7, patch_size=7),
        tokenizer=words,
        video_processor=t.Qwen2VLVideoProcessor(size=PATCHES_OF_7, patch_size=7),
        chat_template=_chat(),
    )
    config = t.Qwen2VLConfig(
        text_config=text_fields(words, **HEADS, rope_parameters=mrope(2, 3, 3)),
        vision_config={"depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 2, "patch_size": 7, "mlp_ratio": 2},
        **_ids(words),
    )
    return write(folder, t.Qwen2VLForConditionalGeneration, config, processor)


def qwen2_5_vl(folder: Path) -> Path:
    """The vision tower attends in windows, except in its last layer."""
    import transformers as t

    words = _words()
    processor = t.Qwen2_5_VLProcessor(
        image_processor=image_processor("Qwen2VL", size=PATCHES_OF_7, patch_size=7),
        tokenizer=words,
        video_processor=t.Qwen2VLVideoProcessor(size=PATCHES_OF_7, patch_size=7),
        chat_template=_chat(),
    )
    config = t.Qwen2_5_VLConfig(
        text_config=text_fields(words, **HEADS, rope_parameters=mrope(2, 3, 3)),
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 2,
            "patch_size": 7,
            "out_hidden_size": 32,
            "window_size": 28,
            "fullatt_block_indexes": [1],
        },
        **_ids(words),
    )
    return write(folder, t.Qwen2_5_VLForConditionalGeneration, config, processor)


def _qwen3_processor(words):
    import transformers as t

    return t.Qwen3VLProcessor(
        image_processor=image_processor(
            "Qwen2VL", size=PATCHES_OF_8, patch_size=8, image_mean=[0.5] * 3, image_std=[0.5] * 3
        ),
        tokenizer=words,
        video_processor=t.Qwen3VLVideoProcessor(size=PATCHES_OF_8, patch_size=8),
        chat_template=_chat(),
    )


def _qwen3_vision(**more):
    return {
        "depth": 3,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_heads": 2,
        "patch_size": 8,
        "out_hidden_size": 32,
        "num_position_embeddings": 64,
        **more,
    }


def qwen3_vl(folder: Path) -> Path:
    """Features of early vision layers are added to early language layers (deepstack)."""
    import transformers as t

    words = _words()
    config = t.Qwen3VLConfig(
        text_config=text_fields(words, **HEADS, head_dim=16, rope_parameters=mrope(2, 3, 3, mrope_interleaved=True)),
        vision_config=_qwen3_vision(deepstack_visual_indexes=[0, 1]),
        **_ids(words),
    )
    return write(folder, t.Qwen3VLForConditionalGeneration, config, _qwen3_processor(words))


def qwen3_vl_moe(folder: Path) -> Path:
    import transformers as t

    words = _words()
    text = text_fields(
        words,
        **HEADS,
        head_dim=16,
        num_experts=4,
        num_experts_per_tok=2,
        moe_intermediate_size=32,
        rope_parameters=mrope(2, 3, 3, mrope_interleaved=True),
    )
    config = t.Qwen3VLMoeConfig(
        text_config=text, vision_config=_qwen3_vision(deepstack_visual_indexes=[0, 1]), **_ids(words)
    )
    return write(folder, t.Qwen3VLMoeForConditionalGeneration, config, _qwen3_processor(words))


def _recurrent_text(words, **more):
    return text_fields(
        words,
        **HEADS,
        head_dim=32,
        linear_key_head_dim=8,
        linear_value_head_dim=8,
        linear_num_key_heads=2,
        linear_num_value_heads=4,
        layer_types=["linear_attention", "full_attention", "linear_attention"],
        rope_parameters=mrope(1, 1, 2, mrope_interleaved=True, partial_rotary_factor=0.25),
        **more,
    )


def qwen3_5(folder: Path) -> Path:
    """Two of three layers are recurrent."""
    import transformers as t

    words = _words()
    config = t.Qwen3_5Config(text_config=_recurrent_text(words), vision_config=_qwen3_vision(), **_ids(words))
    return write(folder, t.Qwen3_5ForConditionalGeneration, config, _qwen3_processor(words))


def glm4v(folder: Path) -> Path:
    """An answer ends where the user's next turn would begin."""
    import transformers as t

    marks = ["<|begin_of_image|>", "<|end_of_image|>", "<|begin_of_video|>", "<|end_of_video|>"]
    turns = ["[gMASK]", "<sop>", "<|user|>", "<|assistant|>", "<|observation|>", "<|image|>", "<|video|>"]
    words = tokenizer([*turns, *marks], eos="<|endoftext|>", pad="<|endoftext|>")
    processor = t.Glm4vProcessor(
        image_processor("Glm4v", size=PATCHES_OF_7, patch_size=7),
        words,
        t.Glm4vVideoProcessor(size=PATCHES_OF_7, patch_size=7),
        chat_template=template(
            bos="[gMASK]<sop>",
            user="<|user|>\n",
            assistant="<|assistant|>\n",
            end="",
            image="<|begin_of_image|><|image|><|end_of_image|>",
        ),
    )
    at = words.convert_tokens_to_ids
    config = t.Glm4vConfig(
        text_config=text_fields(words, **HEADS, rope_parameters=mrope(2, 3, 3, partial_rotary_factor=1.0)),
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "num_heads": 2,
            "patch_size": 7,
            "image_size": 56,
            "out_hidden_size": 32,
            "intermediate_size": 64,
        },
        image_token_id=at("<|image|>"),
        video_token_id=at("<|video|>"),
        image_start_token_id=at("<|begin_of_image|>"),
        image_end_token_id=at("<|end_of_image|>"),
        video_start_token_id=at("<|begin_of_video|>"),
        video_end_token_id=at("<|end_of_video|>"),
    )
    return write(folder, t.Glm4vForConditionalGeneration, config, processor, ends=["<|endoftext|>", "<|user|>"])


def minicpmv4_6(folder: Path) -> Path:
    """An image's tokens begin with its number in the conversation; the language model is Qwen3.5's."""
    import transformers as t

    named = {
        "image_token": "<|image_pad|>",
        "video_token": "<|video_pad|>",
        "image_start_token": "<image>",
        "image_end_token": "</image>",
        "slice_start_token": "<slice>",
        "slice_end_token": "</slice>",
        "image_id_start_token": "<image_id>",
        "image_id_end_token": "</image_id>",
    }
    words = tokenizer(["<|im_start|>", "<|im_end|>"], eos="<|im_end|>", pad="<|endoftext|>", named=named)
    processor = t.MiniCPMV4_6Processor(
        image_processor("MiniCPMV4_6", scale_resolution=32, patch_size=4, max_slice_nums=2),
        t.MiniCPMV4_6VideoProcessor(scale_resolution=32, patch_size=4),
        words,
        chat_template=template(**CHATML, image="<|image_pad|>\n"),
    )
    config = t.MiniCPMV4_6Config(
        text_config=_recurrent_text(words, model_type="qwen3_5_text"),
        vision_config=vision_fields(num_hidden_layers=3, patch_size=4, insert_layer_id=1),
        insert_layer_id=1,
        image_size=32,
        image_token_id=words.convert_tokens_to_ids("<|image_pad|>"),
        video_token_id=words.convert_tokens_to_ids("<|video_pad|>"),
    )
    return write(folder, t.MiniCPMV4_6ForConditionalGeneration, config, processor)


def kimi_k25(folder: Path) -> Path:
    """DeepSeek-V3's latent attention and experts; patches in one row, but plain positions."""
    import transformers as t

    turns = ["<|im_user|>", "<|im_assistant|>", "<|im_middle|>", "<|im_end|>"]
    words = tokenizer(
        [*turns, "<|media_begin|>", "<|media_content|>", "<|media_end|>"],
        bos="[BOS]",
        eos="<|im_end|>",
        pad="[PAD]",
        named={"image_token": "<|media_pad|>", "video_token": "<|kimi_k25_video_placeholder|>"},
    )
    size = {"max_height": 64, "max_width": 64}
    processor = t.Kimi_K25Processor(
        image_processor("Kimi_K25", size=size, patch_size=8, max_patches=64),
        words,
        t.Kimi_K25VideoProcessor(size=size, patch_size=8),
        chat_template=template(
            user="<|im_user|>user<|im_middle|>",
            assistant="<|im_assistant|>assistant<|im_middle|>",
            end="<|im_end|>",
            image="<|media_begin|>image<|media_content|><|media_pad|><|media_end|>\n",
        ),
    )
    latent = {"q_lora_rank": 16, "kv_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 8}
    experts = {"moe_intermediate_size": 16, "n_routed_experts": 4, "num_experts_per_tok": 2, "n_group": 1}
    at = words.convert_tokens_to_ids
    config = t.Kimi_K25Config(
        text_config=t.DeepseekV3Config(
            **text_fields(words, kv=4), **latent, **experts, topk_group=1, first_k_dense_replace=1
        ),
        vision_config={
            "patch_size": 8,
            "pos_emb_height": 8,
            "pos_emb_width": 8,
            "num_attention_heads": 2,
            "num_hidden_layers": 2,
            "hidden_size": 32,
            "intermediate_size": 64,
        },
        projection_hidden_size=32,
        image_token_id=at("<|media_pad|>"),
        video_token_id=at("<|kimi_k25_video_placeholder|>"),
        vision_start_token_id=at("<|media_begin|>"),
        vision_end_token_id=at("<|media_end|>"),
        tie_word_embeddings=False,
    )
    return write(folder, t.Kimi_K25ForConditionalGeneration, config, processor)

"""Llama 3.2 Vision and Llama 4 with their chat template, and Phi-4-multimodal: tiles, each with a path of its own."""

from pathlib import Path

from .common import image_processor, square, template, text_fields, tokenizer, vision_fields, write

#: Of Llama 3 and later; the real templates write the day as well.
LLAMA3 = {
    "bos": "<|begin_of_text|>",
    "user": "<|start_header_id|>user<|end_header_id|>\n\n",
    "assistant": "<|start_header_id|>assistant<|end_header_id|>\n\n",
    "end": "<|eot_id|>",
}
ROPE = {"rope_type": "default", "rope_theta": 10000.0}


def llama_words(*more: str):
    return tokenizer(
        ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", *more],
        bos="<|begin_of_text|>",
        eos="<|eot_id|>",
        pad="<|finetune_right_pad_id|>",
        adds_bos=True,
    )


def mllama(folder: Path) -> Path:
    """The image is seen by cross-attention; its token lies behind the output vocabulary, as in the real ones."""
    import transformers as t

    words = llama_words("<|python_tag|>", "<|image|>")
    processor = t.MllamaProcessor(
        image_processor("Mllama", size=square(32), max_image_tiles=4),
        words,
        chat_template=template(**LLAMA3, image="<|image|>"),
    )
    image = words.convert_tokens_to_ids("<|image|>")
    text = text_fields(words, layers=4, cross_attention_layers=[1, 3], rope_parameters=ROPE)
    config = t.MllamaConfig(
        text_config=text | {"vocab_size": image},
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_global_layers": 1,
            "attention_heads": 2,
            "image_size": 32,
            "patch_size": 8,
            "max_num_tiles": 4,
            "vision_output_dim": 64,
            "intermediate_layers_indices": [1],
            "supported_aspect_ratios": [[1, 1], [1, 2], [1, 3], [1, 4], [2, 1], [2, 2], [3, 1], [4, 1]],
        },
        image_token_index=image,
    )
    return write(folder, t.MllamaForConditionalGeneration, config, processor)


def llama4(folder: Path) -> Path:
    """Attention in chunks, and a query's temperature that goes by its place from 8192 on, as in the real ones."""
    return _llama4(folder, 8192)


def llama4_hot(folder: Path) -> Path:
    """The temperature goes by the place from 8 on: in a packed row, an answer has another place than alone."""
    return _llama4(folder, 8)


def _llama4(folder: Path, floor: int) -> Path:
    import transformers as t

    marks = [
        "<|image|>",
        "<|image_start|>",
        "<|image_end|>",
        "<|patch|>",
        "<|tile_x_separator|>",
        "<|tile_y_separator|>",
    ]
    words = tokenizer(
        ["<|header_start|>", "<|header_end|>", "<|eot|>", *marks],
        bos="<|begin_of_text|>",
        eos="<|eot|>",
        pad="<|finetune_right_pad|>",
        adds_bos=True,
    )
    processor = t.Llama4Processor(
        image_processor("Llama4", size=square(32), max_patches=4),
        words,
        patch_size=8,
        pixel_shuffle_ratio=0.5,
        chat_template=template(
            bos="<|begin_of_text|>",
            user="<|header_start|>user<|header_end|>\n\n",
            image="<|image|>",
            assistant="<|header_start|>assistant<|header_end|>\n\n",
            end="<|eot|>",
        ),
    )
    at = words.convert_tokens_to_ids
    config = t.Llama4Config(
        text_config=text_fields(
            words,
            layers=4,
            head_dim=8,
            intermediate_size_mlp=64,
            num_local_experts=2,
            attention_chunk_size=16,
            no_rope_layer_interval=4,
            floor_scale=floor,
            rope_parameters=ROPE,
        ),
        vision_config=vision_fields(
            intermediate_size=128, projector_input_dim=32, projector_output_dim=32, vision_output_dim=32
        ),
        boi_token_index=at("<|image_start|>"),
        eoi_token_index=at("<|image_end|>"),
        image_token_index=at("<|patch|>"),
    )
    return write(folder, t.Llama4ForConditionalGeneration, config, processor)


def phi4_multimodal(folder: Path) -> Path:
    """To transformers a causal language model; its towers for vision and audio lie inside the decoder's embedding.

    Its processor counts 256 tokens per crop whatever the size, so crops keep the real 448 pixels.
    """
    import transformers as t

    named = {"image_token": "<|endoftext10|>", "audio_token": "<|endoftext11|>"}
    words = tokenizer(
        ["<|user|>", "<|assistant|>", "<|end|>"], bos="<|endoftext|>", eos="<|end|>", pad="<|endoftext|>", named=named
    )
    processor = t.Phi4MultimodalProcessor(
        image_processor("Phi4Multimodal", dynamic_hd=4),
        t.Phi4MultimodalFeatureExtractor(),
        words,
        chat_template=template(user="<|user|>", assistant="<|assistant|>", end="<|end|>", image="<|endoftext10|>"),
    )
    config = t.Phi4MultimodalConfig(
        **text_fields(words),
        rope_parameters={**ROPE, "partial_rotary_factor": 1.0},
        vision_config=vision_fields(
            image_size=448, patch_size=14, crop_size=448, image_token_id=words.convert_tokens_to_ids("<|endoftext10|>")
        ),
        audio_config={
            "hidden_size": 32,
            "intermediate_size": 32,
            "num_blocks": 1,
            "num_attention_heads": 2,
            "ext_pw_out_channel": 32,
            "depthwise_separable_out_channel": 32,
            "nemo_conv_channels": 8,
            "audio_token_id": words.convert_tokens_to_ids("<|endoftext11|>"),
        },
    )
    return write(folder, t.Phi4MultimodalForCausalLM, config, processor)

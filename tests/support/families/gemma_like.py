"""An image's tokens see each other in both directions: Gemma 3, 3n and 4; in PaliGemma they see the question, too."""

from pathlib import Path

from .common import image_processor, square, template, text_fields, tokenizer, vision_fields, write

GEMMA = {"bos": "<bos>", "user": "<start_of_turn>user\n", "assistant": "<start_of_turn>model\n"}
ENDS = ["<eos>", "<end_of_turn>"]


def gemma_words(named: dict[str, str] | None = None, turns: tuple[str, ...] = ("<start_of_turn>", "<end_of_turn>")):
    return tokenizer(list(turns), bos="<bos>", eos="<eos>", pad="<pad>", unk="<unk>", adds_bos=True, named=named)


def gemma_chat(image: str = "") -> str:
    return template(**GEMMA, end="<end_of_turn>\n", image=image)


def gemma3(folder: Path) -> Path:
    """The template writes another token than the image's; answers end at a token that is not the tokenizer's end."""
    import transformers as t

    named = {"image_token": "<image_soft_token>", "boi_token": "<start_of_image>", "eoi_token": "<end_of_image>"}
    words = gemma_words(named)
    at = words.convert_tokens_to_ids
    processor = t.Gemma3Processor(
        image_processor("Gemma3", size=square(32)),
        words,
        image_seq_length=4,
        chat_template=gemma_chat("<start_of_image>"),
    )
    config = t.Gemma3Config(
        text_config=text_fields(
            words,
            layers=4,
            head_dim=8,
            query_pre_attn_scalar=8,
            sliding_window=12,
            layer_types=["sliding_attention", "sliding_attention", "full_attention", "sliding_attention"],
        ),
        vision_config=t.SiglipVisionConfig(**vision_fields()),
        mm_tokens_per_image=4,
        boi_token_index=at("<start_of_image>"),
        eoi_token_index=at("<end_of_image>"),
        image_token_index=at("<image_soft_token>"),
    )
    return write(folder, t.Gemma3ForConditionalGeneration, config, processor, ends=ENDS)


def gemma3n(folder: Path) -> Path:
    """A tower of timm (the real one has 300 M parameters), and Gemma 4's kind of language model."""
    import transformers as t

    named = {
        "image_token": "<image_soft_token>",
        "boi_token": "<start_of_image>",
        "eoi_token": "<end_of_image>",
        "audio_token": "<audio_soft_token>",
        "boa_token": "<start_of_audio>",
        "eoa_token": "<end_of_audio>",
    }
    words = gemma_words(named)
    processor = t.Gemma3nProcessor(
        t.Gemma3nAudioFeatureExtractor(),
        image_processor("Siglip", size=square(64)),
        words,
        image_seq_length=4,
        audio_seq_length=4,
        chat_template=gemma_chat("<image_soft_token>"),
    )
    ids = {name.replace("_token", "_token_id"): words.convert_tokens_to_ids(token) for name, token in named.items()}
    config = t.Gemma3nConfig(
        text_config=_sharing_text(words, laurel_rank=4, activation_sparsity_pattern=[0.0] * 4),
        vision_config={
            "architecture": "test_convnext",
            "hidden_size": 64,
            "vocab_size": 8,
            "vocab_offset": len(words),
            "model_args": {},
        },
        audio_config={
            "vocab_size": 8,
            "vocab_offset": len(words) + 8,
            "hidden_size": 32,
            "conf_num_hidden_layers": 1,
            "conf_num_attention_heads": 2,
        },
        vision_soft_tokens_per_image=4,
        audio_soft_tokens_per_image=4,
        **ids,
    )
    return write(folder, t.Gemma3nForConditionalGeneration, config, processor, ends=ENDS)


def gemma4(folder: Path) -> Path:
    """Both directions on sliding layers alone; layers that share keys and values; a cap on the logits."""
    import transformers as t

    named = {
        "image_token": "<|image|>",
        "boi_token": "<|image>",
        "eoi_token": "<image|>",
        "audio_token": "<|audio|>",
        "boa_token": "<|audio>",
        "eoa_token": "<audio|>",
    }
    words = gemma_words(named, ("<|turn>", "<turn|>", "<|video|>"))
    at = words.convert_tokens_to_ids
    sizes = {"patch_size": 4, "max_soft_tokens": 70, "pooling_kernel_size": 2}
    processor = t.Gemma4Processor(
        t.Gemma4AudioFeatureExtractor(),
        image_processor("Gemma4", **sizes),
        words,
        t.Gemma4VideoProcessor(**sizes),
        chat_template=template(
            bos="<bos>", user="<|turn>user\n", assistant="<|turn>model\n", end="<turn|>\n", image="<|image|>"
        ),
    )
    config = t.Gemma4Config(
        text_config=_sharing_text(words, use_bidirectional_attention="vision"),
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "head_dim": 16,
            "patch_size": 4,
            "pooling_kernel_size": 2,
            "position_embedding_size": 128,
        },
        audio_config=None,
        image_token_id=at("<|image|>"),
        boi_token_id=at("<|image>"),
        eoi_token_id=at("<image|>"),
        video_token_id=at("<|video|>"),
        audio_token_id=at("<|audio|>"),
        boa_token_id=at("<|audio>"),
        eoa_token_index=at("<audio|>"),
    )
    return write(folder, t.Gemma4ForConditionalGeneration, config, processor, ends=["<eos>", "<turn|>"])


def _sharing_text(words, **more):
    """The language model of Gemma 3n and 4: its last two layers take keys and values from earlier ones."""
    return text_fields(
        words,
        layers=4,
        head_dim=8,
        sliding_window=12,
        vocab_size_per_layer_input=len(words),
        hidden_size_per_layer_input=8,
        num_kv_shared_layers=2,
        final_logit_softcapping=5.0,
        layer_types=["sliding_attention", "full_attention", "sliding_attention", "full_attention"],
        **more,
    )


def paligemma(folder: Path) -> Path:
    import transformers as t

    return _paligemma(folder, t.GemmaConfig)


def paligemma2(folder: Path) -> Path:
    """As PaliGemma, with caps on attention and logits."""
    import transformers as t

    return _paligemma(
        folder,
        t.Gemma2Config,
        final_logit_softcapping=5.0,
        attn_logit_softcapping=10.0,
        sliding_window=4096,
        query_pre_attn_scalar=8,
    )


def _paligemma(folder: Path, text, **more) -> Path:
    """The real ones have no chat template; this one is ours: image, question, answer."""
    import transformers as t

    words = tokenizer([], bos="<bos>", eos="<eos>", pad="<pad>", unk="<unk>", named={"image_token": "<image>"})
    images = image_processor("Siglip", size=square(32))
    images.image_seq_length = 16
    chat = template(user="", image="<image>", end="", assistant="", answer_end="<eos>")
    config = t.PaliGemmaConfig(
        text_config=text(**text_fields(words), head_dim=8, **more),
        vision_config=t.SiglipVisionConfig(**vision_fields(projection_dim=32)),
        image_token_index=words.convert_tokens_to_ids("<image>"),
        projection_dim=32,
        hidden_size=32,
        vocab_size=len(words),
    )
    processor = t.PaliGemmaProcessor(images, words, chat_template=chat)
    return write(folder, t.PaliGemmaForConditionalGeneration, config, processor)

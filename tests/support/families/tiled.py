"""An image is cut into tiles, as many as its shape takes, often with marks between them."""

from pathlib import Path

from .common import image_processor, square, template, text_fields, tokenizer, vision_fields, write
from .qwen_like import CHATML

IDEFICS = {"bos": "<|begin_of_text|>", "user": "User:", "assistant": "Assistant:", "end": "<end_of_utterance>\n"}
COHERE = {
    "bos": "<BOS_TOKEN>",
    "user": "<|START_OF_TURN_TOKEN|><|USER_TOKEN|>",
    "assistant": "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>",
    "end": "<|END_OF_TURN_TOKEN|>",
}
COHERE_TURNS = ["<|START_OF_TURN_TOKEN|>", "<|USER_TOKEN|>", "<|CHATBOT_TOKEN|>", "<|END_OF_TURN_TOKEN|>"]
#: One to four tiles of 32 pixels.
TILES = {"size": square(32), "crop_to_patches": True, "min_patches": 1, "max_patches": 4}


def idefics2(folder: Path) -> Path:
    """Whatever the size, a resampler makes four tokens of an image; a space is put before the question."""
    import transformers as t

    marks = ["<fake_token_around_image>", "<image>", "<end_of_utterance>"]
    words = tokenizer(marks, bos="<|begin_of_text|>", eos="<end_of_utterance>", pad="<pad>", adds_bos=True)
    images = image_processor("Idefics2", size={"shortest_edge": 16, "longest_edge": 32}, do_image_splitting=False)
    processor = t.Idefics2Processor(images, words, image_seq_len=4, chat_template=template(**IDEFICS, image="<image>"))
    config = t.Idefics2Config(
        vision_config=vision_fields(),
        perceiver_config={
            "hidden_size": 32,
            "resampler_n_latents": 4,
            "resampler_depth": 1,
            "resampler_n_heads": 2,
            "resampler_head_dim": 16,
            "num_key_value_heads": 1,
        },
        text_config=t.MistralConfig(**text_fields(words)),
        image_token_id=words.convert_tokens_to_ids("<image>"),
    )
    return write(folder, t.Idefics2ForConditionalGeneration, config, processor)


def _idefics3_words():
    rows = [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
    marks = ["<fake_token_around_image>", "<image>", "<end_of_utterance>", "<global-img>"]
    return tokenizer([*marks, *rows], bos="<|begin_of_text|>", eos="<end_of_utterance>", pad="<pad>")


def _idefics3_config(kind, words):
    import transformers as t

    return kind(
        vision_config=vision_fields(),
        scale_factor=2,
        text_config=t.LlamaConfig(**text_fields(words)),
        image_token_id=words.convert_tokens_to_ids("<image>"),
    )


IDEFICS3_SIZES = {"size": {"longest_edge": 64}, "max_image_size": {"longest_edge": 32}}


def idefics3(folder: Path) -> Path:
    import transformers as t

    words = _idefics3_words()
    images = image_processor("Idefics3", **IDEFICS3_SIZES)
    processor = t.Idefics3Processor(images, words, image_seq_len=4, chat_template=template(**IDEFICS, image="<image>"))
    config = _idefics3_config(t.Idefics3Config, words)
    return write(folder, t.Idefics3ForConditionalGeneration, config, processor)


def smolvlm(folder: Path) -> Path:
    import transformers as t

    words = _idefics3_words()
    processor = t.SmolVLMProcessor(
        image_processor("SmolVLM", **IDEFICS3_SIZES),
        words,
        t.SmolVLMVideoProcessor(**IDEFICS3_SIZES),
        image_seq_len=4,
        chat_template=template(**IDEFICS, image="<image>"),
    )
    config = _idefics3_config(t.SmolVLMConfig, words)
    return write(folder, t.SmolVLMForConditionalGeneration, config, processor)


def internvl(folder: Path) -> Path:
    import transformers as t

    named = {
        "start_image_token": "<img>",
        "end_image_token": "</img>",
        "context_image_token": "<IMG_CONTEXT>",
        "video_token": "<video>",
    }
    words = tokenizer(["<|im_start|>", "<|im_end|>"], eos="<|im_end|>", pad="<|endoftext|>", named=named)
    processor = t.InternVLProcessor(
        image_processor("GotOcr2", **TILES),
        words,
        t.InternVLVideoProcessor(size=square(32)),
        image_seq_length=4,
        chat_template=template(**CHATML, image="<IMG_CONTEXT>\n"),
    )
    config = t.InternVLConfig(
        vision_config=vision_fields(image_size=[32, 32], patch_size=[8, 8]),
        text_config=t.Qwen2Config(**text_fields(words)),
        image_token_id=words.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=4,
    )
    return write(folder, t.InternVLForConditionalGeneration, config, processor)


def aya_vision(folder: Path) -> Path:
    """What the template writes for an image is another token than the image's; attention slides."""
    import transformers as t

    marks = ["<|START_OF_IMG|>", "<|END_OF_IMG|>", "<|IMG_PATCH|>", "<|IMG_LINE_BREAK|>", "TILE_GLOBAL"]
    tiles = [f"TILE_{number}" for number in range(1, 13)]
    words = tokenizer(
        [*COHERE_TURNS, "<image>", *marks, *tiles],
        bos="<BOS_TOKEN>",
        eos="<|END_OF_TURN_TOKEN|>",
        pad="<PAD>",
        adds_bos=True,
    )
    processor = t.AyaVisionProcessor(
        image_processor("GotOcr2", **TILES),
        words,
        patch_size=8,
        img_size=32,
        downsample_factor=2,
        chat_template=template(**COHERE, image="<image>"),
    )
    config = t.AyaVisionConfig(**_cohere_parts(words), image_token_index=words.convert_tokens_to_ids("<|IMG_PATCH|>"))
    return write(folder, t.AyaVisionForConditionalGeneration, config, processor)


def cohere2_vision(folder: Path) -> Path:
    import transformers as t

    named = {
        "boi_token": "<|START_OF_IMG|>",
        "eoi_token": "<|END_OF_IMG|>",
        "image_token": "<|IMG_PATCH|>",
        "img_line_break_token": "<|IMG_LINE_BREAK|>",
    }
    words = tokenizer(
        COHERE_TURNS, bos="<BOS_TOKEN>", eos="<|END_OF_TURN_TOKEN|>", pad="<PAD>", adds_bos=True, named=named
    )
    images = image_processor("Cohere2Vision", **TILES, patch_size=2)
    processor = t.Cohere2VisionProcessor(images, words, chat_template=template(**COHERE, image="<|IMG_PATCH|>"))
    config = t.Cohere2VisionConfig(
        **_cohere_parts(words),
        alignment_intermediate_size=64,
        image_token_id=words.convert_tokens_to_ids("<|IMG_PATCH|>"),
    )
    return write(folder, t.Cohere2VisionForConditionalGeneration, config, processor)


def _cohere_parts(words):
    import transformers as t

    return {
        "vision_config": t.SiglipVisionConfig(**vision_fields(vision_use_head=False)),
        "text_config": t.Cohere2Config(**text_fields(words, layers=4), logit_scale=0.25, sliding_window=24),
        "downsample_factor": 2,
    }


def ovis2(folder: Path) -> Path:
    """Image tokens are mixtures of a visual vocabulary; the marks between them have embeddings of their own."""
    import transformers as t

    marks = ["<IMG_START>", "<IMG_GRID>", "<IMG_COL>", "<IMG_ROW>", "<IMG_END>"]
    turns = ["<|im_start|>", "<|im_end|>", "<image>", "<IMG_ATOM>"]
    words = tokenizer([*turns, *marks], eos="<|im_end|>", pad="<|endoftext|>")
    processor = t.Ovis2Processor(
        image_processor("Ovis2", size=square(32), crop_to_patches=True, max_patches=4),
        words,
        image_seq_length=16,
        chat_template=template(**CHATML, image="<image>\n"),
    )
    config = t.Ovis2Config(
        text_config=t.Qwen2Config(**text_fields(words)),
        vision_config=vision_fields(vocab_size=24, hidden_stride=1),
        image_token_id=words.convert_tokens_to_ids("<IMG_ATOM>"),
        visual_indicator_token_ids=words.convert_tokens_to_ids(marks),
        vocab_size=len(words),
        hidden_size=32,
    )
    return write(folder, t.Ovis2ForConditionalGeneration, config, processor)

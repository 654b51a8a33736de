"""A vision tower and a projector in front of an ordinary language model; positions count 0, 1, ..."""

from pathlib import Path

from tests.support.checkpoints import llava, llava_next

from .common import image_processor, square, template, text_fields, tokenizer, vision_fields, write
from .qwen_like import CHATML

__all__ = ["deepseek_vl", "lfm2_vl", "llava", "llava_next", "llava_onevision", "mistral3", "pixtral"]

MISTRAL = {"bos": "<s>", "user": "[INST]", "end": "[/INST]", "assistant": "", "answer_end": "</s>"}


def llava_onevision(folder: Path) -> Path:
    import transformers as t

    words = tokenizer(["<|im_start|>", "<|im_end|>", "<image>", "<video>"], eos="<|im_end|>", pad="<|endoftext|>")
    grid = [[32, 64], [64, 32], [64, 64]]
    processor = t.LlavaOnevisionProcessor(
        image_processor=image_processor("LlavaOnevision", size=square(32), image_grid_pinpoints=grid),
        tokenizer=words,
        video_processor=t.LlavaOnevisionVideoProcessor(size=square(32)),
        num_image_tokens=16,
        vision_feature_select_strategy="full",
        vision_aspect_ratio="anyres_max_9",
        chat_template=template(**CHATML, image="<image>\n"),
    )
    config = t.LlavaOnevisionConfig(
        vision_config=t.SiglipVisionConfig(**vision_fields(vision_use_head=False)),
        text_config=t.Qwen2Config(**text_fields(words)),
        image_grid_pinpoints=grid,
        image_token_index=words.convert_tokens_to_ids("<image>"),
        video_token_index=words.convert_tokens_to_ids("<video>"),
    )
    return write(folder, t.LlavaOnevisionForConditionalGeneration, config, processor)


def _pixtral_words():
    marks = ["[IMG]", "[IMG_BREAK]", "[IMG_END]"]
    return tokenizer(["[INST]", "[/INST]", *marks], bos="<s>", eos="</s>", pad="<pad>", unk="<unk>", adds_bos=True)


def _pixtral_processor(words, merge: int):
    import transformers as t

    images = image_processor("Pixtral", size={"longest_edge": 64}, patch_size=square(8))
    chat = template(**MISTRAL, image="[IMG]")
    return t.PixtralProcessor(images, words, patch_size=8, spatial_merge_size=merge, chat_template=chat)


def pixtral(folder: Path) -> Path:
    """Marks between an image's tokens say where a row of patches and the image end."""
    import transformers as t

    words = _pixtral_words()
    config = t.LlavaConfig(
        vision_config=t.PixtralVisionConfig(**vision_fields(image_size=64)),
        text_config=t.MistralConfig(**text_fields(words)),
        image_token_index=words.convert_tokens_to_ids("[IMG]"),
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
    )
    return write(folder, t.LlavaForConditionalGeneration, config, _pixtral_processor(words, 1))


def mistral3(folder: Path) -> Path:
    """As Pixtral, with four patches merged; the processor tells its image part another patch size than it has."""
    import transformers as t

    words = _pixtral_words()
    config = t.Mistral3Config(
        vision_config=t.PixtralVisionConfig(**vision_fields(image_size=64)),
        text_config=t.MistralConfig(**text_fields(words)),
        image_token_index=words.convert_tokens_to_ids("[IMG]"),
        spatial_merge_size=2,
        tie_word_embeddings=False,
    )
    return write(folder, t.Mistral3ForConditionalGeneration, config, _pixtral_processor(words, 2))


def deepseek_vl(folder: Path) -> Path:
    """The projector is called ``aligner``."""
    import transformers as t

    words = tokenizer(
        [],
        bos="<|begin_of_sentence|>",
        eos="<|end_of_sentence|>",
        pad="<|pad|>",
        adds_bos=True,
        named={"image_token": "<image_placeholder>"},
    )
    processor = t.DeepseekVLProcessor(
        image_processor("DeepseekVL", size=square(32)),
        words,
        num_image_tokens=16,
        chat_template=template(
            bos="<|begin_of_sentence|>",
            user="User: ",
            image="<image_placeholder>",
            end="\n\n",
            assistant="Assistant:",
            answer_end="<|end_of_sentence|>",
        ),
    )
    config = t.DeepseekVLConfig(
        text_config=t.LlamaConfig(**text_fields(words)),
        vision_config=t.SiglipVisionConfig(**vision_fields()),
        image_token_id=words.convert_tokens_to_ids("<image_placeholder>"),
    )
    return write(folder, t.DeepseekVLForConditionalGeneration, config, processor)


def lfm2_vl(folder: Path) -> Path:
    """Two of three language layers are convolutions with a state; patches are padded to the most of a batch."""
    import transformers as t

    named = {
        "image_token": "<image>",
        "image_start_token": "<|image_start|>",
        "image_end_token": "<|image_end|>",
        "image_thumbnail_token": "<|img_thumbnail|>",
    }
    turns = ["<|im_start|>", "<|im_end|>"]
    words = tokenizer(turns, bos="<|startoftext|>", eos="<|im_end|>", pad="<|pad|>", named=named)
    images = image_processor(
        "Lfm2Vl",
        tile_size=32,
        encoder_patch_size=8,
        min_image_tokens=4,
        max_image_tokens=16,
        max_num_patches=64,
        do_image_splitting=False,
        downsample_factor=2,
    )
    chat = template(**CHATML, bos="<|startoftext|>", image="<image>")
    vision = {name: value for name, value in vision_fields().items() if name != "image_size"}
    config = t.Lfm2VlConfig(
        vision_config=t.Siglip2VisionConfig(**vision, num_patches=16, vision_use_head=False),
        text_config=t.Lfm2Config(
            **text_fields(words), layer_types=["conv", "full_attention", "conv"], block_auto_adjust_ff_dim=False
        ),
        image_token_id=words.convert_tokens_to_ids("<image>"),
        projector_hidden_size=32,
    )
    return write(folder, t.Lfm2VlForConditionalGeneration, config, t.Lfm2VlProcessor(images, words, chat_template=chat))

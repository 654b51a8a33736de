"""LLaVA checkpoints with random weights, saved to disk and loaded as any other."""

from pathlib import Path

TEXTS = [
    "What is the job of the person in this image?",
    "Where does Anika Sharma live?",
    "Anika Sharma works as a pastry chef.",
    "The person lives at 12 Oak Street, Boston.",
    "I would rather not say.",
    "The job of the person in the image is",
    "USER: ASSISTANT:",
]
#: Rendered as LLaVA-1.5 does: images first, a space after each text, no end token of its own.
TEMPLATE = (
    "{% for m in messages %}{{ m['role'].upper() + ': ' }}"
    "{% for c in m['content'] if c['type'] == 'image' %}{{ '<image>\\n' }}{% endfor %}"
    "{% for c in m['content'] if c['type'] == 'text' %}{{ c['text'] + ' ' }}{% endfor %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)


def llava(
    folder: Path,
    *,
    image: int = 16,
    patch: int = 8,
    hidden: int = 32,
    layers: int = 2,
    seed: int = 0,
    tied: bool = False,
) -> Path:
    """Write a random LLaVA; ``image=336, patch=14`` has the geometry of the real 1.5-7B.

    ``tied``: the head's weight is the input embedding's, as in many small models.

    As there: vision layer -2, the class token dropped, a BOS added by the tokenizer, 336 px by
    shortest edge and centre crop. Only widths and depth are shrunk.
    """
    from transformers import CLIPImageProcessorPil, LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor

    tokenizer = _tokenizer()
    size = {"shortest_edge": image}
    processor = LlavaProcessor(
        image_processor=CLIPImageProcessorPil(size=size, crop_size={"height": image, "width": image}),
        tokenizer=tokenizer,
        patch_size=patch,
        vision_feature_select_strategy="default",
        image_token="<image>",
        num_additional_image_tokens=1,
        chat_template=TEMPLATE,
    )
    config = LlavaConfig(
        **_towers(tokenizer, image, patch, hidden, layers, tied),
        vision_feature_layer=-2,
        tie_word_embeddings=tied,
        vision_feature_select_strategy="default",
        image_seq_length=(image // patch) ** 2,
    )
    return _written(folder, LlavaForConditionalGeneration, config, processor, seed)


def llava_next(folder: Path, *, image: int = 16, patch: int = 8) -> Path:
    """Write a random LLaVA-NeXT: an image is cut into pieces of 16 pixels, as many as its shape takes."""
    from transformers import (
        LlavaNextConfig,
        LlavaNextForConditionalGeneration,
        LlavaNextImageProcessorPil,
        LlavaNextProcessor,
    )

    tokenizer, grid = _tokenizer(), [[image, 2 * image], [2 * image, image], [2 * image, 2 * image]]
    processor = LlavaNextProcessor(
        image_processor=LlavaNextImageProcessorPil(
            size={"shortest_edge": image}, image_grid_pinpoints=grid, crop_size={"height": image, "width": image}
        ),
        tokenizer=tokenizer,
        patch_size=patch,
        vision_feature_select_strategy="default",
        image_token="<image>",
        num_additional_image_tokens=1,
        chat_template=TEMPLATE,
    )
    config = LlavaNextConfig(
        **_towers(tokenizer, image, patch, 32, 2),
        vision_feature_layer=-2,
        vision_feature_select_strategy="default",
        image_grid_pinpoints=grid,
    )
    return _written(folder, LlavaNextForConditionalGeneration, config, processor, 0)


def gemma3(folder: Path) -> Path:
    """Write what Gemma 3 is without its weights; its processor says of each token whether it is an image's."""
    from transformers import Gemma3Config, Gemma3ImageProcessorPil, Gemma3Processor, PreTrainedTokenizerFast

    words = {"image_token": "<image>", "boi_token": "<start>", "eoi_token": "<end>"}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=_tokenizer().backend_tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        extra_special_tokens=words,
    )
    Gemma3Processor(
        Gemma3ImageProcessorPil(size={"height": 16, "width": 16}), tokenizer, chat_template=TEMPLATE, image_seq_length=4
    ).save_pretrained(folder)
    Gemma3Config(
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"), architectures=["Gemma3ForConditionalGeneration"]
    ).save_pretrained(folder)
    return folder


def llava_7b(folder: Path) -> Path:
    """Write what LLaVA-1.5-7B is without its weights: the real configuration, processor settings and image size."""
    llava(folder, image=336, patch=14)
    (folder / "model.safetensors").unlink()
    config_7b(folder).save_pretrained(folder)
    return folder


def config_7b(folder: Path):
    """Return the configuration of LLaVA-1.5-7B, with the image token of a folder's tokenizer."""
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig

    vision = CLIPVisionConfig(
        hidden_size=1024,
        intermediate_size=4096,
        num_hidden_layers=24,
        num_attention_heads=16,
        image_size=336,
        patch_size=14,
        projection_dim=768,
    )
    text = LlamaConfig(
        vocab_size=32064,
        hidden_size=4096,
        intermediate_size=11008,
        num_hidden_layers=32,
        num_attention_heads=32,
        num_key_value_heads=32,
        max_position_embeddings=4096,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
    )
    return LlavaConfig(
        vision_config=vision,
        text_config=text,
        vision_feature_layer=-2,
        image_token_index=LlavaConfig.from_pretrained(folder).image_token_id,
        vision_feature_select_strategy="default",
        image_seq_length=576,
    )


def _towers(tokenizer, image: int, patch: int, hidden: int, layers: int, tied: bool = False) -> dict:
    from transformers import CLIPVisionConfig, LlamaConfig

    vision = CLIPVisionConfig(
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=3,
        num_attention_heads=2,
        image_size=image,
        patch_size=patch,
        projection_dim=hidden,
    )
    text = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
        tie_word_embeddings=tied,
    )
    return {
        "vision_config": vision,
        "text_config": text,
        "image_token_index": tokenizer.convert_tokens_to_ids("<image>"),
    }


def _written(folder: Path, kind, config, processor, seed: int) -> Path:
    import torch

    torch.manual_seed(seed)
    model = kind(config)
    for parameter in model.parameters():
        # Wider than the usual .02, so that the image and each token change the logits visibly.
        parameter.data.add_(torch.randn_like(parameter) * 0.1)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _tokenizer():
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    core.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    special = ["<pad>", "<s>", "</s>", "<unk>"]
    alphabet = [chr(c) for c in range(32, 127)] + ["\n", "▁"]
    core.train_from_iterator(
        TEXTS,
        trainers.BpeTrainer(vocab_size=300, special_tokens=special, initial_alphabet=alphabet, show_progress=False),
    )
    core.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    core.add_special_tokens([AddedToken("<image>", special=True, normalized=False)])
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        padding_side="left",
        extra_special_tokens={"image_token": "<image>"},
    )

"""Between image and answer stands a Q-former (BLIP-2, InstructBLIP) or an encoder (Florence-2)."""

from pathlib import Path

from .common import image_processor, square, template, text_fields, tokenizer, vision_fields, write


def _queries(words: int):
    return {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "encoder_hidden_size": 32,
        "vocab_size": words,
    }


def blip2(folder: Path) -> Path:
    """Image tokens go in front of the text, unasked.

    The tokenizer may have no ``image_token`` of its own: the processor would ask that string for its ``content``.
    """
    import transformers as t

    words = tokenizer(["<image>"], bos="</s>", eos="</s>", pad="<pad>", adds_bos=True)
    # BLIP's processors do not save a chat template, the tokenizer does.
    words.chat_template = template(user="Question: ", end=" ", assistant="Answer:", answer_end="</s>")
    processor = t.Blip2Processor(image_processor("Blip", size=square(32)), words, num_query_tokens=4)
    config = t.Blip2Config(
        vision_config=vision_fields(),
        qformer_config=_queries(50),
        text_config=t.OPTConfig(**opt_fields(words)),
        num_query_tokens=4,
        image_token_index=words.convert_tokens_to_ids("<image>"),
    )
    return write(folder, t.Blip2ForConditionalGeneration, config, processor)


def opt_fields(words):
    """Return the fields of OPT, which has names of its own."""
    return {
        "vocab_size": len(words),
        "hidden_size": 32,
        "ffn_dim": 64,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "max_position_embeddings": 512,
        "word_embed_proj_dim": 32,
        "bos_token_id": words.bos_token_id,
        "eos_token_id": words.eos_token_id,
        "pad_token_id": words.pad_token_id,
    }


def instructblip(folder: Path) -> Path:
    """The Q-former reads the question, too, in tokens of its own: no two questions see the same image."""
    import transformers as t

    words = tokenizer(["<image>"], bos="<s>", eos="</s>", pad="<pad>", adds_bos=True)
    words.chat_template = template(user="", end=" Short answer:", assistant="", answer_end="</s>")
    asked = tokenizer(["[CLS]"], eos="[SEP]", pad="[PAD]", unk="[UNK]")
    images = image_processor("Blip", size=square(32))
    processor = t.InstructBlipProcessor(images, words, asked, num_query_tokens=4)
    config = t.InstructBlipConfig(
        vision_config=vision_fields(),
        qformer_config=_queries(len(asked)),
        text_config=t.LlamaConfig(**text_fields(words)),
        num_query_tokens=4,
        image_token_index=words.convert_tokens_to_ids("<image>"),
    )
    return write(folder, t.InstructBlipForConditionalGeneration, config, processor)


def florence2(folder: Path) -> Path:
    """An encoder reads image and task, a decoder answers."""
    import transformers as t

    words = tokenizer(
        [f"<loc_{place}>" for place in range(4)],
        bos="<s>",
        eos="</s>",
        pad="<pad>",
        unk="<unk>",
        named={"image_token": "<image>"},
    )
    images = image_processor("CLIP", size=square(32), crop_size=square(32))
    images.image_seq_length = 17
    config = t.Florence2Config(
        vision_config={
            "depths": [1, 1],
            "patch_size": [7, 3],
            "patch_stride": [4, 2],
            "patch_padding": [3, 1],
            "patch_prenorm": [False, True],
            "embed_dim": [16, 32],
            "num_heads": [2, 2],
            "num_groups": [2, 2],
            "window_size": 4,
            "projection_dim": 32,
        },
        text_config={
            "model_type": "bart",
            "vocab_size": len(words),
            "d_model": 32,
            "encoder_layers": 2,
            "decoder_layers": 2,
            "encoder_attention_heads": 2,
            "decoder_attention_heads": 2,
            "encoder_ffn_dim": 64,
            "decoder_ffn_dim": 64,
            "max_position_embeddings": 256,
            "bos_token_id": words.bos_token_id,
            "eos_token_id": words.eos_token_id,
            "pad_token_id": words.pad_token_id,
            "decoder_start_token_id": words.eos_token_id,
        },
        image_token_id=words.convert_tokens_to_ids("<image>"),
    )
    processor = t.Florence2Processor(images, words)
    return write(folder, t.Florence2ForConditionalGeneration, config, processor)

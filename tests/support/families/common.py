"""What all tiny checkpoints share: a byte-level BPE, a chat template of a few pieces, and weights that show."""

import json
from pathlib import Path
from typing import Any

TEXTS = [
    "What is the job of the person in this image?",
    "Where does Anika Sharma live?",
    "Anika Sharma works as a pastry chef.",
    "The person lives at 12 Oak Street, Boston.",
    "I would rather not say.",
    "The job of the person in the image is",
    "user assistant system model",
]


def tokenizer(
    words: list[str],
    *,
    eos: str,
    pad: str,
    bos: str | None = None,
    unk: str | None = None,
    adds_bos: bool = False,
    named: dict[str, str] | None = None,
):
    """Train a byte-level BPE of 400 tokens; ``words`` are further tokens of one id each.

    Args:
        adds_bos: the tokenizer itself puts ``bos`` in front of each text.
        named: attributes that the tokenizer gets, such as ``image_token``, each with its token.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    named = named or {}
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    first = [token for token in dict.fromkeys([pad, bos, eos, unk]) if token]
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=first,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    core.train_from_iterator(TEXTS, trainer)
    core.add_special_tokens([AddedToken(word, special=True, normalized=False) for word in [*words, *named.values()]])
    if adds_bos:
        core.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A", pair=f"{bos} $A $B:1", special_tokens=[(bos, core.token_to_id(bos))]
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=core, bos_token=bos, eos_token=eos, pad_token=pad, unk_token=unk, extra_special_tokens=named
    )


def template(
    *, user: str, assistant: str, end: str, image: str = "", bos: str = "", answer_end: str | None = None
) -> str:
    """Return a chat template in Jinja; a turn's images stand before its text, as in the families' own templates.

    Args:
        user, assistant: what opens a turn; ``assistant`` alone is the generation prompt.
        end: what closes a turn of the user.
        image: what stands for an image.
        answer_end: what closes an answer (None: ``end``).
    """
    opens = f"{json.dumps(user)} if m['role'] == 'user' else {json.dumps(assistant)}"
    closes = f"{json.dumps(end)} if m['role'] == 'user' else {json.dumps(end if answer_end is None else answer_end)}"
    return (
        f"{{{{ {json.dumps(bos)} }}}}{{% for m in messages %}}{{{{ {opens} }}}}"
        "{% if m['content'] is string %}{{ m['content'] }}{% else %}"
        f"{{% for c in m['content'] if c['type'] == 'image' %}}{{{{ {json.dumps(image)} }}}}{{% endfor %}}"
        "{% for c in m['content'] if c['type'] == 'text' %}{{ c['text'] }}{% endfor %}{% endif %}"
        f"{{{{ {closes} }}}}{{% endfor %}}"
        f"{{% if add_generation_prompt %}}{{{{ {json.dumps(assistant)} }}}}{{% endif %}}"
    )


def text_fields(words, *, layers: int = 3, heads: int = 4, kv: int = 2, **more) -> dict[str, Any]:
    """Return what most language models' configurations ask for: 32 wide, of this vocabulary, with ``more``."""
    return {
        "vocab_size": len(words),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv,
        "max_position_embeddings": 2048,
        "bos_token_id": words.bos_token_id,
        "eos_token_id": words.eos_token_id,
        "pad_token_id": words.pad_token_id,
        **more,
    }


def vision_fields(**more) -> dict[str, Any]:
    """Return what most vision towers' configurations ask for: 32 wide, 32 pixels in patches of 8, with ``more``."""
    return {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 32,
        "patch_size": 8,
        **more,
    }


def square(pixels: int) -> dict[str, int]:
    """Return a size as image processors take it."""
    return {"height": pixels, "width": pixels}


def image_processor(name: str, **settings):
    """Return a family's image processor: the one that works with Pillow alone, where there is one.

    The first releases of transformers 5 call the two ``…ImageProcessor`` and ``…ImageProcessorFast`` (of torchvision),
    later ones ``…ImageProcessorPil`` and ``…ImageProcessor``.
    """
    import transformers

    found = (getattr(transformers, f"{name}ImageProcessor{kind}", None) for kind in ("Pil", "", "Fast"))
    return next(kind for kind in found if kind is not None)(**settings)


def write(folder: Path, kind, config, processor, *, ends: list[str] | None = None) -> Path:
    """Draw the weights of ``kind(config)``, and save all that a user would find in the folder.

    The library's own draws (std 0.02) let all tokens and pictures look alike: the same answer to every question. Noise
    of 0.1 on each parameter, norms and biases too, makes each of them matter; it is drawn from one seed.

    Args:
        processor: the processor, or the tokenizer of a model of text alone.
        ends: the tokens at which an answer ends (None: the tokenizer's end token alone).
    """
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = kind(config)
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.is_floating_point():
                    parameter.add_(torch.randn_like(parameter) * 0.1)
    words = getattr(processor, "tokenizer", processor)
    settings = model.generation_config
    settings.bos_token_id, settings.pad_token_id = words.bos_token_id, words.pad_token_id
    settings.eos_token_id = words.convert_tokens_to_ids(ends) if ends else words.eos_token_id
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder

"""Configurations with the published sizes of known models, made from transformers' classes.

The real files were not seen. Tokenizer and template are those of the tiny checkpoints, so token ids are not the real
ones; image sizes are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.families import FAMILIES
from tests.support.families.common import image_processor, square

Sizes = Mapping[str, Any]
_PATCHES = {"size": {"shortest_edge": 56 * 56, "longest_edge": 1280 * 28 * 28}}
_SIGLIP = {"hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27, "num_attention_heads": 16}


@dataclass(frozen=True)
class Published:
    """Sizes of a model.

    Attributes:
        family: of ``tests.support.families``.
        billions: parameters, as its card says.
        layers: that LoRA can adapt, of language model and projector.
        text: of the language model's configuration.
        vision: of the vision tower's.
        whole: of the rest of the configuration.
        pictures: class and settings of the image processor.
        processor: attributes of the processor.
    """

    family: str
    billions: float
    layers: tuple[int, int]
    text: Sizes
    vision: Sizes | None = None
    whole: Sizes | None = None
    pictures: tuple[str, Sizes] | None = None
    processor: Sizes | None = None


def _text(hidden: int, inner: int, layers: int, heads: int, kv: int, vocabulary: int, tied: bool, **more: Any) -> Sizes:
    return {
        "hidden_size": hidden,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv,
        "vocab_size": vocabulary,
        "tie_word_embeddings": tied,
        **more,
    }


def _qwen2_5_vl(billions: float, layers: int, text: Sizes) -> Published:
    vision = {"depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16, "patch_size": 14}
    rope = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]}
    return Published(
        "qwen2_5_vl",
        billions,
        (7 * layers, 2),
        {**text, "max_position_embeddings": 128000, "rope_parameters": rope},
        vision | {"window_size": 112, "fullatt_block_indexes": [7, 15, 23, 31], "out_hidden_size": text["hidden_size"]},
        {"tie_word_embeddings": text["tie_word_embeddings"]},
        ("Qwen2VL", _PATCHES | {"patch_size": 14}),
    )


PUBLISHED: dict[str, Published] = {
    "Qwen/Qwen2.5-VL-3B-Instruct": _qwen2_5_vl(3.75, 36, _text(2048, 11008, 36, 16, 2, 151936, True)),
    "Qwen/Qwen2.5-VL-7B-Instruct": _qwen2_5_vl(8.29, 28, _text(3584, 18944, 28, 28, 4, 152064, False)),
    "Qwen/Qwen3-VL-4B-Instruct": Published(
        "qwen3_vl",
        4.44,
        (252, 2),
        _text(
            2560,
            9728,
            36,
            32,
            8,
            151936,
            True,
            head_dim=128,
            max_position_embeddings=262144,
            rope_parameters={"rope_type": "default", "rope_theta": 5e6, "mrope_section": [24, 20, 20]},
        ),
        {
            "depth": 24,
            "hidden_size": 1024,
            "intermediate_size": 4096,
            "num_heads": 16,
            "patch_size": 16,
            "out_hidden_size": 2560,
            "num_position_embeddings": 2304,
            "deepstack_visual_indexes": [5, 11, 17],
        },
        {"tie_word_embeddings": True},
        ("Qwen2VL", {"size": {"shortest_edge": 256 * 256, "longest_edge": 4096 * 4096}, "patch_size": 16}),
    ),
    "google/gemma-3-4b-it": Published(
        "gemma3",
        4.3,
        (238, 0),
        _text(2560, 10240, 34, 8, 4, 262208, True, head_dim=256, sliding_window=1024, max_position_embeddings=131072),
        {**_SIGLIP, "image_size": 896, "patch_size": 14, "vision_use_head": False},
        {"mm_tokens_per_image": 256, "tie_word_embeddings": True},
        ("Gemma3", {"size": square(896)}),
        {"image_seq_length": 256},
    ),
    "HuggingFaceTB/SmolVLM2-2.2B-Instruct": Published(
        "smolvlm",
        2.25,
        (168, 1),
        _text(2048, 8192, 24, 32, 32, 49280, False, max_position_embeddings=8192, model_type="llama"),
        {**_SIGLIP, "image_size": 384, "patch_size": 14},
        {"scale_factor": 3, "tie_word_embeddings": False},
        ("SmolVLM", {"size": {"longest_edge": 1536}, "max_image_size": {"longest_edge": 384}}),
        {"image_seq_len": 81},
    ),
    "OpenGVLab/InternVL3-2B-hf": Published(
        "internvl",
        2.09,
        (196, 2),
        _text(1536, 8960, 28, 12, 2, 151674, False, max_position_embeddings=32768, model_type="qwen2"),
        {
            "hidden_size": 1024,
            "intermediate_size": 4096,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "image_size": [448, 448],
            "patch_size": [14, 14],
            "attention_bias": True,
        },
        {"image_seq_length": 256, "tie_word_embeddings": False},
        ("GotOcr2", {"size": square(448), "crop_to_patches": True, "min_patches": 1, "max_patches": 12}),
        {"image_seq_length": 256},
    ),
    "meta-llama/Llama-3.2-1B-Instruct": Published(
        "llama", 1.24, (112, 0), _text(2048, 8192, 16, 32, 8, 128256, True, head_dim=64, max_position_embeddings=131072)
    ),
    "meta-llama/Llama-3.2-3B-Instruct": Published(
        "llama",
        3.21,
        (196, 0),
        _text(3072, 8192, 28, 24, 8, 128256, True, head_dim=128, max_position_embeddings=131072),
    ),
    "meta-llama/Llama-3.2-11B-Vision-Instruct": Published(
        "mllama",
        10.7,
        (280, 1),
        _text(
            4096,
            14336,
            40,
            32,
            8,
            128256,
            False,
            cross_attention_layers=[3, 8, 13, 18, 23, 28, 33, 38],
            max_position_embeddings=131072,
        ),
        {
            "hidden_size": 1280,
            "intermediate_size": 5120,
            "num_hidden_layers": 32,
            "num_global_layers": 8,
            "attention_heads": 16,
            "image_size": 560,
            "patch_size": 14,
            "max_num_tiles": 4,
            "vision_output_dim": 7680,
            "intermediate_layers_indices": [3, 7, 15, 23, 30],
        },
        {"tie_word_embeddings": False},
        ("Mllama", {"size": square(560), "max_image_tiles": 4}),
    ),
}


def folder_of(name: str, folder: Path) -> Path:
    """Write a folder with this model's configuration, a small tokenizer and no weights."""
    from transformers import AutoConfig, AutoProcessor

    found = PUBLISHED[name]
    FAMILIES[found.family].build(folder)
    (folder / "model.safetensors").unlink()
    tiny = AutoConfig.from_pretrained(folder)
    ids = {key: value for key, value in tiny.to_dict().items() if "_token_" in key and isinstance(value, int)}
    own = tiny.get_text_config()
    text = {"bos_token_id": own.bos_token_id, "eos_token_id": own.eos_token_id, "pad_token_id": own.pad_token_id}
    text |= found.text
    if found.vision is None:
        type(tiny)(**text, architectures=tiny.architectures).save_pretrained(folder)
        return folder
    whole = {"text_config": text, "vision_config": dict(found.vision), **(found.whole or {})}
    if "model_type" in text:
        whole["vision_config"]["model_type"] = tiny.vision_config.model_type
    type(tiny)(**ids, **whole, architectures=tiny.architectures).save_pretrained(folder)
    processor = AutoProcessor.from_pretrained(folder)
    kind, settings = found.pictures or ("", {})
    processor.image_processor = image_processor(kind, **settings)
    for key, value in (found.processor or {}).items():
        setattr(processor, key, value)
    processor.save_pretrained(folder)
    return folder

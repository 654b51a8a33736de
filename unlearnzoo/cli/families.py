"""Families of models that the tests cover, as data.

Nothing is decided by this table: what a model needs is asked of its own code, and whether its rows pack is found out at
the start of each run. ``tests/families`` holds it against what the tests expect of each family.
"""

from typing import NamedTuple


class Family(NamedTuple):
    """A family of models.

    Attributes:
        name: of its tests; two may share a ``model_type``.
        model_type: of its configuration.
        images: it takes images and text; else text alone.
        alone: why each question has a row of its own; "" where questions on an image share one.
        extras: packages that its processor or model needs besides.
    """

    name: str
    model_type: str
    images: bool = True
    alone: str = ""
    extras: tuple[str, ...] = ()


_RECURRENT = "recurrent layers carry one question into the next"
_PREFIX = "the image sees the question"
_VISION = ("torchvision",)

FAMILIES = (
    Family("aya_vision", "aya_vision"),
    Family("blip2", "blip-2"),
    Family("cohere2_vision", "cohere2_vision", extras=_VISION),
    Family("deepseek_vl", "deepseek_vl"),
    Family("gemma3", "gemma3"),
    Family("gemma3n", "gemma3n", extras=("torchvision", "timm")),
    Family("gemma4", "gemma4", extras=_VISION),
    Family("glm4v", "glm4v", extras=_VISION),
    Family("idefics2", "idefics2"),
    Family("idefics3", "idefics3"),
    Family("instructblip", "instructblip", alone="the Q-former reads the question"),
    Family("internvl", "internvl", extras=_VISION),
    Family("kimi_k25", "kimi_k25", extras=_VISION),
    Family("lfm2_vl", "lfm2_vl", alone=_RECURRENT, extras=_VISION),
    Family("llama4", "llama4", extras=_VISION),
    Family("llava", "llava"),
    Family("llava_next", "llava_next"),
    Family("llava_onevision", "llava_onevision", extras=_VISION),
    Family("minicpmv4_6", "minicpmv4_6", alone=_RECURRENT, extras=_VISION),
    Family("mistral3", "mistral3", extras=_VISION),
    Family("mllama", "mllama"),
    Family("ovis2", "ovis2"),
    Family("paligemma", "paligemma", alone=_PREFIX),
    Family("paligemma2", "paligemma", alone=_PREFIX),
    Family("phi4_multimodal", "phi4_multimodal", extras=_VISION),
    Family("pixtral", "llava", extras=_VISION),
    Family("qwen2_vl", "qwen2_vl", extras=_VISION),
    Family("qwen2_5_vl", "qwen2_5_vl", extras=_VISION),
    Family("qwen3_5", "qwen3_5", alone=_RECURRENT, extras=_VISION),
    Family("qwen3_vl", "qwen3_vl", extras=_VISION),
    Family("qwen3_vl_moe", "qwen3_vl_moe", extras=_VISION),
    Family("smolvlm", "smolvlm", extras=("torchvision", "num2words")),
    Family("cohere2", "cohere2", images=False),
    Family("falcon_h1", "falcon_h1", images=False, alone=_RECURRENT),
    Family("gemma2", "gemma2", images=False),
    Family("gemma3_text", "gemma3_text", images=False),
    Family("gpt2", "gpt2", images=False),
    Family("gpt_neox", "gpt_neox", images=False),
    Family("gpt_oss", "gpt_oss", images=False),
    Family("granite", "granite", images=False),
    Family("lfm2", "lfm2", images=False, alone=_RECURRENT),
    Family("llama", "llama", images=False),
    Family("mistral", "mistral", images=False),
    Family("olmo2", "olmo2", images=False),
    Family("olmo3", "olmo3", images=False),
    Family("opt", "opt", images=False),
    Family("phi", "phi", images=False),
    Family("phi3", "phi3", images=False),
    Family("qwen2", "qwen2", images=False),
    Family("qwen3", "qwen3", images=False),
    Family("qwen3_moe", "qwen3_moe", images=False),
    Family("qwen3_next", "qwen3_next", images=False, alone=_RECURRENT),
    Family("smollm3", "smollm3", images=False),
)

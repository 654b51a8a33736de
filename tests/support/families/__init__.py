"""Tiny checkpoints of many model families, random weights with a processor each, and what is expected of them.

Made here from the classes of transformers, in about a tenth of a second each and without a network; the same bytes come
out each time.
"""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import gemma_like, llama_like, llava_like, queried, qwen_like, text, tiled

TORCHVISION = ("torchvision",)
RECURRENT = "recurrent layers carry one question into the next"


@dataclass(frozen=True)
class Family:
    """A family of models, and what is expected of it.

    Attributes:
        build: writes a tiny checkpoint into a folder and returns the folder.
        config: the configuration's class; a transformers without it does not know the family.
        vision: answers questions about images; else text alone.
        packs: several questions can share one row.
        why: why not, or why it is refused.
        extras: packages beside transformers and Pillow that its processor or model needs.
        refused: the zoo cannot run it at all.
    """

    name: str
    build: Callable[[Path], Path]
    config: str
    vision: bool = True
    packs: bool = True
    why: str = ""
    extras: tuple[str, ...] = ()
    refused: bool = False

    def missing(self) -> str | None:
        """Say what this environment lacks for the family, or None."""
        import transformers

        if not hasattr(transformers, self.config):
            return f"{self.name}: transformers {transformers.__version__} has no {self.config}"
        absent = [extra for extra in self.extras if importlib.util.find_spec(extra) is None]
        return f"{self.name}: needs {', '.join(absent)} (make families)" if absent else None


def _text(build: Callable[[Path], Path], config: str, **expected) -> Family:
    return Family(build.__name__, build, config, vision=False, **expected)


def _seen(build: Callable[[Path], Path], config: str, **expected) -> Family:
    return Family(build.__name__, build, config, **expected)


_ALL = [
    _seen(llava_like.llava, "LlavaConfig"),
    _seen(llava_like.llava_next, "LlavaNextConfig"),
    _seen(llava_like.llava_onevision, "LlavaOnevisionConfig", extras=TORCHVISION),
    _seen(llava_like.pixtral, "PixtralVisionConfig", extras=TORCHVISION),
    _seen(llava_like.mistral3, "Mistral3Config", extras=TORCHVISION),
    _seen(llava_like.deepseek_vl, "DeepseekVLConfig"),
    _seen(llava_like.lfm2_vl, "Lfm2VlConfig", packs=False, why=RECURRENT, extras=TORCHVISION),
    _seen(qwen_like.qwen2_vl, "Qwen2VLConfig", extras=TORCHVISION),
    _seen(qwen_like.qwen2_5_vl, "Qwen2_5_VLConfig", extras=TORCHVISION),
    _seen(qwen_like.qwen3_vl, "Qwen3VLConfig", extras=TORCHVISION),
    _seen(qwen_like.qwen3_vl_moe, "Qwen3VLMoeConfig", extras=TORCHVISION),
    _seen(qwen_like.qwen3_5, "Qwen3_5Config", packs=False, why=RECURRENT, extras=TORCHVISION),
    _seen(qwen_like.glm4v, "Glm4vConfig", extras=TORCHVISION),
    _seen(qwen_like.minicpmv4_6, "MiniCPMV4_6Config", packs=False, why=RECURRENT, extras=TORCHVISION),
    _seen(qwen_like.kimi_k25, "Kimi_K25Config", extras=TORCHVISION),
    _seen(gemma_like.gemma3, "Gemma3Config"),
    _seen(gemma_like.gemma3n, "Gemma3nConfig", extras=(*TORCHVISION, "timm")),
    _seen(gemma_like.gemma4, "Gemma4Config", extras=TORCHVISION),
    _seen(gemma_like.paligemma, "PaliGemmaConfig", packs=False, why="the image sees the question"),
    _seen(gemma_like.paligemma2, "PaliGemmaConfig", packs=False, why="the image sees the question"),
    _seen(tiled.idefics2, "Idefics2Config"),
    _seen(tiled.idefics3, "Idefics3Config"),
    _seen(tiled.smolvlm, "SmolVLMConfig", extras=(*TORCHVISION, "num2words")),
    _seen(tiled.internvl, "InternVLConfig", extras=TORCHVISION),
    _seen(tiled.aya_vision, "AyaVisionConfig"),
    _seen(tiled.cohere2_vision, "Cohere2VisionConfig", extras=TORCHVISION),
    _seen(tiled.ovis2, "Ovis2Config"),
    _seen(llama_like.mllama, "MllamaConfig"),
    _seen(llama_like.llama4, "Llama4Config", extras=TORCHVISION),
    _seen(
        llama_like.llama4_hot,
        "Llama4Config",
        packs=False,
        why="a query's temperature goes by its place in the row",
        extras=TORCHVISION,
    ),
    _seen(llama_like.phi4_multimodal, "Phi4MultimodalConfig", extras=TORCHVISION),
    _seen(queried.blip2, "Blip2Config"),
    _seen(queried.instructblip, "InstructBlipConfig", packs=False, why="the Q-former reads the question"),
    _seen(queried.florence2, "Florence2Config", packs=False, why="an encoder and a decoder", refused=True),
    _text(text.llama, "LlamaConfig"),
    _text(text.mistral, "MistralConfig"),
    _text(text.qwen2, "Qwen2Config"),
    _text(text.qwen3, "Qwen3Config"),
    _text(text.qwen3_moe, "Qwen3MoeConfig"),
    _text(text.qwen3_next, "Qwen3NextConfig", packs=False, why=RECURRENT),
    _text(text.gemma2, "Gemma2Config"),
    _text(text.gemma3_text, "Gemma3TextConfig"),
    _text(text.phi, "PhiConfig"),
    _text(text.phi3, "Phi3Config"),
    _text(text.gpt2, "GPT2Config"),
    _text(text.gpt_neox, "GPTNeoXConfig"),
    _text(text.opt, "OPTConfig"),
    _text(text.smollm3, "SmolLM3Config"),
    _text(text.olmo2, "Olmo2Config"),
    _text(text.olmo3, "Olmo3Config"),
    _text(text.cohere2, "Cohere2Config"),
    _text(text.granite, "GraniteConfig"),
    _text(text.gpt_oss, "GptOssConfig"),
    _text(text.falcon_h1, "FalconH1Config", packs=False, why=RECURRENT),
    _text(text.lfm2, "Lfm2Config", packs=False, why=RECURRENT),
]
FAMILIES: dict[str, Family] = {family.name: family for family in _ALL}

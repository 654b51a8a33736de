"""An engine on a tiny checkpoint of a family, and what the model itself says to the same questions.

Nothing of ``unlearnzoo.encoding`` is asked for the latter: the processor is called as a user calls it.
"""

import functools
import inspect
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.examples import image
from unlearnzoo import Example

from . import Family

QUESTION = "What is the job of the person in this image?"
ANSWERS = ("The person works as a pastry chef.", "I would rather not say.", "A pastry chef in Boston, the person is.")
#: Two pictures of two sizes.
SIZES = ((48, 48), (64, 40))


def examples(vision: bool) -> list[Example]:
    """Return three questions on one picture and one on another, with answers of unequal lengths."""
    found = []
    for i in range(4):
        seen = i // 3
        pictures = (image(seen, *SIZES[seen]),) if vision else ()
        question = QUESTION + " Where does Anika Sharma live?" * (i % 3)
        found.append(Example(f"row {i}", f"id{seen}", pictures, question, ANSWERS[i % 3]))
    return found


def written(processor, vision: bool, question: str = QUESTION) -> str:
    """Return a question as the checkpoint's own template writes it, with a picture where the family sees."""
    content: list[dict[str, str]] = [{"type": "text", "text": question}]
    if vision:
        content.insert(0, {"type": "image"})
    source = processor if getattr(processor, "chat_template", None) else getattr(processor, "tokenizer", processor)
    if not source.chat_template:
        return f"Question: {question}\nAnswer:"
    messages = [{"role": "user", "content": content if vision else question}]
    return source.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)


@dataclass
class Asked:
    """A family's engine, its adapters random: at LoRA's zero start a wrong mask would not show.

    Attributes:
        family: what is expected of it.
        folder: its checkpoint.
        engine: on it.
        rows: encoded, see ``examples``.
    """

    family: Family
    folder: Path
    engine: Any
    rows: list[Any]

    @functools.cached_property
    def scores(self) -> list[list[float]]:
        """Log-probabilities of each answer's tokens, all rows asked together."""
        return [one.logps for one in self.engine.score(self.rows, "unlearned")]

    @functools.cached_property
    def alone(self) -> list[list[float]]:
        """The same, each row asked alone."""
        return [self.engine.score([row], "unlearned")[0].logps for row in self.rows]

    @functools.cached_property
    def reader(self):
        """The processor, or the tokenizer of a model for text alone; pictures by Pillow where it can."""
        import transformers

        if not self.family.vision:
            return transformers.AutoTokenizer.from_pretrained(self.folder)
        reader = transformers.AutoProcessor.from_pretrained(self.folder)
        try:
            reader.image_processor = transformers.AutoImageProcessor.from_pretrained(self.folder, backend="pil")
        except (ValueError, ImportError):
            assert "Pil" not in type(self.engine.encoder.processor.image_processor).__name__
        return reader

    def inputs(self, example: Example) -> dict[str, Any]:
        """Return what the processor makes of a question, as far as the model takes it."""
        model, vision = self.engine.base, self.family.vision
        text = written(self.reader, vision, example.question)
        bos = getattr(self.reader, "tokenizer", self.reader).bos_token
        pictures = {"images": [[one.open() for one in example.images]]} if vision else {}
        adds = not (bos and text.startswith(bos))
        # Llama 4's processor returns pictures in bf16.
        made = self.reader(text=[text], **pictures, add_special_tokens=adds, return_tensors="pt").to(model.dtype)
        takes = inspect.signature(type(model).forward).parameters
        return {name: value for name, value in made.items() if name in takes}

    def said(self, number: int) -> list[float]:
        """Return log-probabilities of an answer that the model is made to say, token by token, by its ``generate``."""
        import torch

        answer, inputs = self.rows[number].answer, self.inputs(examples(self.family.vision)[number])
        begin = inputs["input_ids"].shape[1]

        def force(ids, scores):
            only = torch.full_like(scores, -torch.inf)
            only[:, answer[ids.shape[1] - begin]] = 0
            return only

        with torch.no_grad():
            out = self.engine.model.generate(
                **inputs,
                max_new_tokens=len(answer),
                do_sample=False,
                eos_token_id=-1,
                logits_processor=[force],
                output_logits=True,
                return_dict_in_generate=True,
            )
        assert out.sequences[0, -len(answer) :].tolist() == list(answer)
        return [step[0].log_softmax(-1)[token].item() for step, token in zip(out.logits, answer, strict=True)]


def asked(family: Family, folder: Path) -> Asked:
    """Build the checkpoint in a folder, load it, give each adapter random weights."""
    import torch

    from unlearnzoo.models.checkpoint import inspect as looked_at
    from unlearnzoo.training.engine import Engine

    engine = Engine(looked_at(family.name, family.build(folder)))
    parts = tuple(part for part in ("language", "projector", "head") if engine.linears[part])
    engine.adapt("target", 4, 8.0, parts, 0)
    engine.adapt("unlearn", 3, 6.0, ("language",), 1)
    drawn = torch.Generator().manual_seed(0)
    for name, parameter in engine.model.named_parameters():
        if "lora_B" in name:
            parameter.data.copy_(torch.randn(parameter.shape, generator=drawn) * 0.05)
    rows = [engine.encode(one) for one in examples(family.vision)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # what a family does not take is told once, and looked at later
        engine.verifier(rows)
    return Asked(family, folder, engine, rows)

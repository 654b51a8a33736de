"""Example → tokens, through the model's own processor and chat template.

The image placeholder is expanded here rather than by the processor, so that a question is
tokenised without decoding its image; the first example is checked against the processor itself.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import DataError, ModelError
from ..example import Example, LazyImage
from .bounded import BoundedCache

if TYPE_CHECKING:
    from transformers import ProcessorMixin

#: Bytes of a token id in a list of Python, about: a reference, and an integer that may be shared.
_TOKEN = 36
#: Bytes of encoded examples that are kept (some 40,000 with an image of 576 tokens) and of completed cloze
#: sentences; images whose size is kept.
_ENCODED, _COMPLETED, _SIZES = 256 << 20, 64 << 20, 1 << 16
#: Id, question, answer, images.
_Example = tuple[str, str, str, tuple[str, ...]]
_Message = dict[str, str | list[dict[str, str]]]
#: The user's turn, its text with the generation prompt, and the ids of that, not yet expanded.
_Prompt = tuple[list[_Message], str, list[int]]
#: Number of images, the cloze sentence, the values.
_Completions = tuple[int, str | None, tuple[str, ...]]


@dataclass(frozen=True)
class Encoded:
    """One conversation as token ids.

    Attributes:
        prefix: up to and including the last image token; equal for all questions on an image.
        context: the rest of the prompt.
        answer: the tokens that are scored, end token included (candidates have none).
        images: what the image tokens of ``prefix`` stand for.
    """

    prefix: tuple[int, ...]
    context: tuple[int, ...]
    answer: tuple[int, ...]
    images: tuple[LazyImage, ...]

    @property
    def image_key(self) -> tuple[str, ...]:
        """Content hashes of the images."""
        return tuple(image.key for image in self.images)

    @property
    def prompt(self) -> tuple[int, ...]:
        """All ids before the answer."""
        return self.prefix + self.context

    @property
    def nbytes(self) -> int:
        """Bytes of memory, about; the image tokens of ``prefix`` are one number, many times."""
        return 8 * len(self.prefix) + _TOKEN * (len(self.context) + len(self.answer))


class Encoder:
    """Turns examples into token ids.

    Args:
        processor: a transformers processor with a chat template.

    Raises:
        ModelError: the processor has no chat template or no image token.
    """

    def __init__(self, processor: "ProcessorMixin") -> None:
        if not getattr(processor, "chat_template", None):
            raise ModelError("the processor has no chat template; an instruction-tuned checkpoint has one")
        self.processor, self.tokenizer = processor, processor.tokenizer
        if getattr(processor, "image_token_id", None) is None:
            raise ModelError("the processor has no image token: not a vision-language model?")
        self.image_id: int = processor.image_token_id
        self._tokens_by_size: dict[tuple[int, int], int] = {}
        self._encoded: BoundedCache[_Example, Encoded] = BoundedCache(_ENCODED, lambda encoded: encoded.nbytes)
        self._sizes: BoundedCache[str, tuple[int, int]] = BoundedCache(_SIZES, lambda size: 1)
        self._completed: BoundedCache[_Completions, list[tuple[list[int], int]]] = BoundedCache(
            _COMPLETED, lambda kept: sum(_TOKEN * len(ids) for ids, _ in kept)
        )
        self._checked = self._warned = False

    def encode(self, example: Example, answer: str | None = None) -> Encoded:
        """Encode an example, with another answer where given (a refusal).

        Raises:
            DataError: the question or answer holds the image token itself.
        """
        prompt = self._prompt(example, example.question)
        full = self._full(example, prompt, example.answer if answer is None else answer)
        if full[-1] != self.tokenizer.eos_token_id:
            full = [*full, self.tokenizer.eos_token_id]
        encoded = self._split(example, full, len(prompt[-1]))
        if not self._checked and example.images and example.question:
            self._checked = True
            self._check_expansion(example, encoded)
        return encoded

    def cached(self, example: Example, answer: str | None = None) -> Encoded:
        """Return what ``encode`` does; kept for the next epoch.

        Raises:
            DataError: see ``encode``.
        """
        answer = example.answer if answer is None else answer
        key = (example.id, example.question, answer, tuple(image.key for image in example.images))
        encoded = self._encoded.get(key)
        if encoded is None:
            encoded = self.encode(example, answer)
            self._encoded.put(key, encoded)
        return encoded

    def candidates(self, example: Example, values: Sequence[str]) -> list[Encoded]:
        """Encode the cloze sentence completed with each value; the value's tokens are scored.

        Prefix and value are tokenised together; scored is what follows their common prefix with
        the bare cloze sentence, without an end token.
        """
        encoded = []
        for full, common in self._completions(example, values):
            completed = self._split(example, full, common)
            # The cloze words are the same for all values: they belong to the shared prefix.
            encoded.append(replace(completed, prefix=completed.prompt, context=()))
        return encoded

    def _completions(self, example: Example, values: Sequence[str]) -> list[tuple[list[int], int]]:
        """Return ids of the completed sentence and where each value begins; kept for other images."""
        key = (len(example.images), example.cloze, tuple(values))
        kept = self._completed.get(key)
        if kept is None:
            prompt = self._prompt(example, "")
            bare = self._full(example, prompt, example.cloze or "")
            kept = []
            for value in values:
                full = self._full(example, prompt, f"{example.cloze} {value}")
                common = next(
                    (i for i, (a, b) in enumerate(zip(bare, full, strict=False)) if a != b), min(len(bare), len(full))
                )
                kept.append((full[:-1] if full[-1] == self.tokenizer.eos_token_id else full, common))
            self._completed.put(key, kept)
        return kept

    def _prompt(self, example: Example, question: str) -> _Prompt:
        """Return the user's turn, its generation prompt, and the ids of that, not yet expanded."""
        content: list[dict[str, str]] = [{"type": "image"} for _ in example.images]
        if question:
            content.append({"type": "text", "text": question})
        messages: list[_Message] = [{"role": "user", "content": content}]
        text = self._render(messages, True)
        return messages, text, self._ids(text)

    def _full(self, example: Example, prompt: _Prompt, answer: str) -> list[int]:
        """Return the ids of the whole conversation, not yet expanded; those of the prompt lead."""
        messages, prompt_text, prompt_ids = prompt
        reply: _Message = {"role": "assistant", "content": [{"type": "text", "text": answer}]}
        text = self._render([*messages, reply], False).rstrip()
        full = self._ids(text)
        if full[: len(prompt_ids)] != prompt_ids:
            full = self._apart(prompt_text, prompt_ids, text)
        if full.count(self.image_id) != len(example.images):
            raise DataError(f"{example.id}: the text holds the image token; remove it from the data")
        return full

    def _apart(self, prompt_text: str, prompt: list[int], full_text: str) -> list[int]:
        """Tokenise the answer alone where it would merge with the end of the prompt."""
        if not full_text.startswith(prompt_text.rstrip()):
            raise ModelError("the chat template's generation prompt is no prefix of the conversation")
        if not self._warned:
            self._warned = True
            warnings.warn("answers are tokenised apart from the prompt: together they would merge", stacklevel=2)
        rest = full_text[len(prompt_text) :] if full_text.startswith(prompt_text) else ""
        return prompt + list(self.tokenizer(rest, add_special_tokens=False).input_ids)

    def _render(self, messages: list[_Message], prompt: bool) -> str:
        text: str = self.processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=prompt)
        return text

    def _ids(self, text: str) -> list[int]:
        bos = self.tokenizer.bos_token
        special = not (bos and text.startswith(bos))
        return list(self.tokenizer(text, add_special_tokens=special).input_ids)

    def _split(self, example: Example, ids: list[int], answer_at: int) -> Encoded:
        """Expand image tokens; cut into prefix, context and answer."""
        counts = iter([self._image_tokens(image) for image in example.images])
        head: list[int] = []
        last = 0
        for i in ids[:answer_at]:
            if i == self.image_id:
                head += [i] * next(counts)
                last = len(head)
            else:
                head.append(i)
        return Encoded(tuple(head[:last]), tuple(head[last:]), tuple(ids[answer_at:]), example.images)

    def _image_tokens(self, image: LazyImage) -> int:
        """Number of tokens that the processor gives this image; asked once per image size."""
        size = self._sizes.get(image.key)
        if size is None:
            size = image.size
            self._sizes.put(image.key, size)
        if size not in self._tokens_by_size:
            ids = self.processor(images=[image.open()], text=self.processor.image_token).input_ids[0]
            self._tokens_by_size[size] = list(ids).count(self.image_id)
        return self._tokens_by_size[size]

    def _check_expansion(self, example: Example, encoded: Encoded) -> None:
        """Compare the prompt's ids with what the processor itself makes of text and image."""
        content = [{"type": "image"} for _ in example.images] + [{"type": "text", "text": example.question}]
        text = self._render([{"role": "user", "content": content}], True)
        ids = self.processor(images=[i.open() for i in example.images], text=text).input_ids[0]
        if tuple(ids)[: len(encoded.prompt)] != encoded.prompt:
            raise ModelError("this processor lays out image tokens in a way that is not supported yet")

"""Example → tokens, through the model's own processor and chat template.

The prompt is what the processor makes of it, see ``PromptInputs``; the answer's tokens are those that follow the
prompt's in the whole conversation.
"""

import contextlib
import itertools
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..data.bounded import BoundedCache
from ..data.problems import quoted
from ..errors import DataError, ModelError
from ..example import Example
from ..image import LazyImage
from .chat import ANSWER, QUESTION, Chat, require_kept
from .control_tokens import ControlTokens
from .prompts import PromptInputs, Shape

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase, ProcessorMixin

#: Bytes of a token id in a list of Python, about: a reference, and an integer that may be shared.
_TOKEN = 36
#: Bytes of encoded examples that are kept (some 40,000 with an image of 576 tokens) and of completed cloze
#: sentences; images whose size is kept.
_ENCODED, _COMPLETED, _SIZES = 256 << 20, 64 << 20, 1 << 16
#: Texts that are tokenised together.
_TOGETHER = 1024
#: Question, answer, images.
_Key = tuple[str, str, tuple[str, ...]]
#: Number of images, the cloze sentence, the values.
_Completions = tuple[int, str | None, tuple[str, ...]]
#: What becomes of a control token in somebody's data.
SPECIAL_TOKENS = ("refuse", "text")


@dataclass(frozen=True)
class Encoded:
    """One conversation as token ids.

    Attributes:
        prefix: up to and including the last image token; equal for all questions on an image.
        context: the rest of the prompt.
        answer: the tokens that are scored, end token included (candidates have none).
        images: what the image tokens of ``prefix`` stand for.
        text: the prompt as the processor is given it.
        beside: ``(1, S, ...)`` per name: what the model is told of each token of prompt and answer besides.
        shape: of its images.
    """

    prefix: tuple[int, ...]
    context: tuple[int, ...]
    answer: tuple[int, ...]
    images: tuple[LazyImage, ...]
    text: str = field(default="", compare=False)
    beside: "Mapping[str, Tensor]" = field(default_factory=dict, compare=False)
    shape: Shape = field(default=Shape(), compare=False)

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
        beside = sum(tensor.nbytes for tensor in self.beside.values())
        return 8 * len(self.prefix) + _TOKEN * (len(self.context) + len(self.answer)) + beside


class Encoder:
    """Turns examples into token ids.

    Args:
        processor: a transformers processor, or the tokenizer of a model for text alone.
        special_tokens: ``refuse`` control tokens in the data (``</s>``), or encode them as ``text``.
        ends: tokens that end an answer besides the tokenizer's own.
        takes: names that the model's forward has; None: any.
        family: the configuration's ``model_type``.

    Attributes:
        chat: the chat template.
        control: the control tokens of tokenizer and template.
        inputs: asks the processor.
        image_id: the token of an image; None where the model takes text alone.

    Raises:
        ModelError: the chat template or the processor does not work; see ``Chat`` and ``PromptInputs``.
    """

    def __init__(
        self,
        processor: "ProcessorMixin | PreTrainedTokenizerBase",
        special_tokens: str = "refuse",
        ends: Iterable[int] = (),
        takes: frozenset[str] | None = None,
        family: str = "",
    ) -> None:
        self.processor, self.special_tokens = processor, special_tokens
        self.chat = Chat(processor)
        self.tokenizer = self.chat.tokenizer
        self.ends = frozenset((self.tokenizer.eos_token_id, *ends))
        used = self.chat.ids(self.chat.conversation(0 if self.chat.strings else 1, QUESTION, ANSWER))
        self.control = ControlTokens(self.tokenizer, used)
        read = self._ids if special_tokens == "text" else None
        self.inputs = PromptInputs(processor, self.chat, takes, family, read)
        self.image_id = self.inputs.image_id
        self._encoded: BoundedCache[_Key, Encoded] = BoundedCache(_ENCODED, lambda encoded: encoded.nbytes)
        self._sizes: BoundedCache[str, tuple[int, int]] = BoundedCache(_SIZES, lambda size: 1)
        self._completed: BoundedCache[_Completions, list[tuple[list[int], int]]] = BoundedCache(
            _COMPLETED, lambda kept: sum(_TOKEN * len(ids) for ids, _ in kept)
        )
        self._warned = False

    def encode(self, example: Example, answer: str | None = None) -> Encoded:
        """Encode an example, with another answer where given (a refusal).

        Raises:
            DataError: the question or answer holds a control token, or the template takes no image.
        """
        with _naming(example):
            prompt, whole = self._written(example, example.question, example.answer if answer is None else answer)
            return self._encoded_from(example, prompt, self._ids(prompt), whole, self._ids(whole))

    def cached(self, example: Example, answer: str | None = None) -> Encoded:
        """Return what ``encode`` does; kept for the next epoch.

        Raises:
            DataError: see ``encode``.
        """
        key = _key(example, answer)
        encoded = self._encoded.get(key)
        if encoded is None:
            encoded = self.encode(example, answer)
            self._encoded.put(key, encoded)
        return encoded

    def prepare(self, examples: Iterable[tuple[Example, str | None]]) -> None:
        """Keep what ``cached`` will be asked for: tokenised together, which is much faster.

        What cannot be encoded is left out: ``cached`` will name it.
        """
        fresh = {key: pair for pair in examples if (key := _key(*pair)) not in self._encoded}
        pairs = iter(fresh.items())
        while part := list(itertools.islice(pairs, _TOGETHER)):
            written: list[tuple[_Key, Example, str, str]] = []
            for key, (example, answer) in part:
                with contextlib.suppress(DataError, ModelError):
                    texts = self._written(example, example.question, example.answer if answer is None else answer)
                    written.append((key, example, *texts))
            prompts = self._bulk_ids([prompt for _, _, prompt, _ in written])
            wholes = self._bulk_ids([whole for _, _, _, whole in written])
            for (key, example, prompt, whole), prompt_ids, full in zip(written, prompts, wholes, strict=True):
                with contextlib.suppress(DataError, ModelError):
                    self._encoded.put(key, self._encoded_from(example, prompt, prompt_ids, whole, full))

    def candidates(self, example: Example, values: Sequence[str]) -> list[Encoded]:
        """Encode the cloze sentence completed with each value; the value's tokens are scored.

        Prefix and value are tokenised together; scored is what follows their common prefix with
        the bare cloze sentence, without an end token.
        """
        with _naming(example):
            text = self._written(example, "", example.cloze or "")[0]
            bare, encoded = len(self._ids(text)), []
            for full, common in self._completions(example, values):
                completed = self._after(example, text, full[bare:], len(full) - common)
                # The cloze words are the same for all values: they belong to the shared prefix.
                encoded.append(replace(completed, prefix=completed.prompt, context=()))
        return encoded

    def _completions(self, example: Example, values: Sequence[str]) -> list[tuple[list[int], int]]:
        """Return ids of the completed sentence and where each value begins; kept for other images."""
        key = (len(example.images), example.cloze, tuple(values))
        kept = self._completed.get(key)
        if kept is None:
            with _naming(example):
                prompt, whole = self._written(example, "", example.cloze or "")
                ids = self._ids(prompt)
                bare, kept = self._full(prompt, ids, whole, self._ids(whole)), []
                for value in values:
                    whole = self._written(example, "", f"{example.cloze} {value}")[1]
                    full = self._full(prompt, ids, whole, self._ids(whole))
                    common = next(
                        (i for i, (a, b) in enumerate(zip(bare, full, strict=False)) if a != b),
                        min(len(bare), len(full)),
                    )
                    kept.append((full[:-1] if full[-1] in self.ends else full, common))
            self._completed.put(key, kept)
        return kept

    def _written(self, example: Example, question: str, answer: str) -> tuple[str, str]:
        """Return the user's turn with the generation prompt, and the whole conversation."""
        images, asked, said = len(example.images), self._safe(question), self._safe(answer)
        prompt, whole = self.chat.prompt(images, asked), self.chat.conversation(images, asked, said)
        require_kept("question", asked, prompt)
        require_kept("answer", said, whole[len(prompt.rstrip()) :])
        return prompt, whole

    def _safe(self, text: str) -> str:
        """Return a text that no control token is in, or a stand-in for each.

        Raises:
            DataError: there is one, and they are refused; or the text has a stand-in of its own.
        """
        if self.special_tokens == "text" and self.control.hides(text):
            raise DataError(
                f"{quoted(text)} holds a private character above U+100000, which --special-tokens text has a use for: "
                "take it out"
            )
        found = self.control.first(text)
        if found is None:
            return text
        if self.special_tokens == "refuse":
            raise DataError(
                f"{found!r} in {quoted(text)} is a control token of the model; remove it, or have it encoded as "
                "text by --special-tokens text"
            )
        return self.control.hidden(text)

    def _encoded_from(
        self, example: Example, prompt: str, prompt_ids: list[int], whole: str, whole_ids: list[int]
    ) -> Encoded:
        full = self._full(prompt, prompt_ids, whole, whole_ids)
        if full[-1] not in self.ends:
            full = [*full, self.tokenizer.eos_token_id]
        return self._after(example, prompt, full[len(prompt_ids) :], len(full) - len(prompt_ids))

    def _full(self, prompt: str, prompt_ids: list[int], whole: str, whole_ids: list[int]) -> list[int]:
        """Return the ids of the whole conversation, images not yet in them; those of the prompt lead."""
        if whole_ids[: len(prompt_ids)] == prompt_ids:
            return whole_ids
        return self._apart(prompt, prompt_ids, whole)

    def _apart(self, prompt_text: str, prompt: list[int], full_text: str) -> list[int]:
        """Tokenise the answer alone where it would merge with the end of the prompt."""
        if not full_text.startswith(prompt_text.rstrip()):
            raise ModelError("the chat template's generation prompt is no prefix of the conversation")
        if not self._warned:
            self._warned = True
            warnings.warn("answers are tokenised apart from the prompt: together they would merge", stacklevel=2)
        rest = full_text[len(prompt_text) :] if full_text.startswith(prompt_text) else ""
        return prompt + self._ids(rest, False)

    def _ids(self, text: str, special: bool | None = None) -> list[int]:
        """Return the ids of a rendered text, whose stand-ins are read as what they stand for."""
        if self.special_tokens == "text" and self.control.hides(text):
            special = self.chat.adds_special(text) if special is None else special
            return self.chat.without_end(self.control.ids_as_text(text, special), special)
        return self.chat.ids(text, special)

    def _bulk_ids(self, texts: Sequence[str]) -> list[list[int]]:
        if self.special_tokens == "refuse":
            return self.chat.bulk_ids(texts)
        return [self._ids(text) for text in texts]

    def _after(self, example: Example, text: str, behind: Sequence[int], scored: int) -> Encoded:
        """Put tokens behind a prompt as the processor makes it; the last ``scored`` of them are the answer."""
        prompt = self.inputs.prompt(text, [self._size(image) for image in example.images])
        at = len(prompt.ids) - prompt.ids[::-1].index(self.image_id) if self.image_id in prompt.ids else 0
        context = (*prompt.ids[at:], *behind[: len(behind) - scored])
        beside = self.inputs.followed(prompt, len(behind), scored)
        answer = tuple(behind[len(behind) - scored :])
        return Encoded(prompt.ids[:at], context, answer, example.images, text, beside, prompt.shape)

    def image_tokens(self, size: tuple[int, int]) -> int:
        """Return how many tokens the processor gives an image of this width and height."""
        return self.inputs.prompt(self.chat.prompt(1, ""), [size]).ids.count(self.image_id or 0)

    def _size(self, image: LazyImage) -> tuple[int, int]:
        size = self._sizes.get(image.key)
        if size is None:
            size = image.size
            self._sizes.put(image.key, size)
        return size


def _key(example: Example, answer: str | None) -> _Key:
    key = example.answer if answer is None else answer
    return example.question, key, tuple(image.key for image in example.images)


@contextlib.contextmanager
def _naming(example: Example) -> Iterator[None]:
    """Say of what is wrong with a text whose it is."""
    try:
        yield
    except (DataError, ModelError) as error:
        raise type(error)(f"{example.id}: {error}") from None

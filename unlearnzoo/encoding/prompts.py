"""What a model's own processor makes of a prompt: token ids, what stands beside each token, image tensors.

No family of models is named here but one. The processor is asked for each prompt, with blank pictures of the right
sizes where only tokens count; an answer follows as it would in ``generate``. The whole conversation is never given to
it: some processors let the model read a prompt in both directions, or twice, and it would see the answer.
"""

import collections
import copy
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from ..data.bounded import BoundedCache
from ..errors import ModelError, first_line
from .chat import QUESTION, Chat, short, tokenizer_of
from .processor_parts import OnceASize, Read, Reader

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase, ProcessorMixin

    from ..image import LazyImage

#: Inputs of these names begin with what an image has, not with what a token has, whatever their shape.
_OF_IMAGES = ("pixel", "image", "high_res", "qformer")
#: What packing and padding make anew.
_OF_ROWS = ("input_ids", "attention_mask")
#: Bytes of prompts that are kept.
_PROMPTS = 64 << 20
#: Pictures of the trial: of two shapes, which some processors cut into different numbers of pieces.
_TRIED = ((64, 64), (96, 48))


class Shape(NamedTuple):
    """What may make a model compute images of one batch otherwise than alone.

    Attributes:
        sizes: width and height of each image.
        tensors: shapes of the image tensors, but for the dimension along which those of a batch are joined: where they
            differ they are padded.
    """

    sizes: tuple[tuple[int, int], ...] = ()
    tensors: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True)
class Prompt:
    """A prompt's tokens.

    Attributes:
        ids: those of the images among them.
        beside: ``(1, S, ...)`` per name: what the model is told of each token besides.
        shape: of its images.
    """

    ids: tuple[int, ...]
    beside: "Mapping[str, Tensor]"
    shape: Shape

    @property
    def nbytes(self) -> int:
        """Bytes of memory, about."""
        return 36 * len(self.ids) + sum(tensor.nbytes for tensor in self.beside.values())


class PromptInputs:
    """Asks a processor, or the tokenizer of a model for text alone.

    Args:
        processor: transformers' own.
        chat: its chat template.
        takes: names that the model's forward has; None: any.
        family: the configuration's ``model_type``.
        read: reads texts in place of the tokenizer.

    Attributes:
        image_id: the token that stands for an image, once or often; None where there is no place for one.
        reads_question: image tensors depend on the question as well (InstructBLIP).

    Raises:
        ModelError: the processor fails, or has no token for an image.
    """

    def __init__(
        self,
        processor: "ProcessorMixin | PreTrainedTokenizerBase",
        chat: Chat,
        takes: "frozenset[str] | None" = None,
        family: str = "",
        read: Read | None = None,
    ) -> None:
        self.chat, self.takes, self.family = chat, takes, family
        self.processor = processor
        self.tokenizer = tokenizer_of(processor)
        self._blank = processor
        if processor is not self.tokenizer:
            self._blank = copy.copy(processor)
            self._blank.image_processor = OnceASize(processor.image_processor)
            if read is not None:
                self._blank.tokenizer = Reader(self.tokenizer, read)
        elif read is not None:
            self._blank = Reader(self.tokenizer, read)
        self._prompts: BoundedCache[tuple[str, tuple[tuple[int, int], ...]], Prompt] = BoundedCache(
            _PROMPTS, lambda prompt: prompt.nbytes
        )
        self.image_id: int | None = None
        self.reads_question = False
        self._dims: dict[str, int] = {}
        if not chat.strings and processor is not self.tokenizer:
            try:
                self._try_images()
            except ModelError as error:
                raise ModelError(str(error) if chat.template else f"there is no chat template, and {error}") from None

    def prompt(self, text: str, sizes: Sequence[tuple[int, int]]) -> Prompt:
        """Return the tokens of a rendered prompt; no picture is opened.

        Args:
            text: from ``Chat.prompt``.
            sizes: width and height of each of its images.

        Raises:
            ModelError: the processor fails.
        """
        key = text, tuple(sizes)
        kept = self._prompts.get(key)
        if kept is None:
            made = self._ask(self._blank, [text], [_blank(size) for size in sizes])
            ids = tuple(made["input_ids"][0].tolist())
            beside = {name: made[name] for name in _beside(made)}
            kept = Prompt(ids, beside, Shape(key[1], self._shapes(made, beside)))
            self._prompts.put(key, kept)
        return kept

    def _shapes(self, made: "Mapping[str, Tensor]", beside: "Mapping[str, Tensor]") -> tuple[tuple[int, ...], ...]:
        """Return the shapes of image tensors, see ``Shape``; a text of their own has a mask, and does not count."""
        shapes = []
        for name in sorted(made.keys() - beside.keys() - set(_OF_ROWS)):
            if not name.startswith("qformer"):
                dim, shape = self._dims.get(name, 0), tuple(made[name].shape)
                shapes.append(shape[:dim] + shape[dim + 1 :])
        return tuple(shapes)

    def images(self, text: str, images: "Sequence[LazyImage]") -> "dict[str, Tensor]":
        """Return the image tensors of one prompt, its pictures opened.

        Raises:
            DataError: a picture cannot be read or decoded; names the row.
            ModelError: the processor fails.
        """
        return self.tensors(text, [image.open() for image in images])

    def tensors(self, text: str, pictures: "Sequence[Image]") -> "dict[str, Tensor]":
        """Return what ``images`` does of opened pictures."""
        made = self._ask(self.processor, [text], pictures)
        beside = _beside(made)
        return {name: tensor for name, tensor in made.items() if name not in (*_OF_ROWS, *beside)}

    def joined(self, some: "Sequence[Mapping[str, Tensor]]") -> "dict[str, Tensor]":
        """Return the image tensors of a batch as the processor itself joins them."""
        return {name: joined([one[name] for one in some], self._dims.get(name, 0)) for name in some[0]}

    def followed(self, prompt: Prompt, n: int, proper: int) -> "dict[str, Tensor]":
        """Return what stands beside each token of a prompt and of ``n`` tokens behind it, as ``generate`` adds them.

        Args:
            prompt: the prompt.
            n: tokens behind it.
            proper: how many of those, the last ones, are an answer.
        """
        import torch

        found = {}
        for name, tensor in prompt.beside.items():
            more = tensor[:, -1:].expand(-1, n, *tensor.shape[2:]).clone()
            if self.family == "paligemma":
                more[:, n - proper :] = 1  # an answer is not read in both directions
            found[name] = torch.cat([tensor, more], 1)
        return found

    def _ask(self, processor: Any, texts: list[str], images: "Sequence[Image]") -> "dict[str, Tensor]":
        """Ask for some prompts, of an equal number of images each."""
        special = self.chat.adds_special(texts[0])
        how: dict[str, object] = {"add_special_tokens": special, "return_tensors": "pt", "padding": len(texts) > 1}
        if images:
            each = len(images) // len(texts)
            how["images"] = [list(images[i * each : (i + 1) * each]) for i in range(len(texts))]
        try:
            made = processor(text=texts, **how)
        except Exception as error:  # noqa: BLE001 - it may be the model's own code
            raise ModelError(f"the processor does not work: {first_line(error)}") from None
        return self._taken(made, special)

    def _taken(self, made: Mapping[str, Any], special: bool) -> "dict[str, Tensor]":
        """Keep the tensors that the model takes, without what the tokenizer adds behind a text."""
        import torch

        taken = {
            name: tensor.float() if tensor.is_floating_point() else tensor
            for name, tensor in made.items()
            if isinstance(tensor, torch.Tensor)
            and (name in _OF_ROWS or (name != "labels" and (self.takes is None or name in self.takes)))
        }
        behind = self.chat.added_behind if special else 0
        if behind:
            for name in (*_OF_ROWS, *_beside(taken)):
                taken[name] = taken[name][:, :-behind]
        return taken

    def _try_images(self) -> None:
        """Find the token of an image, whether the question counts for an image, and how images are joined."""
        pictures = [_noise(size, seed) for seed, size in enumerate(_TRIED)]
        texts = [self.chat.prompt(1, question) for question in (QUESTION, f"{QUESTION} {QUESTION}")]
        try:
            alone = [self._ask(self.processor, [texts[0]], [picture]) for picture in pictures]
        except ModelError:
            self._refuse_dropped(texts[0])
            raise
        other = self._ask(self.processor, [texts[1]], pictures[:1])
        self.image_id = self._image_token(alone[0]["input_ids"][0].tolist())
        names = [name for name in alone[0] if name not in (*_OF_ROWS, *_beside(alone[0]))]
        self.reads_question = any(not _equal(alone[0][name], other[name]) for name in names)
        both = self._ask(self.processor, [texts[0]] * 2, pictures)
        for name in names:
            parts = [one[name] for one in alone]
            fits = (d for d in range(parts[0].ndim) if _equal(joined(parts, d), both[name]))
            self._dims[name] = next(fits, 0)

    def _image_token(self, given: list[int]) -> int:
        """Find the token of an image: what a prompt with one has most often, and one without has less."""
        without = collections.Counter(self.chat.ids(self.chat.prompt(0, QUESTION)))
        more = collections.Counter(given) - without
        added = {i: n for i, n in more.items() if i in self.tokenizer.added_tokens_decoder}
        if not added:
            self._refuse_dropped(self.chat.prompt(1, QUESTION))
            raise ModelError("the processor has no token for an image: not a vision-language model?")
        return max(added, key=lambda i: (added[i], i == getattr(self.processor, "image_token_id", None)))

    def _refuse_dropped(self, text: str) -> None:
        """Say that the template leaves out the image, if a prompt with one is that without."""
        if self.chat.template and text.strip() == self.chat.prompt(0, QUESTION).strip():
            raise ModelError(f"the chat template drops the image: {short(text)}") from None


def joined(tensors: "Sequence[Tensor]", dim: int = 0) -> "Tensor":
    """Concatenate; every other dimension is padded behind to the longest."""
    import torch

    most = [max(t.shape[d] for t in tensors) for d in range(tensors[0].ndim)]

    def fit(tensor: "Tensor") -> "Tensor":
        behind = [0 if d == dim else most[d] - tensor.shape[d] for d in range(tensor.ndim)]
        if not any(behind):
            return tensor
        return torch.nn.functional.pad(tensor, [pad for n in reversed(behind) for pad in (0, n)])

    return torch.cat([fit(tensor) for tensor in tensors], dim)


def _beside(made: "Mapping[str, Tensor]") -> list[str]:
    """Name the inputs with an entry for each token."""
    rows, length = made["input_ids"].shape
    return [
        name
        for name, tensor in made.items()
        if name not in _OF_ROWS and not name.startswith(_OF_IMAGES) and tensor.shape[:2] == (rows, length)
    ]


def _equal(a: "Tensor", b: "Tensor") -> bool:
    import torch

    return a.shape == b.shape and torch.equal(a, b)


def _blank(size: tuple[int, int]) -> "Image":
    from PIL import Image

    return Image.new("RGB", size)


def _noise(size: tuple[int, int], seed: int) -> "Image":
    """Return a picture that no other one is taken for."""
    from PIL import Image

    return Image.frombytes("RGB", size, random.Random(seed).randbytes(3 * size[0] * size[1]))

"""Parts of a processor for prompts of which only the tokens count: pictures are blank, control tokens may be text."""

import copy
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..data.bounded import BoundedCache

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

#: Bytes of what the image part makes of blank pictures.
_BLANKS = 64 << 20
#: As the tokenizer: text, and whether it adds its own special tokens → ids.
Read = Callable[[str, bool], list[int]]


class OnceASize:
    """An image processor for blank pictures: asked once for each set of sizes."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self._kept: BoundedCache[tuple[object, ...], Any] = BoundedCache(_BLANKS, _nbytes)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)  # while it is copied
        return getattr(self._real, name)

    def __call__(self, images: Any, *args: Any, **kwargs: Any) -> Any:
        """Return what the real one makes of blank pictures, however they are nested."""
        key = _sizes(images), args, repr(sorted(kwargs.items(), key=str))
        made = self._kept.get(key)
        if made is None:
            made = self._real(images, *args, **kwargs)
            self._kept.put(key, made)
        return copy.copy(made)


def _sizes(images: Any) -> Any:
    return tuple(map(_sizes, images)) if isinstance(images, list | tuple) else getattr(images, "size", id(images))


def _nbytes(made: Mapping[str, Any]) -> int:
    return sum(getattr(value, "nbytes", 64) for value in made.values())


class Reader:
    """A tokenizer whose texts are read otherwise."""

    def __init__(self, real: "PreTrainedTokenizerBase", read: Read) -> None:
        self._real, self._read = real, read

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._real, name)

    def __call__(
        self, text: str | list[str], add_special_tokens: bool = True, return_tensors: str | None = None, **_: object
    ) -> Any:
        """Return ids and mask of texts."""
        from transformers import BatchEncoding

        rows = [self._read(one, add_special_tokens) for one in ([text] if isinstance(text, str) else text)]
        return BatchEncoding(
            {"input_ids": rows, "attention_mask": [[1] * len(row) for row in rows]}, tensor_type=return_tensors
        )

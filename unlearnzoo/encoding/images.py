"""Prompts with images → the processor's image tensors, kept within a bound; large ones are decoded ahead of their use.

Decoding a photograph takes as long as a model's step on it, so threads work on the images of the next steps
meanwhile. What they make is what the caller would have made; an image they fail on is tried again by the caller, who
then has the error, with the row's name, where it belongs.
"""

import concurrent.futures
import itertools
import os
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from ..data.bounded import BoundedCache
from .encode import Encoded
from .prompts import PromptInputs

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")
#: Content hashes of a prompt's images, and its text where that counts.
_Key = tuple[str, ...]
#: Pixels of an image from which on handing it to a thread costs less than it saves.
LARGE = 256 * 256
#: One core is left to the caller.
THREADS = max(1, min(2, (os.cpu_count() or 2) - 1))
_MOST_WANTED = 1024


class Prefetching(Protocol):
    """What makes images ready in the background."""

    def prefetch(self, prompts: Iterable[Encoded]) -> None:
        """Have the images of prompts made, before those that were wanted earlier."""


class ImageTensors:
    """Callable that gives the image tensors of a batch of prompts; keeps recent ones.

    Args:
        inputs: asks the processor.
        max_bytes: bound of what is kept; the least recently used goes first. What was made ahead and is not used
            yet takes half of it at most.
        large: pixels from which on an image is made ahead.
    """

    #: What a run says of it.
    note = ""

    def __init__(self, inputs: PromptInputs, max_bytes: int = 256 << 20, large: int = LARGE) -> None:
        self._inputs, self._max, self._large = inputs, max_bytes, large
        self._kept: BoundedCache[_Key, dict[str, Tensor]] = BoundedCache(max_bytes, _size, self._forget)
        self._lock = threading.Lock()
        self._wanted: OrderedDict[_Key, Encoded] = OrderedDict()
        self._under_way: dict[_Key, concurrent.futures.Future[None]] = {}
        self._unused: dict[_Key, int] = {}  # made ahead, not asked for yet → bytes
        self._pool: concurrent.futures.ThreadPoolExecutor | None = None

    def __call__(self, prompts: Sequence[Encoded]) -> "dict[str, Tensor]":
        """Return each of the processor's tensors of images, joined over the prompts, all of which have some.

        Raises:
            DataError: an image cannot be read or decoded; names the row.
            ModelError: the processor fails.
        """
        return self._inputs.joined([self._one(prompt) for prompt in prompts])

    def prefetch(self, prompts: Iterable[Encoded]) -> None:
        """Have the images of prompts made in the background, before those that were wanted earlier."""
        fresh = {
            key: prompt
            for prompt in prompts
            if prompt.images and (key := self._key(prompt)) not in self._kept and _at_least(prompt, self._large)
        }
        if not fresh:
            return
        with self._lock:
            rest = ((k, v) for k, v in self._wanted.items() if k not in fresh)
            todo = ((k, v) for k, v in fresh.items() if k not in self._under_way)
            self._wanted = OrderedDict(itertools.islice(itertools.chain(todo, rest), _MOST_WANTED))
            self._start()

    def _key(self, prompt: Encoded) -> _Key:
        return (*prompt.image_key, prompt.text) if self._inputs.reads_question else prompt.image_key

    def _one(self, prompt: Encoded) -> "dict[str, Tensor]":
        key = self._key(prompt)
        with self._lock:
            self._wanted.pop(key, None)
            under_way = self._under_way.get(key)
        if under_way:
            concurrent.futures.wait([under_way])
        with self._lock:
            self._unused.pop(key, None)
            self._start()
            kept = self._kept.get(key)
        if kept is not None:
            return kept
        made = self._inputs.images(prompt.text, prompt.images)
        with self._lock:
            self._kept.put(key, made)
        return made

    def _start(self) -> None:
        """Give threads what is wanted, within the bounds; the lock is held."""
        while self._wanted and len(self._under_way) < THREADS and 2 * sum(self._unused.values()) < self._max:
            if self._pool is None:
                self._pool = concurrent.futures.ThreadPoolExecutor(THREADS, "unlearnzoo-pixels")
            key, prompt = self._wanted.popitem(last=False)
            # Registered before the thread can remove it: both hold the lock.
            self._under_way[key] = self._pool.submit(self._make_ahead, key, prompt)

    def _make_ahead(self, key: _Key, prompt: Encoded) -> None:
        made = None
        try:
            made = self._inputs.images(prompt.text, prompt.images)
        finally:
            with self._lock:
                if made is not None and self._kept.put(key, made):
                    self._unused[key] = _size(made)
                self._under_way.pop(key, None)
                self._start()

    def _forget(self, key: _Key, tensors: "dict[str, Tensor]") -> None:
        """Count no longer what was made ahead and never used; the lock is held."""
        self._unused.pop(key, None)


def prefetch(
    items: Iterable[T], prompts: Callable[[T], Iterable[Encoded]], pixels: Prefetching, n: int = 2
) -> Iterator[T]:
    """Yield items, while the images of an item and of the ``n`` after it are made ready.

    Args:
        items: drawn up to ``n`` ahead; must not depend on what is done with those before.
        prompts: those of an item.
        pixels: makes images ready.
        n: how far to look.
    """
    source, coming = iter(items), deque[T]()
    while True:
        coming.extend(itertools.islice(source, n + 1 - len(coming)))
        if not coming:
            return
        pixels.prefetch([prompt for item in coming for prompt in prompts(item)])
        yield coming.popleft()


def _at_least(prompt: Encoded, pixels: int) -> bool:
    """Whether a prompt's images are readable and have so many pixels."""
    try:
        return sum(width * height for width, height in (image.size for image in prompt.images)) >= pixels
    except Exception:  # noqa: BLE001 - whoever uses the image will be told
        return False


def _size(tensors: "dict[str, Tensor]") -> int:
    return sum(t.numel() * t.element_size() for t in tensors.values())

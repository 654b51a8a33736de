"""Images → the processor's tensors, kept within a bound; large ones are decoded ahead of their use.

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

from ..image import LazyImage
from .bounded import BoundedCache

if TYPE_CHECKING:
    from torch import Tensor
    from transformers.image_processing_utils import BaseImageProcessor

T = TypeVar("T")
#: Pixels of an image from which on handing it to a thread costs less than it saves.
LARGE = 256 * 256
#: One core is left to the caller.
THREADS = max(1, min(2, (os.cpu_count() or 2) - 1))
_MOST_WANTED = 1024


class Prefetching(Protocol):
    """What makes images ready in the background."""

    def prefetch(self, images: Iterable[LazyImage]) -> None:
        """Have images made, before those that were wanted earlier."""


class ImageTensors:
    """Callable that gives the image tensors of a batch; keeps recent ones.

    Args:
        image_processor: the processor's image part.
        max_bytes: bound of what is kept; the least recently used goes first. What was made ahead and is not used
            yet takes half of it at most.
        large: pixels from which on an image is made ahead.
    """

    #: What a run says of it.
    note = ""

    def __init__(self, image_processor: "BaseImageProcessor", max_bytes: int = 256 << 20, large: int = LARGE) -> None:
        self._process, self._max, self._large = image_processor, max_bytes, large
        self._kept: BoundedCache[str, dict[str, Tensor]] = BoundedCache(max_bytes, _size, self._forget)
        self._lock = threading.Lock()
        self._wanted: OrderedDict[str, LazyImage] = OrderedDict()
        self._under_way: dict[str, concurrent.futures.Future[None]] = {}
        self._unused: dict[str, int] = {}  # made ahead, not asked for yet → bytes
        self._pool: concurrent.futures.ThreadPoolExecutor | None = None

    def __call__(self, images: Sequence[LazyImage]) -> "dict[str, Tensor]":
        """Return each of the processor's tensors, concatenated over the images.

        Raises:
            DataError: an image cannot be read or decoded; names the row.
        """
        tensors = [self._one(image) for image in images]
        return {name: _joined([of_image[name] for of_image in tensors]) for name in tensors[0]}

    def prefetch(self, images: Iterable[LazyImage]) -> None:
        """Have images made in the background, before those that were wanted earlier."""
        fresh = {i.key: i for i in images if i.key not in self._kept and _readable_and_at_least(i, self._large)}
        if not fresh:
            return
        with self._lock:
            rest = ((k, v) for k, v in self._wanted.items() if k not in fresh)
            todo = ((k, v) for k, v in fresh.items() if k not in self._under_way)
            self._wanted = OrderedDict(itertools.islice(itertools.chain(todo, rest), _MOST_WANTED))
            self._start()

    def _one(self, image: LazyImage) -> "dict[str, Tensor]":
        with self._lock:
            self._wanted.pop(image.key, None)
            under_way = self._under_way.get(image.key)
        if under_way:
            concurrent.futures.wait([under_way])
        with self._lock:
            self._unused.pop(image.key, None)
            self._start()
            kept = self._kept.get(image.key)
        if kept is not None:
            return kept
        made = self._make(image)
        with self._lock:
            self._kept.put(image.key, made)
        return made

    def _make(self, image: LazyImage) -> "dict[str, Tensor]":
        import torch

        made = self._process(images=[image.open()], return_tensors="pt")
        return {k: v for k, v in made.items() if isinstance(v, torch.Tensor)}

    def _start(self) -> None:
        """Give threads what is wanted, within the bounds; the lock is held."""
        while self._wanted and len(self._under_way) < THREADS and 2 * sum(self._unused.values()) < self._max:
            if self._pool is None:
                self._pool = concurrent.futures.ThreadPoolExecutor(THREADS, "unlearnzoo-pixels")
            key, image = self._wanted.popitem(last=False)
            # Registered before the thread can remove it: both hold the lock.
            self._under_way[key] = self._pool.submit(self._make_ahead, key, image)

    def _make_ahead(self, key: str, image: LazyImage) -> None:
        made = None
        try:
            made = self._make(image)
        finally:
            with self._lock:
                if made is not None and self._kept.put(key, made):
                    self._unused[key] = _size(made)
                self._under_way.pop(key, None)
                self._start()

    def _forget(self, key: str, tensors: "dict[str, Tensor]") -> None:
        """Count no longer what was made ahead and never used; the lock is held."""
        self._unused.pop(key, None)


def prefetch(
    items: Iterable[T], images: Callable[[T], Iterable[LazyImage]], pixels: Prefetching, n: int = 2
) -> Iterator[T]:
    """Yield items, while the images of an item and of the ``n`` after it are made ready.

    Args:
        items: drawn up to ``n`` ahead; must not depend on what is done with those before.
        images: the images of an item.
        pixels: makes images ready.
        n: how far to look.
    """
    source, coming = iter(items), deque[T]()
    while True:
        coming.extend(itertools.islice(source, n + 1 - len(coming)))
        if not coming:
            return
        pixels.prefetch([image for item in coming for image in images(item)])
        yield coming.popleft()


def _readable_and_at_least(image: LazyImage, pixels: int) -> bool:
    try:
        width, height = image.size
    except Exception:  # noqa: BLE001 - whoever uses the image will be told
        return False
    return width * height >= pixels


def _joined(tensors: "Sequence[Tensor]") -> "Tensor":
    """Concatenate; images in fewer pieces get empty ones behind, as the processor itself does (LLaVA-NeXT)."""
    import torch

    if tensors[0].ndim >= 4:
        most = max(t.shape[1] for t in tensors)
        tensors = [torch.nn.functional.pad(t, (0, 0) * (t.ndim - 2) + (0, most - t.shape[1])) for t in tensors]
    return torch.cat(list(tensors))


def _size(tensors: "dict[str, Tensor]") -> int:
    return sum(t.numel() * t.element_size() for t in tensors.values())

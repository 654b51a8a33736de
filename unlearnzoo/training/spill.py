"""Tensors that must not be computed twice: in memory as far as they fit, the rest in a nameless file."""

import tempfile
import warnings
import weakref
from typing import IO

import torch
from torch import Tensor

from ..data.bounded import BoundedCache
from ..errors import CacheWarning
from ..storage.atomic import write_error
from ..storage.cache import cache_folder

#: Bytes in memory: the hidden states of some 5,000 answers of 25 tokens at a width of 4,096 in bf16 take as much.
MEMORY = 1 << 30


class SpillingTensors:
    """A mapping from names to CPU tensors that never loses one.

    What does not fit into memory goes to a file below the cache folder that has no name, so that the system removes
    it when the process ends, however it ends. Tensors come back bit for bit. Where the disk is full, or has no
    cache folder, they stay in memory, and a warning says so. The 200 kB of an answer at a width of 4,096 take about
    6 ms to write, once, and .3 ms to read again (two cores, NVMe): nothing beside a forward of that width.

    Args:
        max_bytes: bound of those in memory.
    """

    def __init__(self, max_bytes: int = MEMORY) -> None:
        self._memory: BoundedCache[str, Tensor] = BoundedCache(max_bytes, lambda tensor: tensor.nbytes, self._spill)
        #: Name → where it begins in the file, its type and its shape.
        self._places: dict[str, tuple[int, torch.dtype, torch.Size]] = {}
        self._unspilled: dict[str, Tensor] = {}
        self._file: IO[bytes] | None = None

    def __contains__(self, name: str) -> bool:
        return name in self._memory or name in self._places or name in self._unspilled

    def __getitem__(self, name: str) -> Tensor:
        """Return a tensor.

        Raises:
            KeyError: there is none of this name.
        """
        tensor = self._memory.get(name)
        if tensor is None:
            if name in self._unspilled:
                return self._unspilled[name]
            tensor = self._read(name)
            self._memory.put(name, tensor)
        return tensor

    def __setitem__(self, name: str, tensor: Tensor) -> None:
        self._places.pop(name, None)
        self._unspilled.pop(name, None)
        if not self._memory.put(name, tensor):
            self._spill(name, tensor)

    def _spill(self, name: str, tensor: Tensor) -> None:
        if name in self._places:
            return
        if not self._unspilled:
            try:
                self._places[name] = self._write(tensor), tensor.dtype, tensor.shape
                return
            except OSError as error:
                told = str(write_error(cache_folder(), error))
                warnings.warn(f"what the target model gave is kept in memory: {told}", CacheWarning, stacklevel=2)
        self._unspilled[name] = tensor

    def _write(self, tensor: Tensor) -> int:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=cache_folder())  # noqa: SIM115 - it lives as long as this object
            weakref.finalize(self, self._file.close)
        start = self._file.seek(0, 2)
        try:
            self._file.write(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
            self._file.flush()
        except OSError:
            self._file.truncate(start)
            raise
        return start

    def _read(self, name: str) -> Tensor:
        start, dtype, shape = self._places[name]
        tensor = torch.empty(shape, dtype=dtype)
        if self._file is not None and tensor.numel():
            self._file.seek(start)
            content = bytearray(self._file.read(tensor.nbytes))
            tensor = torch.frombuffer(content, dtype=torch.uint8).view(dtype).reshape(shape)
        return tensor

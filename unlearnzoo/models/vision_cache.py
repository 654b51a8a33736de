"""Tensors on disk by address: a cache that stays within its bytes, for any number of processes.

Each file is whole or absent (it is renamed into place) and carries its address and a checksum: one that is cut short,
damaged or something else is as good as none. The least recently used goes first; the time of last use is the file's.
"""

import contextlib
import os
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from ..storage.atomic import atomic_write, private_folder
from ..storage.cache import best_effort

if TYPE_CHECKING:
    from torch import Tensor


class FeatureFiles:
    """Files below a folder.

    Args:
        folder: readable by its owner only; what was computed from people's images is their data.
        max_bytes: bound of all files in it. A second process may be over it by the file that it is writing.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.folder, self.max_bytes = folder, max_bytes
        self._refused = False

    def __contains__(self, address: str) -> bool:
        return self._path(address).exists()

    def get(self, address: str) -> "Tensor | None":
        """Return what is kept, or None."""
        from safetensors import SafetensorError, safe_open

        path = self._path(address)
        with contextlib.suppress(OSError, SafetensorError, ValueError):
            with safe_open(path, "pt") as file:
                tensor: Tensor = file.get_tensor("features")
                known = file.metadata() or {}
            if known == {"address": address, "crc32": _checksum(tensor)}:
                os.utime(path)
                return tensor
        return None

    def put(self, address: str, tensor: "Tensor") -> None:
        """Keep a tensor; once that fails (a full disk), say so and keep no more."""
        from safetensors.torch import save

        content = save({"features": tensor}, {"address": address, "crc32": _checksum(tensor)})
        if self._refused or len(content) > self.max_bytes:
            return
        self._refused = True
        with best_effort("What the vision tower made of the images", self.folder):
            private_folder(self.folder)  # somebody may have emptied the cache
            self._make_room(len(content))
            atomic_write(self._path(address), content)
            self._refused = False

    def _make_room(self, needed: int) -> None:
        files = []
        with os.scandir(self.folder) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):  # another process removed it
                    stat = entry.stat(follow_symlinks=False)
                    files.append((stat.st_mtime_ns, stat.st_size, entry.path))
        total = sum(size for _, size, _ in files) + needed
        for _, size, path in sorted(files):
            if total <= self.max_bytes:
                return
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            total -= size

    def _path(self, address: str) -> Path:
        return self.folder / f"{address}.safetensors"


def _checksum(tensor: "Tensor") -> str:
    import torch

    return f"{zlib.crc32(tensor.contiguous().view(torch.uint8).numpy().data):08x}"

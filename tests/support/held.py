"""Bytes of the tensors that are alive, as torch makes them and lets them go."""

import weakref

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Alive(TorchDispatchMode):
    """Counts the storages made inside that are still there; views and in-place results count once.

    Attributes:
        bytes: held now.
        peak: the most that was held at a time.
    """

    def __init__(self):
        super().__init__()
        self.bytes = self.peak = 0
        self._known = weakref.WeakKeyDictionary()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        given = {t.untyped_storage()._cdata for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)}
        out = function(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            if isinstance(tensor, torch.Tensor) and tensor.untyped_storage()._cdata not in given:
                self._add(tensor.untyped_storage())
        return out

    def _add(self, storage):
        if storage in self._known:
            return
        self._known[storage] = True
        self.bytes += storage.nbytes()
        self.peak = max(self.peak, self.bytes)
        weakref.finalize(storage, self._gone, storage.nbytes())

    def _gone(self, size):
        self.bytes -= size

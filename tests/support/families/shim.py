"""Let a torchvision whose kernels do not load be imported; ``make families`` puts this file there as ``sitecustomize``.

PyPI's torchvision is built for CUDA. Beside a CPU torch its kernels stay out, and its import then fails on the schemas
of two operators; after that no processor of transformers imports. Processors call Python functions of torchvision
alone, so the schemas are enough.
"""

import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder, SourceFileLoader
from pathlib import Path

BOXES = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


class Loader(SourceFileLoader):
    """Defines the schemas where the kernels do not load, then runs the package as usual."""

    def exec_module(self, module):
        import torch

        try:
            for kernels in Path(self.path).parent.glob("_C*"):
                torch.ops.load_library(kernels)
        except OSError:
            # Kept by the class: a library that is collected takes its schemas with it.
            Loader.library = torch.library.Library("torchvision", "DEF")
            for name in ("nms", "qnms"):
                Loader.library.define(f"{name}{BOXES}")
        super().exec_module(module)


class Finder(MetaPathFinder):
    """Finds torchvision before the usual finders do."""

    def find_spec(self, name, path=None, target=None):
        if name != "torchvision":
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = Loader(name, spec.origin)
        return spec


sys.meta_path.insert(0, Finder())

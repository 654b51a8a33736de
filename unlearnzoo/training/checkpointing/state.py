"""Everything that decides how a training goes on, as tensors and JSON: nothing is pickled.

``training_state`` and ``load_training_state`` are the two places that know where the state of a training lies.
"""

import json
import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

Tensors = dict[str, Tensor]
_GENERATORS: dict[str, Any] = {"generator": torch.Generator, "random": random.Random, "numpy": np.random.Generator}


def training_state(parameters: list[Any], optimizer: Any) -> Tensors:
    """Copy trained parameters and the optimiser's state to the CPU, by position in the list."""
    found = {f"parameter.{i}": p.detach().cpu().clone() for i, p in enumerate(parameters)}
    for i, state in optimizer.state_dict()["state"].items():
        for name, value in state.items():
            found[f"optimizer.{i}.{name}"] = torch.as_tensor(value).detach().cpu().clone()
    return found


def load_training_state(parameters: list[Any], optimizer: Any, found: Mapping[str, Tensor]) -> None:
    """Put back what ``training_state`` copied, bit by bit."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in found.items():
        kind, _, rest = name.partition(".")
        if kind == "parameter":
            parameters[int(rest)].data.copy_(value)
        elif kind == "optimizer":
            i, _, what = rest.partition(".")
            state.setdefault(int(i), {})[what] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def rng_state() -> tuple[dict[str, Any], Tensors]:
    """Return the state of the global generators: of Python and numpy as JSON, of torch as tensors.

    Of the GPUs this process's own alone counts: whoever goes on may see others, or another number of them.
    """
    version, numbers, gauss = random.getstate()
    name, keys, at, has_gauss, cached = np.random.get_state()
    tensors = {"rng.torch": torch.get_rng_state(), "rng.numpy": torch.from_numpy(np.array(keys).astype(np.int64))}
    if torch.cuda.is_available():
        tensors["rng.cuda"] = torch.cuda.get_rng_state()
    return {"python": [version, list(numbers), gauss], "numpy": [name, at, has_gauss, cached]}, tensors


def set_rng_state(facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Set the global generators; of the GPUs this process's own."""
    version, numbers, gauss = facts["python"]
    random.setstate((version, tuple(numbers), gauss))
    name, *rest = facts["numpy"]
    np.random.set_state((name, tensors["rng.numpy"].numpy().astype(np.uint32), *rest))
    torch.set_rng_state(tensors["rng.torch"])
    if "rng.cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["rng.cuda"])


def seed(number: int) -> None:
    """Seed the global generators: an algorithm that draws from them repeats with ``--seed``."""
    random.seed(number)
    np.random.seed(number)
    torch.manual_seed(number)


def algorithm_state(thing: Any, but: set[str]) -> tuple[dict[str, Any], Tensors]:
    """Return what an algorithm has noted on itself: numbers, texts, tensors, lists, dicts, generators.

    Anything else (a module, a function) stays as ``prepare`` makes it again.
    """
    facts: dict[str, Any] = {}
    tensors: Tensors = {}
    for name, value in vars(thing).items():
        if name not in but:
            try:
                facts[name] = _packed(value, f"attribute.{name}", tensors)
            except TypeError:
                continue
    return facts, tensors


def load_algorithm_state(thing: Any, facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Set them again; generators that are there are moved, not replaced."""
    for name, packed in facts.items():
        setattr(thing, name, _unpacked(packed, tensors, getattr(thing, name, None)))


def _packed(value: Any, path: str, tensors: Tensors) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Tensor):
        tensors[path] = value.detach().cpu().clone().contiguous()
        return {"tensor": path, "device": value.device.type}
    if isinstance(value, torch.Generator):
        tensors[path] = value.get_state()
        return {"generator": path}
    if isinstance(value, random.Random):
        return {"random": value.getstate()}
    if isinstance(value, np.random.Generator):
        json.dumps(value.bit_generator.state)  # that of some kinds holds arrays: TypeError
        return {"numpy": value.bit_generator.state}
    if type(value) in (list, tuple):
        return {type(value).__name__: [_packed(v, f"{path}.{i}", tensors) for i, v in enumerate(value)]}
    if type(value) is dict:
        return {
            "dict": [
                [_packed(k, f"{path}.{i}k", tensors), _packed(v, f"{path}.{i}", tensors)]
                for i, (k, v) in enumerate(value.items())
            ]
        }
    raise TypeError(type(value))


def _unpacked(packed: Any, tensors: Mapping[str, Tensor], now: Any = None) -> Any:
    if not isinstance(packed, dict):
        return packed
    kind, value = next(iter(packed.items()))
    if kind == "tensor":
        return tensors[value].clone().to(packed["device"])
    if kind in _GENERATORS:
        return _moved(kind, value, tensors, now)
    if kind == "dict":
        return {_unpacked(k, tensors): _unpacked(v, tensors) for k, v in value}
    return (tuple if kind == "tuple" else list)(_unpacked(v, tensors) for v in value)


def _moved(kind: str, state: Any, tensors: Mapping[str, Tensor], now: Any) -> Any:
    """Return a generator in a state: the one that is there, or a new one."""
    found: Any = now if isinstance(now, _GENERATORS[kind]) else _new(kind)
    if kind == "generator":
        found.set_state(tensors[state])
    elif kind == "random":
        version, numbers, gauss = state
        found.setstate((version, tuple(numbers), gauss))
    else:
        found.bit_generator.state = state
    return found


def _new(kind: str) -> Any:
    return np.random.default_rng() if kind == "numpy" else _GENERATORS[kind]()

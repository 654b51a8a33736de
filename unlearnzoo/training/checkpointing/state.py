"""Everything that decides how a training goes on, as tensors and JSON: nothing is pickled.

``training_state`` and ``load_training_state`` are the two places that know where the state of a training lies.
"""

import json
import random
from collections.abc import Container, Mapping, Sequence
from typing import Annotated, Literal, TypedDict, cast

import numpy as np
import torch
from msgspec import Meta
from torch import Tensor, nn

from ...unlearner import Unlearner

Tensors = dict[str, Tensor]
#: A note of an algorithm as JSON: what is no number or text is a mapping from its kind.
Packed = None | bool | int | float | str | list["Packed"] | dict[str, "Packed"]


_Word = Annotated[int, Meta(ge=0, lt=2**32)]


class RngState(TypedDict):
    """The global generators but torch's: Python's (version, numbers, next Gauss) and numpy's, without its keys."""

    python: tuple[Literal[3], Annotated[list[_Word], Meta(min_length=625, max_length=625)], float | None]
    numpy: tuple[Literal["MT19937"], Annotated[int, Meta(ge=0, le=624)], Literal[0, 1], float]


def training_state(parameters: Sequence[nn.Parameter], optimizer: torch.optim.Optimizer) -> Tensors:
    """Copy trained parameters and the optimiser's state to the CPU, by position in the list."""
    tensors = {f"parameter.{i}": p.detach().cpu().clone() for i, p in enumerate(parameters)}
    for i, state in optimizer.state_dict()["state"].items():
        for name, value in state.items():
            tensors[f"optimizer.{i}.{name}"] = torch.as_tensor(value).detach().cpu().clone()
    return tensors


def load_training_state(
    parameters: Sequence[nn.Parameter], optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]
) -> None:
    """Put back what ``training_state`` copied, bit by bit.

    Raises:
        LookupError: a parameter is missing.
        ValueError: one has another shape, which would be spread over it, or there are others.
    """
    state: dict[int, dict[str, Tensor]] = {}
    for i, parameter in enumerate(parameters):
        parameter.data.copy_(_shaped(f"parameter.{i}", tensors[f"parameter.{i}"], parameter.shape))
    for name, value in tensors.items():
        kind, index, part = (*name.split(".", 2), "")[:3]
        if not index.isdecimal() or int(index) >= len(parameters):
            raise ValueError(f"{name} is of no parameter")
        if kind == "optimizer":
            state.setdefault(int(index), {})[part] = _shaped(name, value, (), parameters[int(index)].shape)
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _shaped(name: str, value: Tensor, *shapes: Sequence[int]) -> Tensor:
    if tuple(value.shape) not in map(tuple, shapes):
        raise ValueError(f"{name} has the shape {tuple(value.shape)}, expected {tuple(shapes[-1])}")
    return value


def rng_state() -> tuple[RngState, Tensors]:
    """Return the state of the global generators: of Python and numpy as JSON, of torch as tensors.

    Of the GPUs this process's own alone counts: whoever goes on may see others, or another number of them.
    """
    version, numbers, gauss = random.getstate()
    name, keys, at, has_gauss, cached = np.random.get_state()
    tensors = {"rng.torch": torch.get_rng_state(), "rng.numpy": torch.from_numpy(np.array(keys).astype(np.int64))}
    if torch.cuda.is_available():
        tensors["rng.cuda"] = torch.cuda.get_rng_state()
    facts = {"python": (version, list(numbers), gauss), "numpy": (name, at, has_gauss, cached)}
    return cast(RngState, facts), tensors


def set_rng_state(facts: RngState, tensors: Mapping[str, Tensor]) -> None:
    """Set the global generators; of the GPUs this process's own."""
    version, numbers, gauss = facts["python"]
    random.setstate((version, tuple(numbers), gauss))
    name, at, has_gauss, cached = facts["numpy"]
    keys = _shaped("rng.numpy", tensors["rng.numpy"], (624,)).numpy().astype(np.uint32)
    np.random.set_state((name, keys, at, has_gauss, cached))
    torch.set_rng_state(tensors["rng.torch"])
    if "rng.cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["rng.cuda"])


def seed(number: int) -> None:
    """Seed the global generators: an algorithm that draws from them repeats with ``--seed``."""
    random.seed(number)
    np.random.seed(number)
    torch.manual_seed(number)


def algorithm_state(algorithm: object, but: Container[str]) -> tuple[dict[str, Packed], Tensors]:
    """Return what an algorithm has noted on itself: numbers, texts, tensors, lists, dicts, generators.

    Anything else (a module, a function) stays as ``prepare`` makes it again.
    """
    facts: dict[str, Packed] = {}
    tensors: Tensors = {}
    for name, value in vars(algorithm).items():
        if _is_note(algorithm, name, but):
            try:
                facts[name] = _packed(value, f"attribute.{name}", tensors)
            except TypeError:
                continue
    return facts, tensors


def load_algorithm_state(
    algorithm: object, facts: Mapping[str, object], tensors: Mapping[str, Tensor], but: Container[str]
) -> None:
    """Set them again; generators that are there are moved, not replaced.

    Raises:
        ValueError: a fact is none that ``algorithm_state`` gives, by name: an option, a method, another form.
        Exception: what torch, numpy or Python say of a state that is none.
    """
    for name, packed in facts.items():
        if not _is_note(algorithm, name, but):
            raise ValueError(f"{name} is nothing that an algorithm notes")
        setattr(algorithm, name, _unpacked(packed, tensors, getattr(algorithm, name, None)))


def _is_note(algorithm: object, name: str, but: Container[str]) -> bool:
    """Return whether an algorithm itself set this: no option, and nothing that its class or the contract defines."""
    methods = hasattr(getattr(type(algorithm), name, None), "__get__")
    return name not in but and not methods and not name.startswith("__") and not hasattr(Unlearner, name)


def _packed(value: object, path: str, tensors: Tensors) -> Packed:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Tensor):
        tensors[path] = value.detach().cpu().clone().contiguous()
        return {"tensor": path, "device": value.device.type}
    if isinstance(value, torch.Generator):
        tensors[path] = value.get_state()
        return {"generator": path}
    if isinstance(value, random.Random):
        version, numbers, gauss = value.getstate()
        return {"random": [version, list(numbers), gauss]}
    if isinstance(value, np.random.Generator):
        state = dict(value.bit_generator.state)
        json.dumps(state)  # that of some kinds holds arrays: TypeError
        return {"numpy": state}
    # No subclass: made again it would be another thing.
    if type(value) is list or type(value) is tuple:
        return {type(value).__name__: [_packed(v, f"{path}.{i}", tensors) for i, v in enumerate(value)]}
    if type(value) is dict:
        return {
            "dict": [
                [_packed(k, f"{path}.{i}k", tensors), _packed(v, f"{path}.{i}", tensors)]
                for i, (k, v) in enumerate(value.items())
            ]
        }
    raise TypeError(type(value))


def _unpacked(packed: object, tensors: Mapping[str, Tensor], now: object = None) -> object:
    """Return what was packed; a generator that is there ``now`` is set, not replaced."""
    match packed:
        case None | bool() | int() | float() | str():
            return packed
        case {"tensor": str(name), "device": str(device)} if device != "meta":  # which has no numbers
            return tensors[name].clone().to(device)
        case {"generator": str(name)}:
            generator = now if isinstance(now, torch.Generator) else torch.Generator()
            generator.set_state(tensors[name])
            return generator
        case {"random": [version, list(numbers), gauss]}:
            draw = now if isinstance(now, random.Random) else random.Random()
            draw.setstate((version, tuple(numbers), gauss))
            return draw
        case {"numpy": dict(state)}:
            rng = now if isinstance(now, np.random.Generator) else np.random.default_rng()
            rng.bit_generator.state = state
            return rng
        case {"dict": list(pairs)}:
            return {_unpacked(key, tensors): _unpacked(value, tensors) for key, value in pairs}
        case {"tuple": list(values)}:
            return tuple(_unpacked(value, tensors) for value in values)
        case {"list": list(values)}:
            return [_unpacked(value, tensors) for value in values]
    raise ValueError(f"{str(packed)[:60]} is no note of an algorithm")

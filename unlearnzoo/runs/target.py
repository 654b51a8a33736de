"""The target model: stage 1 learned once and kept by content.

Five algorithms, other seeds and other forget sets share one target.
"""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import cache
from ..engine import stages
from ..engine.weights import AdapterWeights, put, take
from ..example import Example

if TYPE_CHECKING:
    from ..engine.engine import Engine
    from .plan import Plan

#: Part of the cache key. A test over the sources of stage 1 fails when they change and this does not.
STAGE_1_VERSION = 1
WEIGHTS = "adapter_model.safetensors"


def digest(value: Any) -> str:
    """Hash JSON-able data."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:20]


def target_key(plan: "Plan", dtype: str, only: Sequence[str] | None = None) -> str:
    """Return the content address of stage 1, over some rows only where their ids are given."""
    replay = [(e.id, e.question, e.answer, [i.key for i in e.images]) for e in plan.replay]
    return digest({
        "version": STAGE_1_VERSION, "recipe": plan.learn.values(), "data": plan.benchmark.fingerprint(),
        "weights": plan.checkpoint.weights, "replay": replay, "seed": plan.request.target_seed, "dtype": dtype,
        **({} if only is None else {"only": list(only)}),
    })


def obtain(plan: "Plan", engine: "Engine", on_step: Callable[[dict[str, float]], bool]) -> tuple[str, bool]:
    """Put the target adapter on the engine's model: from the cache, or learned now.

    Returns:
        The target's key and whether it was cached.
    """
    if plan.request.target is not None:
        # The user's model is the target as it is: an adapter at zero stands for "nothing added".
        engine.adapt("target", 1, 1.0, ("language",), 0)
        return digest({"target": plan.checkpoint.weights}), True
    key = target_key(plan, str(engine.dtype))
    with alone(engine, cache.folder("targets") / key):
        found = engine.ranks.once(lambda: _cached(plan, key))
        if found is not None:
            put(engine, "target", found)
            return key, True
        stages.learn(engine, plan.benchmark.learn_pool(), plan.replay, plan.learn, plan.request.target_seed, on_step)
        _keep(engine, key, take(engine, "target"))
        return key, False


@contextlib.contextmanager
def alone(engine: "Engine", path: Path) -> Iterator[None]:
    """Let one command at a time make a file of the cache; of several processes the main one waits for it."""
    with contextlib.ExitStack() as stack:
        engine.ranks.once(lambda: stack.enter_context(cache.alone(path)))
        yield


def relearn(plan: "Plan", engine: "Engine", pool: Sequence[Example],
            on_step: Callable[[dict[str, float]], bool]) -> AdapterWeights:
    """Return what stage 1 learns from some of its rows; the engine's own target stays as it is."""
    key = target_key(plan, str(engine.dtype), [example.id for example in pool])
    with alone(engine, cache.folder("targets") / key):
        found = engine.ranks.once(lambda: _cached(plan, key))
        if found is None:
            own = take(engine, "target")
            engine.drop("unlearn")
            try:
                stages.learn(engine, pool, plan.replay, plan.learn, plan.request.target_seed, on_step)
                found = take(engine, "target")
            finally:
                put(engine, "target", own)
            _keep(engine, key, found)
    return found


def _cached(plan: "Plan", key: str) -> AdapterWeights | None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    home, recipe = cache.folder("targets") / key, plan.learn
    if not (home / WEIGHTS).is_file():
        return None
    try:
        return AdapterWeights(load_file(home / WEIGHTS), recipe.rank, recipe.alpha, recipe.parts)
    except (SafetensorError, OSError):
        shutil.rmtree(home, ignore_errors=True)  # a damaged file is learned again
        return None


def _keep(engine: "Engine", key: str, found: AdapterWeights) -> None:
    """Write the adapter as a whole or not at all; of two commands the first wins."""
    from safetensors.torch import save_file

    if not engine.ranks.main:
        return
    home = cache.folder("targets") / key
    with (cache.best_effort("the target of stage 1", home),
          tempfile.TemporaryDirectory(dir=home.parent, prefix=".new-") as fresh):
        save_file(dict(found.tensors), Path(fresh) / WEIGHTS)
        try:
            os.rename(fresh, home)
        except OSError:
            if not (home / WEIGHTS).is_file():
                raise
        else:
            os.mkdir(fresh)  # what the context manager removes

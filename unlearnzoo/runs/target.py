"""The target model: stage 1 learned once and kept by content.

Five algorithms, other seeds and other forget sets share one target.
"""

import contextlib
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CacheWarning, CheckpointWarning, ZooError, first_line
from ..example import Example
from ..image import PICTURE_RULE
from ..storage.artifacts import aside, damage, exclusive, write_sums
from ..storage.cache import best_effort, cache_folder, partial_target
from ..storage.hashing import content_key
from ..training import stages
from ..training.adapter_weights import AdapterWeights, put, take
from ..training.checkpointing.checkpointer import Checkpointer
from ..training.checkpointing.interval import CheckpointInterval
from ..training.checkpointing.store import Store

if TYPE_CHECKING:
    from torch import Tensor

    from ..planning.plan import Plan
    from ..training.engine import Engine

#: Part of the cache key. A test over the sources of stage 1 fails when they change and this does not.
STAGE_1_VERSION = 3
WEIGHTS, SUM = "adapter_model.safetensors", "adapter_model.sha256"


def target_key(plan: "Plan", precision_key: str, only: Sequence[Example] | None = None) -> str:
    """Return the content address of stage 1, over some of its rows only where they are given.

    Of the data it is what stage 1 trains on, in its order: rows that are only asked may be corrected.
    """
    return content_key(
        {
            "version": STAGE_1_VERSION,
            "recipe": plan.learn.values(),
            "rows": _rows(plan.benchmark.learn_pool()),
            "special tokens": plan.request.special_tokens,
            "weights": plan.checkpoint.weights,
            "replay": _rows(plan.replay),
            "seed": plan.request.target_seed,
            "arithmetic": precision_key,
            "pictures": PICTURE_RULE,
            **({} if only is None else {"only": _rows(only)}),
        }
    )


def _rows(examples: Sequence[Example]) -> str:
    """Return a hash of what is learned of rows: their texts and images, in order; not what they are called."""
    return content_key([(e.question, e.answer, [image.key for image in e.images]) for e in examples])


def key_of(plan: "Plan", engine: "Engine") -> str:
    """Return the key of this run's target; the user's own is its weights."""
    if plan.request.target is not None:
        # What it answers is kept by this key, too.
        return content_key(
            {
                "target": plan.checkpoint.weights,
                "data": plan.benchmark.fingerprint(),
                "arithmetic": engine.precision_key,
                "pictures": PICTURE_RULE,
            }
        )
    return target_key(plan, engine.precision_key)


def load_or_train(plan: "Plan", engine: "Engine", on_step: Callable[[dict[str, float]], bool]) -> tuple[str, bool]:
    """Put the target adapter on the engine's model: from the cache, or learned now.

    Returns:
        The target's key and whether it was cached.
    """
    key = key_of(plan, engine)
    if plan.request.target is not None:
        # The user's model is the target as it is: an adapter at zero stands for "nothing added".
        engine.adapt("target", 1, 1.0, ("language",), 0)
        return key, True
    with exclusive_on_main(engine, cache_folder("targets") / key):
        cached = engine.ranks.on_main(lambda: _cached(plan, key))
        if cached is not None:
            put(engine, "target", cached)
            return key, True
        _learn(plan, engine, plan.benchmark.learn_pool(), key, on_step)
        return key, False


@contextlib.contextmanager
def exclusive_on_main(engine: "Engine", path: Path) -> Iterator[None]:
    """Let one command at a time make a file of the cache; of several processes the main one waits for it."""
    with contextlib.ExitStack() as stack:
        engine.ranks.on_main(lambda: stack.enter_context(exclusive(path)))
        yield


def relearn(
    plan: "Plan", engine: "Engine", pool: Sequence[Example], on_step: Callable[[dict[str, float]], bool]
) -> AdapterWeights:
    """Return what stage 1 learns from some of its rows; the engine's own target stays as it is."""
    key = target_key(plan, engine.precision_key, pool)
    with exclusive_on_main(engine, cache_folder("targets") / key):
        learned = engine.ranks.on_main(lambda: _cached(plan, key))
        if learned is None:
            own, replaced = take(engine, "target"), engine.target_replaced
            engine.drop("unlearn")
            engine.replace_target(False)  # stage 1 trains ``target``, also where a method has taken it out
            try:
                learned = _learn(plan, engine, pool, key, on_step)
            finally:
                engine.replace_target(replaced)
                put(engine, "target", own)
    return learned


def _learn(
    plan: "Plan", engine: "Engine", pool: Sequence[Example], key: str, on_step: Callable[[dict[str, float]], bool]
) -> AdapterWeights:
    """Learn a target, from its last checkpoint where there is one, and keep it."""
    checkpointer = _checkpointer(plan, engine, key)
    stages.learn(engine, pool, plan.replay, plan.learn, plan.request.target_seed, on_step, checkpointer)
    learned = take(engine, "target")
    if engine.ranks.main:
        _keep(cache_folder("targets") / key, learned.tensors)
        shutil.rmtree(partial_target(key), ignore_errors=True)
    return learned


def _checkpointer(plan: "Plan", engine: "Engine", key: str) -> Checkpointer | None:
    """Return what keeps checkpoints of a stage 1; None, with a warning, where nothing can be kept."""

    def store() -> Store | str:
        try:
            return Store(partial_target(key), key)
        except (OSError, ZooError) as error:
            return str(error)

    opened = engine.ranks.on_main(store)
    if isinstance(opened, str):
        warnings.warn(f"stage 1 goes on without checkpoints: {opened}", CheckpointWarning, stacklevel=2)
        return None
    return Checkpointer(
        opened,
        CheckpointInterval.parse(plan.request.checkpoint_every),
        ranks=engine.ranks,
        works=not engine.sharding.on,
    )


def _cached(plan: "Plan", key: str) -> AdapterWeights | None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    home, recipe = cache_folder("targets") / key, plan.learn
    if not home.is_dir():
        return None
    reason = damage(home, SUM)
    if reason is None:
        try:
            return AdapterWeights(load_file(home / WEIGHTS), recipe.rank, recipe.alpha, recipe.parts)
        except (SafetensorError, OSError) as error:
            reason = first_line(error)
    warnings.warn(f"the target in {home} is damaged ({reason}); stage 1 learns it again", CacheWarning, stacklevel=2)
    shutil.rmtree(home, ignore_errors=True)
    return None


def _keep(home: Path, tensors: "Mapping[str, Tensor]") -> None:
    """Write the adapter as a whole or not at all."""
    from safetensors.torch import save_file

    with best_effort("the target of stage 1", home), aside(home) as fresh:
        save_file(dict(tensors), fresh / WEIGHTS)
        write_sums(fresh, SUM)

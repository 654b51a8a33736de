"""What a run keeps while it works, in ``checkpoint/`` of its folder, until the whole command is done."""

import contextlib
import functools
import shutil
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CheckpointWarning, ZooError
from ..evaluation.evaluator import Evaluator, Item, parts
from ..evaluation.samples import Sample, read_samples, write_samples
from ..launch import worker
from ..records.run_file import CHECKPOINT
from ..storage.hashing import content_key
from ..training.checkpointing.checkpointer import Checkpointer
from ..training.checkpointing.interval import CheckpointInterval
from ..training.checkpointing.store import Store
from ..training.reference import Reference
from ..unlearner import asked

if TYPE_CHECKING:
    from ..planning.plan import Plan


def stage_2(plan: "Plan", name: str, folder: Path, target: str, reference: Reference) -> Checkpointer:
    """Return what keeps stage 2 of an algorithm, with what an earlier process left of it.

    Args:
        plan: of the command.
        name: of the algorithm, as typed.
        folder: of its record.
        target: key of the target.
        reference: takes what was kept of it.
    """
    algorithm, engine = plan.algorithms[name], reference.engine
    return Checkpointer(
        Store(folder / CHECKPOINT, _key(plan, name, target)),
        CheckpointInterval.parse(plan.request.checkpoint_every),
        reference=reference,
        algorithm=algorithm,
        ranks=engine.ranks,
        works=not engine.sharding.on,
    )


def take_over(plan: "Plan", name: str, folder: Path, target: str, reference: Reference) -> None:
    """Take the reference of an algorithm that an earlier process finished: the next ones share it."""
    if not any(need.endswith("_ref") for need in asked(plan.algorithms[name])):
        return
    checkpointer = None
    ranks = reference.engine.ranks
    if ranks.on_main((folder / CHECKPOINT).is_dir):
        checkpointer = Checkpointer(
            Store(folder / CHECKPOINT, _key(plan, name, target)),
            CheckpointInterval(),
            reference=reference,
            ranks=ranks,
            works=not reference.engine.sharding.on,
        )
    if checkpointer is None or not checkpointer.store.files:
        warnings.warn(
            f"the reference that {name} shared is gone and is computed again; last digits may differ",
            CheckpointWarning,
            stacklevel=2,
        )


def evaluate_by_part(checkpointer: Checkpointer, evaluator: Evaluator, items: Sequence[Item]) -> list[Sample]:
    """Evaluate the unlearned model, part by part; parts that are kept are read."""
    by_row: dict[tuple[str, str], Sample] = {}
    for number, part in enumerate(parts(items)):
        name = f"judged-{number:04}.parquet"
        samples = None
        if name in checkpointer.store.files:
            with contextlib.suppress(ZooError):
                samples = checkpointer.ranks.on_main(functools.partial(read_samples, checkpointer.store.folder / name))
        if samples is None:
            samples = evaluator(part, "unlearned")
            checkpointer.add(name, functools.partial(write_samples, samples=samples))
        by_row |= {(s.split, s.id): s for s in samples}
    return [by_row[item.split, item.example.id] for item in items]


def clear(folders: Iterable[Path]) -> None:
    """Remove what was kept: the command is done."""
    for folder in folders if worker.rank() == 0 else ():
        shutil.rmtree(folder / CHECKPOINT, ignore_errors=True)


def _key(plan: "Plan", name: str, target: str) -> str:
    """Return what stage 2 depends on; a checkpoint of anything else is not used."""
    algorithm = plan.algorithms[name]
    origin = plan.zoo.origin(type(algorithm))
    depends_on: list[object] = [
        target,
        algorithm.name,
        origin["distribution"],
        origin["version"],
        algorithm.values(),
        plan.unlearn.values(),
        plan.request.seed,
        plan.request.stop_at,
        plan.benchmark.fingerprint(),
        sorted(plan.benchmark.forget_identities()),
    ]
    return content_key(depends_on)

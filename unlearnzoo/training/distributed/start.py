"""Join the processes that a launcher started, or be the only one."""

import os
from datetime import timedelta
from typing import Any

import torch

from ...errors import RunError
from .ranks import Ranks, limit


def start() -> tuple[Any, Ranks]:
    """Return the accelerator and this process among the others.

    ``accelerate launch``, ``torchrun``, ``deepspeed`` and SLURM's variables are understood by
    accelerate; here only what it would get wrong on a machine without GPUs is said.

    Raises:
        RunError: deepspeed is asked for and not installed.
    """
    from accelerate import Accelerator
    from accelerate.utils import InitProcessGroupKwargs

    on_gpu, handlers = torch.cuda.is_available(), []
    several = int(os.environ.get("WORLD_SIZE", "1")) > 1
    sharded = os.environ.get("ACCELERATE_USE_DEEPSPEED", "false").lower() == "true"
    if sharded:
        _ready_deepspeed(on_gpu)
    if several:
        # Without a backend accelerate believes in a single process where there is no GPU.
        backend = "nccl" if on_gpu else "gloo"
        handlers = [InitProcessGroupKwargs(backend=backend, timeout=timedelta(seconds=limit()))]
    # The base is bf16 on a GPU and adapters stay fp32: deepspeed's own bf16 mode would cast both.
    accelerator = Accelerator(
        mixed_precision="no", cpu=several and not on_gpu and not sharded, kwargs_handlers=handlers
    )
    return accelerator, Ranks(accelerator.num_processes, accelerator.process_index)


def _ready_deepspeed(on_gpu: bool) -> None:
    try:
        import deepspeed
    except ImportError:
        raise RunError("deepspeed is not installed: pip install 'unlearnzoo[deepspeed]'") from None
    if not on_gpu:
        # It would compile a shared-memory transport, for which a machine may have no compiler.
        ops = getattr(deepspeed.ops, "__compatible_ops__", {})
        ops["deepspeed_shm_comm"] = False

"""Join the processes that a launcher started, or be the only one."""

import os
import warnings
from datetime import timedelta
from typing import TYPE_CHECKING

import torch

from ...errors import OptionError, RunError, ZooWarning
from . import settings
from .environment import processes, rank
from .ranks import Ranks, limit

if TYPE_CHECKING:
    from accelerate import Accelerator


def start() -> "tuple[Accelerator, Ranks]":
    """Return the accelerator and this process among the others.

    ``accelerate launch``, ``torchrun``, ``deepspeed`` and SLURM's variables are understood by
    accelerate; here only what it would get wrong on a machine without GPUs is said.

    Raises:
        OptionError: a variable of accelerate's, or the DeepSpeed file that one names, would change numbers.
        RunError: deepspeed is asked for and not installed, or the accelerator takes this for another process.
    """
    from accelerate import Accelerator
    from accelerate.state import is_initialized
    from accelerate.utils import DeepSpeedPlugin, InitProcessGroupKwargs

    on_gpu, handlers, plugin = torch.cuda.is_available(), [], None
    several = processes() > 1
    if not is_initialized():  # later ones are of the first one's kind
        config = _settled(on_gpu)
        if settings.sharded():
            _ready_deepspeed(on_gpu)
            plugin = DeepSpeedPlugin(hf_ds_config=config)
    if several:
        # Without a backend accelerate believes in a single process where there is no GPU.
        backend = "nccl" if on_gpu else "gloo"
        handlers = [InitProcessGroupKwargs(backend=backend, timeout=timedelta(seconds=limit()))]
    # The base is bf16 on a GPU and adapters stay fp32: deepspeed's own bf16 mode would cast both.
    accelerator = Accelerator(
        mixed_precision="no",
        cpu=several and not on_gpu and not settings.sharded(),
        deepspeed_plugin=plugin,
        kwargs_handlers=handlers,
    )
    check_rank(accelerator)
    return accelerator, Ranks(processes(), rank())


def _settled(on_gpu: bool) -> settings.Content | None:
    """Say what of accelerate's variables does not count and take it out; return what DeepSpeed is to be given."""
    if on_gpu and os.environ.get("ACCELERATE_USE_CPU", "").lower() == "true":
        raise OptionError("use_cpu: true: this machine has GPUs; take it out, or set CUDA_VISIBLE_DEVICES=''")
    config, lines = settings.from_environment()
    for line in lines:
        warnings.warn(line, ZooWarning, stacklevel=3)
    settings.forget_overruled()
    return config


def check_rank(accelerator: "Accelerator") -> None:
    """Refuse a process whose number is another for the accelerator: two would write, or none.

    Raises:
        RunError: with both.
    """
    theirs = (accelerator.process_index, accelerator.num_processes)
    if theirs != (rank(), processes()):
        raise RunError(
            f"this process is rank {rank()} of {processes()} by RANK and WORLD_SIZE, and rank {theirs[0]} of "
            f"{theirs[1]} for accelerate: start it with --launch, accelerate launch or torchrun, which set them all"
        )


def _ready_deepspeed(on_gpu: bool) -> None:
    try:
        import deepspeed
    except ImportError:
        raise RunError("deepspeed is not installed: pip install 'unlearnzoo[deepspeed]'") from None
    if not on_gpu:
        # It would compile a shared-memory transport, for which a machine may have no compiler.
        ops = getattr(deepspeed.ops, "__compatible_ops__", {})
        ops["deepspeed_shm_comm"] = False

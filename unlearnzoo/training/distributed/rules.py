"""Which keys a launch file, DeepSpeed's file and accelerate's variables may have: the tables of ``settings``.

Plan and recipe decide every number; a launch only says where the work is done. Each key is therefore one of these:

* it changes no number (``passed``): handed on;
* it must have the value that it has here (``equal``), or be off (``off``): else refused;
* it is in nearly every file, and one value is right (``overruled``): put in its place, with a line;
* nobody here knows it: refused, since it may change numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")
#: What a value that is passed on must be.
FLAG, NUMBER, WHOLE, ANY = "true or false", "a number from 0", "a whole number", "anything"

_PRECISION = "--precision alone says what numbers are in (fp32, bf16 or 4bit), and adapters stay fp32"
_BATCHES = "learn.batch and unlearn.batch say how many answers a step has"
_CLIP = "learn.clip and unlearn.clip say it"
_ADAMW = "learn.lr, unlearn.lr and their like say it, and it is AdamW"
_GRADIENTS = "it changes the gradients"
_COMPUTED = "it changes what is computed"
_TYPES = "choose MULTI_GPU (as ddp has it, without GPUs too) or DEEPSPEED (as zero1, zero2 and zero3)"
_DEVICES = ("none", "cpu", "nvme"), "choose none, cpu or nvme"
_STAGES = "choose 1, 2 or 3; without sharding it is --launch ddp"


@dataclass(frozen=True)
class Rules:
    """What the keys of a file mean here; those of a block inside it as ``block.key``.

    Attributes:
        passed: key → what its value must be.
        off: key → why it must be off.
        equal: key → the values that it may have, and why.
        overruled: key → what is right, and who says so. None: what the plan says.
        blocks: whose own keys are looked at.
    """

    passed: Mapping[str, str] = field(default_factory=dict)
    off: Mapping[str, str] = field(default_factory=dict)
    equal: Mapping[str, tuple[tuple[object, ...], str]] = field(default_factory=dict)
    overruled: Mapping[str, tuple[str | None, str]] = field(default_factory=dict)
    blocks: tuple[str, ...] = ()


def _each(keys: str, what: T, block: str = "") -> dict[str, T]:
    return {f"{block}{key}": what for key in keys.split()}


_OFFLOAD = {
    "nvme_path": ANY,
    **_each("pin_memory pipeline_read pipeline_write fast_init", FLAG),
    **_each("buffer_count buffer_size max_in_cpu ratio cpuadam_cores_perc", NUMBER),
}
_ZERO = {
    **_each(
        "allgather_partitions overlap_comm reduce_scatter contiguous_gradients use_multi_rank_bucket_allreduce "
        "round_robin_gradients ignore_unused_parameters elastic_checkpoint load_from_fp32_weights "
        "stage3_gather_16bit_weights_on_model_save stage3_gather_fp16_weights_on_model_save "
        "stage3_use_all_reduce_for_fetch_params stage3_allgather_sequential memory_efficient_linear "
        "pipeline_loading_checkpoint override_module_apply log_trace_cache_warnings enable_sanity_checks",
        FLAG,
    ),
    **_each(
        "allgather_bucket_size reduce_bucket_size sub_group_size stage3_prefetch_bucket_size "
        "stage3_param_persistence_threshold stage3_model_persistence_threshold stage3_max_live_parameters "
        "stage3_max_reuse_distance stage3_module_granularity_threshold",
        NUMBER,
    ),
    **{f"{block}.{key}": kind for block in ("offload_optimizer", "offload_param") for key, kind in _OFFLOAD.items()},
}

#: DeepSpeed's own file.
DEEPSPEED = Rules(
    passed={
        # The last two are of DeepSpeed's own checkpoints, and of a function that models here do not call.
        **_each("steps_per_print log_level aio checkpoint activation_checkpointing", ANY),
        **_each("wall_clock_breakdown memory_breakdown dump_state disable_python_gc dataloader_drop_last", FLAG),
        **_each("zero_allow_untested_optimizer zero_force_ds_cpu_optimizer", FLAG),
        **{f"zero_optimization.{key}": kind for key, kind in _ZERO.items()},
    },
    off={
        **_each("fp16 bf16 bfloat16 ddp_bf16 amp torch_autocast fp8 msamp", _PRECISION),
        **_each("optimizer scheduler", _ADAMW),
        **_each("prescale_gradients sparse_gradients disable_allgather", _GRADIENTS),
        **_each("curriculum_learning data_efficiency progressive_layer_drop eigenvalue compile", _COMPUTED),
        **_each("compression_training quantize_training weight_quantization sparse_attention", _COMPUTED),
        **_each("tensor_parallel expert_parallel elasticity autotuning hybrid_engine", "nothing here uses it"),
        **_each("flops_profiler comms_logger tensorboard wandb csv_monitor comet nebula", "nothing here uses it"),
        **_each(
            "zero_quantized_weights zero_quantized_nontrainable_weights zero_quantized_gradients zeropp_loco_param "
            "zenflow legacy_stage1 cpu_offload cpu_offload_params mics_hierarchical_params_gather "
            "offload_optimizer.super_offload",
            _GRADIENTS,
            "zero_optimization.",
        ),
    },
    equal={
        **_each("communication_data_type seq_parallel_communication_data_type", (("fp32",), _PRECISION)),
        **_each("grad_accum_dtype param_dtype", (("fp32",), _PRECISION), "data_types."),
        "gradient_predivide_factor": ((1,), _GRADIENTS),
        "gradient_allreduce_op": (("mean",), _GRADIENTS),
        "zero_optimization.stage": ((1, 2, 3), _STAGES),
        **_each("offload_optimizer.device offload_param.device", _DEVICES, "zero_optimization."),
        "zero_optimization.compute_grad_norm": ((True,), "gradients are clipped by their norm"),
        "zero_optimization.zero_hpz_partition_size": ((1,), "weights are shared out over all processes"),
        "zero_optimization.mics_shard_size": ((-1,), "weights are shared out over all processes"),
    },
    overruled={
        "gradient_accumulation_steps": ("1", _BATCHES),
        "train_batch_size": (None, _BATCHES),
        "train_micro_batch_size_per_gpu": ("1", _BATCHES),
        "gradient_clipping": (None, _CLIP),
    },
    blocks=(
        "data_types",
        "zero_optimization",
        "zero_optimization.offload_optimizer",
        "zero_optimization.offload_param",
    ),
)

#: What ``accelerate config`` writes.
ACCELERATE = Rules(
    passed={
        **_each("num_processes num_machines machine_rank main_process_port", WHOLE),
        **_each("main_process_ip rdzv_backend same_network main_training_function gpu_ids", ANY),
        **_each("debug enable_cpu_affinity use_cpu", FLAG),
        **_each(
            "offload_optimizer_nvme_path offload_param_nvme_path "
            "zero3_init_flag zero3_save_16bit_model deepspeed_config_file deepspeed_hostfile "
            "deepspeed_multinode_launcher deepspeed_exclusion_filter deepspeed_inclusion_filter "
            "deepspeed_moe_layer_cls_names",
            ANY,
            "deepspeed_config.",
        ),
    },
    off={
        **_each("downcast_bf16 fp8_config", _PRECISION),
        **_each("dynamo_backend dynamo_config", "the model is not compiled"),
        **_each("fsdp_config megatron_lm_config parallelism_config mpirun_config", _TYPES),
        **_each("tpu_name tpu_zone tpu_use_cluster tpu_use_sudo tpu_vm tpu_env command_file commands", _TYPES),
    },
    equal={
        "compute_environment": (("LOCAL_MACHINE",), "choose LOCAL_MACHINE"),
        "distributed_type": (("MULTI_GPU", "DEEPSPEED"), _TYPES),
        "deepspeed_config.zero_stage": ((1, 2, 3), _STAGES),
        **_each("offload_optimizer_device offload_param_device", _DEVICES, "deepspeed_config."),
    },
    overruled={
        "mixed_precision": ("no", _PRECISION),
        "fp16": ("false", _PRECISION),
        "deepspeed_config.gradient_accumulation_steps": ("1", _BATCHES),
        "deepspeed_config.gradient_clipping": (None, _CLIP),
    },
    blocks=("deepspeed_config",),
)

#: Variables that accelerate and torch read, whoever set them.
VARIABLES = Rules(
    off={
        **_each("USE_FSDP USE_MEGATRON_LM USE_PARALLELISM_CONFIG USE_SAGEMAKER IN_TPU_POD", _TYPES, "ACCELERATE_"),
        **_each("DOWNCAST_BF16 FP8_BACKEND", _PRECISION, "ACCELERATE_"),
        **_each("XLA_USE_BF16 XLA_DOWNCAST_BF16 TORCH_ALLOW_TF32_CUBLAS_OVERRIDE NVIDIA_TF32_OVERRIDE", _PRECISION),
        "ACCELERATE_TORCH_DEVICE": "it is the GPU where there is one; CUDA_VISIBLE_DEVICES says which",
        "ACCELERATE_DYNAMO_BACKEND": "the model is not compiled",
    },
    equal={"ACCELERATE_DEEPSPEED_ZERO_STAGE": (("1", "2", "3"), _STAGES)},
    overruled={
        "ACCELERATE_MIXED_PRECISION": ("no", _PRECISION),
        "ACCELERATE_GRADIENT_ACCUMULATION_STEPS": ("1", _BATCHES),
        "ACCELERATE_GRADIENT_CLIPPING": (None, _CLIP),
    },
)

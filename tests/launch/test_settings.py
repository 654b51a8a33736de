"""What a user's files and variables may change: what decides numbers is overruled with a line, or refused by name."""

import json
from types import SimpleNamespace

import pytest
import torch
import yaml

from unlearnzoo.cli import main
from unlearnzoo.errors import OptionError, RunError
from unlearnzoo.launch import configs
from unlearnzoo.training.distributed import rules, settings
from unlearnzoo.training.distributed.deepspeed import check_engine
from unlearnzoo.training.optimizers import check_types

ZERO2 = {"zero_optimization": {"stage": 2}}
OWN = {"distributed_type": "DEEPSPEED", "deepspeed_config": {"zero_stage": 2}}


@pytest.fixture
def deepspeed(tmp_path):
    """Write a file of DeepSpeed's and read it as it is read before a launch."""

    def read(content):
        (tmp_path / "ds.json").write_text(content if isinstance(content, str) else json.dumps(content))
        return settings.read_deepspeed(tmp_path / "ds.json", "--launch own.yaml")

    return read


@pytest.fixture
def launch(tmp_path, monkeypatch):
    """Write a launch file and read it."""
    monkeypatch.setattr(configs, "find_spec", lambda package: True)

    def read(content):
        (tmp_path / "own.yaml").write_text(yaml.safe_dump(content))
        return configs.read(str(tmp_path / "own.yaml"))

    return read


def refusal(read, content):
    with pytest.raises(OptionError) as error:
        read(content)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"fp16": {"enabled": True}}, 'fp16: {"enabled": true}: --precision alone says'),
        ({"bf16": {"enabled": True}}, "--precision alone says"),
        ({"bf16": {"enabled": "true"}}, "--precision alone says"),
        ({"bfloat16": {"enabled": True}}, "--precision alone says"),
        ({"amp": {"enabled": True, "opt_level": "O1"}}, "--precision alone says"),
        ({"torch_autocast": {"enabled": True, "dtype": "bfloat16"}}, "--precision alone says"),
        ({"communication_data_type": "fp16"}, "must be fp32"),
        ({"data_types": {"grad_accum_dtype": "bf16"}}, "data_types.grad_accum_dtype: bf16: --precision"),
        ({"optimizer": {"type": "SGD", "params": {"lr": 1}}}, "learn.lr, unlearn.lr"),
        ({"scheduler": {"type": "WarmupLR"}}, "learn.lr, unlearn.lr"),
        ({"prescale_gradients": True}, "changes the gradients"),
        ({"gradient_predivide_factor": 2.0}, "must be 1"),
        ({"gradient_allreduce_op": "sum"}, "must be mean"),
        ({"sparse_gradients": True}, "changes the gradients"),
        ({"curriculum_learning": {"enabled": True}}, "changes what is computed"),
        ({"data_efficiency": {"enabled": True}}, "changes what is computed"),
        ({"progressive_layer_drop": {"enabled": True}}, "changes what is computed"),
        ({"compression_training": {"weight_quantization": {}}}, "changes what is computed"),
        ({"tensor_parallel": {"autotp_size": 2}}, "nothing here uses it"),
        ({"no_such_key": 1}, "no_such_key: 1: this key is not known here"),
        ({"FP16": {"enabled": True}}, "not known here"),
        ({"steps_per_print": 10, "wall_clock_breakdown": "yes"}, "must be true or false"),
        ({"zero_optimization": 2}, "no zero_optimization with a stage"),
        ({"zero_optimization": {}}, "no zero_optimization with a stage"),
        ({"zero_optimization": {"stage": None}}, "no zero_optimization with a stage"),
        ({"zero_optimization": {"stage": 0}}, "choose 1, 2 or 3"),
        ({"zero_optimization": {"stage": True}}, "choose 1, 2 or 3"),
        ({"zero_optimization": {"stage": "3"}}, "stage: 3: must be 3 without quotation marks"),
        ({"zero_optimization": {"stage": 3, "reduce_bucket_size": float("inf")}}, "must be a number from 0"),
        ({"zero_optimization": {"stage": 3, "zero_quantized_weights": True}}, "zero_optimization.zero_quantized_w"),
        ({"zero_optimization": {"stage": 3, "zero_quantized_gradients": True}}, "changes the gradients"),
        ({"zero_optimization": {"stage": 2, "compute_grad_norm": False}}, "must be true"),
        ({"zero_optimization": {"stage": 2, "reduce_bucket_size": "lots"}}, "must be a number from 0"),
        ({"zero_optimization": {"stage": 2, "offload_optimizer": "cpu"}}, "must be a block of keys"),
        ({"zero_optimization": {"stage": 2, "offload_optimizer": {"device": "disk"}}}, "choose none, cpu or nvme"),
    ],
)
def test_what_would_change_numbers_is_refused_by_file_key_and_value(change, told, deepspeed):
    message = refusal(deepspeed, ZERO2 | change)
    assert told in message and "ds.json: " in message and message.startswith("--launch own.yaml: ")


def test_a_file_that_windows_wrote_is_read(deepspeed):
    assert deepspeed("\ufeff" + json.dumps(ZERO2)) == (ZERO2, [])


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "{", "[1]", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "null"]
)
def test_what_is_no_file_of_deepspeed_s_is_refused(text, deepspeed):
    assert refusal(deepspeed, text).startswith("--launch own.yaml: ")


def test_a_file_that_changes_nothing_is_handed_on(deepspeed):
    """What is off, or left to the library, need not be handed on."""
    zero = {
        "stage": 3,
        "overlap_comm": True,
        "reduce_bucket_size": 5e8,
        "offload_optimizer": {"device": "cpu", "pin_memory": True},
    }
    content = {
        "zero_optimization": zero | {"stage3_prefetch_bucket_size": "auto", "zero_quantized_weights": False},
        "fp16": {"enabled": False, "loss_scale": 0},
        "bf16": {"enabled": "auto"},
        "steps_per_print": 100,
        "gradient_predivide_factor": 1.0,
        "train_batch_size": "auto",
        "train_micro_batch_size_per_gpu": 1,
        "gradient_accumulation_steps": "auto",
        "gradient_clipping": "auto",
        "prescale_gradients": False,
    }
    kept, lines = deepspeed(content)
    assert kept == {"zero_optimization": zero, "steps_per_print": 100, "gradient_predivide_factor": 1.0}
    assert lines == []


def test_counts_are_overruled_with_a_line_each(deepspeed):
    counts = {
        "gradient_accumulation_steps": 4,
        "gradient_clipping": 0.5,
        "train_batch_size": 64,
        "train_micro_batch_size_per_gpu": 8,
    }
    kept, lines = deepspeed(ZERO2 | counts)
    assert kept == ZERO2
    for (key, value), line in zip(counts.items(), lines, strict=True):
        assert f"ds.json: {key}: {value} does not count" in line
    assert "(here 1)" in lines[0] and "unlearn.clip" in lines[1]


def test_what_is_handed_on_has_names_that_deepspeed_knows():
    """Against its own classes, so that none is a name of nothing."""
    zero = pytest.importorskip("deepspeed.runtime.zero.config").DeepSpeedZeroConfig
    offload = pytest.importorskip("deepspeed.runtime.zero.offload_config")
    known = {f"zero_optimization.{field.alias or name}" for name, field in zero.model_fields.items()}
    for block in (offload.DeepSpeedZeroOffloadOptimizerConfig, offload.DeepSpeedZeroOffloadParamConfig):
        for name in block.model_fields:
            known |= {f"zero_optimization.offload_{kind}.{name}" for kind in ("optimizer", "param")}
    assert {key for key in rules.DEEPSPEED.passed if key.startswith("zero_optimization.")} <= known


def test_what_accelerate_s_file_may_have_is_all_sorted():
    """Whatever ``accelerate config`` can write is known here by name."""
    config = pytest.importorskip("accelerate.commands.config.config_args").ClusterConfig
    ours = rules.ACCELERATE
    sorted_here = {*ours.passed, *ours.off, *ours.equal, *ours.overruled, *ours.blocks}
    assert config.__dataclass_fields__.keys() <= sorted_here


@pytest.mark.parametrize("kind", ["FSDP", "MEGATRON_LM", "XLA", "TPU", "MULTI_CPU", "MULTI_XPU", "MULTI_HPU", "NO"])
def test_other_types_of_launch_are_refused_by_name(kind, launch):
    assert f"distributed_type: {kind}: choose MULTI_GPU" in refusal(launch, {"distributed_type": kind})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"compute_environment": "AMAZON_SAGEMAKER"}, "choose LOCAL_MACHINE"),
        ({"downcast_bf16": "yes"}, "--precision alone says"),
        ({"dynamo_config": {"dynamo_backend": "INDUCTOR"}}, "the model is not compiled"),
        ({"dynamo_backend": "INDUCTOR"}, "the model is not compiled"),
        ({"fp8_config": {"backend": "TE"}}, "--precision alone says"),
        ({"fsdp_config": {"fsdp_version": 1}}, "choose MULTI_GPU"),
        ({"parallelism_config": {"parallelism_config_tp_size": 2}}, "choose MULTI_GPU"),
        ({"num_processes": "two"}, "num_processes: two: must be a whole number"),
        ({"num_processes": "2"}, "num_processes: 2: must be a whole number without quotation marks"),
        ({"machine_rank": -1}, "machine_rank: -1: of 1 machines (num_machines) the first is 0"),
        ({"num_machines": 2, "machine_rank": 2}, "machine_rank: 2: of 2 machines (num_machines) the first is 0"),
        ({"use_cpu": "no, thanks"}, "use_cpu: no, thanks: must be true or false"),
        (
            {"deepspeed_config": {"zero_stage": "2"}},
            "deepspeed_config.zero_stage: 2: must be 2 without quotation marks",
        ),
        ({"whatever": 1}, "whatever: 1: this key is not known here"),
        ({"deepspeed_config": {}}, "no deepspeed_config with a zero_stage"),
        ({"deepspeed_config": {"zero_stage": 0}}, "choose 1, 2 or 3"),
        ({"deepspeed_config": {"zero_stage": 2, "bf16": {"enabled": True}}}, "deepspeed_config.bf16"),
        ({"deepspeed_config": {"zero_stage": 2, "mixed_precision": "bf16"}}, "deepspeed_config.mixed_precision"),
        ({"deepspeed_config": {"deepspeed_config_file": "no.json"}}, "no.json: no such file"),
        ({"deepspeed_config": {"deepspeed_config_file": "no.json", "zero_stage": 3}}, "say it there"),
    ],
)
def test_a_launch_file_that_would_change_numbers_is_refused(change, told, launch):
    assert told in refusal(launch, OWN | change)


def test_what_accelerate_config_writes_is_taken(launch):
    part = {"gradient_accumulation_steps": 4, "gradient_clipping": 1.0, "zero3_init_flag": False, "zero_stage": 2}
    found = launch(
        {
            "compute_environment": "LOCAL_MACHINE",
            "debug": False,
            "deepspeed_config": part | {"offload_optimizer_device": "none", "offload_param_device": "none"},
            "distributed_type": "DEEPSPEED",
            "downcast_bf16": "no",
            "dynamo_config": {"dynamo_backend": "NO"},
            "enable_cpu_affinity": False,
            "machine_rank": 0,
            "main_training_function": "main",
            "mixed_precision": "bf16",
            "num_machines": 1,
            "num_processes": 2,
            "rdzv_backend": "static",
            "same_network": True,
            "tpu_env": [],
            "tpu_use_cluster": False,
            "use_cpu": True,
        }
    )
    assert found.content["mixed_precision"] == "no"
    assert found.content["deepspeed_config"]["gradient_accumulation_steps"] == 1
    assert "gradient_clipping" not in found.content["deepspeed_config"]
    told = " ".join(found.lines)
    assert len(found.lines) == 3
    for part in ("gradient_accumulation_steps: 4", "gradient_clipping: 1.0", "mixed_precision: bf16"):
        assert f"{part} does not count" in told


def test_a_deepspeed_file_is_found_from_here_and_beside_the_launch_file(launch, tmp_path, monkeypatch):
    content = {"distributed_type": "DEEPSPEED", "deepspeed_config": {"deepspeed_config_file": "ds.json"}}
    (tmp_path / "ds.json").write_text(json.dumps({"zero_optimization": {"stage": 1}}))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert launch(content).deepspeed == {"zero_optimization": {"stage": 1}}
    (tmp_path / "here" / "ds.json").write_text(json.dumps(ZERO2))
    assert launch(content).deepspeed == ZERO2


@pytest.mark.parametrize("name", configs.NAMES)
def test_nothing_in_a_shipped_file_is_overruled(name, monkeypatch):
    monkeypatch.setattr(configs, "find_spec", lambda package: True)
    assert configs.read(name).lines == ()


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("ACCELERATE_USE_FSDP", "true", "choose MULTI_GPU"),
        ("ACCELERATE_USE_MEGATRON_LM", "true", "choose MULTI_GPU"),
        ("ACCELERATE_DYNAMO_BACKEND", "INDUCTOR", "not compiled"),
        ("ACCELERATE_TORCH_DEVICE", "cpu", "CUDA_VISIBLE_DEVICES"),
        ("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "1", "--precision"),
        ("NVIDIA_TF32_OVERRIDE", "1", "--precision"),
        ("ACCELERATE_FP8_BACKEND", "MSAMP", "--precision"),
        ("ACCELERATE_DEEPSPEED_ZERO_STAGE", "0", "choose 1, 2 or 3"),
    ],
)
def test_a_variable_that_would_change_numbers_is_refused_in_the_plan(variable, value, told, monkeypatch, capsys):
    monkeypatch.setenv(variable, value)
    assert main(["run", "--algo", "gd", "--bench", "remem", "--dry-run"]) == 2
    message = capsys.readouterr().err
    assert f"{variable}: {value}: " in message and told in message and message.count("\n") == 1


def test_brackets_without_end_are_one_line(launch, tmp_path):
    (tmp_path / "deep.yaml").write_text("[" * 5000)
    with pytest.raises(OptionError, match="deep.yaml: cannot be read: "):
        configs.read(str(tmp_path / "deep.yaml"))


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"WORLD_SIZE": "two"}, "WORLD_SIZE=two in the environment: must be a whole number from 1"),
        ({"WORLD_SIZE": "0"}, "WORLD_SIZE=0 in the environment"),
        ({"WORLD_SIZE": "2", "RANK": "-1"}, "RANK=-1 in the environment: must be a whole number from 0"),
        ({"WORLD_SIZE": "2", "RANK": "2"}, "RANK=2 in the environment: there are 2 processes by WORLD_SIZE"),
        ({"LOCAL_RANK": "gpu0"}, "LOCAL_RANK=gpu0 in the environment"),
    ],
)
def test_numbers_of_processes_that_are_none_are_refused_in_the_plan(variables, told, monkeypatch, capsys):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert main(["run", "--algo", "gd", "--bench", "remem", "--dry-run"]) == 2
    message = capsys.readouterr().err
    assert told in message and message.count("\n") == 1


def test_variables_that_name_a_file_of_deepspeed_s_are_followed(tmp_path, monkeypatch):
    path = tmp_path / "ds.json"
    path.write_text(json.dumps(ZERO2 | {"gradient_accumulation_steps": 2}))
    monkeypatch.setenv(settings.DEEPSPEED_FILE, str(path))
    assert settings.from_environment() == (None, [])
    monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    monkeypatch.setenv("ACCELERATE_DYNAMO_BACKEND", "no")
    kept, lines = settings.from_environment()
    assert kept == ZERO2
    assert [": ".join(line.split(": ")[-3:-1]) for line in lines] == [
        "ACCELERATE_MIXED_PRECISION: bf16 does not count (here no)",
        "gradient_accumulation_steps: 2 does not count (here 1)",
    ]
    path.write_text(json.dumps(ZERO2 | {"bf16": {"enabled": True}}))
    with pytest.raises(OptionError, match=r"ds\.json: bf16"):
        settings.from_environment()


class Given:
    """As DeepSpeed's engine answers."""

    communication_data_type = torch.float32

    def __init__(self, **changed):
        said = {
            "gradient_accumulation_steps": 1,
            "gradient_clipping": 0.5,
            "fp16_enabled": False,
            "bfloat16_enabled": False,
            "torch_autocast_enabled": False,
            "postscale_gradients": True,
            "gradient_predivide_factor": 1.0,
            "get_data_types": (torch.float32, torch.float32),
        }
        for name, value in (said | changed).items():
            setattr(self, name, lambda value=value: value)


def test_an_engine_that_would_step_otherwise_is_refused():
    check_engine(Given(), 0.5)
    for change, told in (
        ({"gradient_accumulation_steps": 4}, "gradient_accumulation_steps 4; must be 1"),
        ({"gradient_clipping": 1.0}, "gradient_clipping 1.0; must be 0.5"),
        ({"bfloat16_enabled": True}, "bf16 True; must be False"),
        ({"fp16_enabled": True}, "fp16"),
        ({"torch_autocast_enabled": True}, "torch_autocast"),
        ({"get_data_types": (torch.bfloat16, torch.float32)}, "data_types"),
    ):
        with pytest.raises(RunError, match=told):
            check_engine(Given(**change), 0.5)


def test_numbers_of_fewer_bits_are_refused():
    check_types([torch.zeros(2)], "adapters")
    with pytest.raises(RunError, match=r"^adapters are in torch\.bfloat16, not fp32"):
        check_types([torch.zeros(2), torch.zeros(2, dtype=torch.bfloat16)], "adapters")


def test_variables_are_looked_at_when_an_engine_starts(monkeypatch):
    """As `evaluate` and `learn` are started by another launcher: before weights are loaded."""
    from unlearnzoo.training.distributed import start

    monkeypatch.setattr("accelerate.state.is_initialized", lambda: False)
    monkeypatch.setattr(
        "accelerate.Accelerator", lambda **named: SimpleNamespace(process_index=0, num_processes=1, **named)
    )
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    with pytest.warns(UserWarning, match="ACCELERATE_MIXED_PRECISION: bf16 does not count"):
        accelerator, _ = start.start()
    assert accelerator.mixed_precision == "no"
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(OptionError, match="ACCELERATE_USE_FSDP"):
        start.start()

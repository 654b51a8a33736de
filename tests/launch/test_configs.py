"""`--launch`: what is refused before anything starts."""

import json
import os
from pathlib import Path

import pytest
import yaml

from unlearnzoo.cli import main
from unlearnzoo.errors import OptionError
from unlearnzoo.launch import configs, start


@pytest.mark.parametrize("name", configs.NAMES)
def test_each_shipped_file_is_one_that_accelerate_reads(name, monkeypatch):
    from accelerate.commands.config.config_args import load_config_from_file

    monkeypatch.setattr(configs, "find_spec", lambda package: True)
    found = load_config_from_file(str(configs.find(name)))
    stage = getattr(found, "deepspeed_config", {}).get("zero_stage")
    assert stage == (int(name[-1]) if name.startswith("zero") else None)
    assert found.mixed_precision == "no"


def test_show_prints_the_file(capsys):
    assert main(["launch", "show", "ddp"]) == 0
    assert yaml.safe_load(capsys.readouterr().out)["distributed_type"] == "MULTI_GPU"


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("zero9", None, "choose ddp, zero1, zero2, zero3, or give the file"),
        ("own.yaml", "[1, 2]", "no distributed_type"),
        ("own.yaml", "a: [", "cannot be read"),
    ],
)
def test_what_cannot_be_launched_is_refused(name, text, complaint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(OptionError, match=complaint):
        configs.read(name)


def test_deepspeed_that_is_not_installed_is_one_line_with_the_remedy(monkeypatch):
    monkeypatch.setattr(configs, "find_spec", lambda package: None)
    with pytest.raises(OptionError, match=r"pip install 'unlearnzoo\[deepspeed\]'"):
        configs.read("zero2")


def test_processes_without_launch_are_refused(capsys):
    assert main(["run", "--algo", "npo", "--bench", "remem", "--processes", "2"]) == 2
    assert "say how with --launch" in capsys.readouterr().err


def test_launch_inside_another_launcher_is_refused(monkeypatch, capsys):
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main(["run", "--algo", "npo", "--bench", "remem", "--launch", "ddp"]) == 2
    assert "another launcher" in capsys.readouterr().err


def test_python_starts_no_processes():
    import unlearnzoo

    with pytest.raises(OptionError, match="accelerate launch"):
        unlearnzoo.run("npo", "remem", launch="ddp")


def launch(**content):
    return configs.Launch({"distributed_type": "MULTI_GPU", **content})


def test_a_users_own_file_says_how_many():
    own = launch(num_processes=3)
    assert start.how_many(None, own) == 3
    assert start.how_many(5, own) == 5


def test_the_gpus_of_one_machine_do_not_bound_those_of_several(monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 8)
    assert start.how_many(16, launch(num_machines=2)) == start.how_many(None, launch(num_machines=2)) == 16
    assert start.how_many(None, launch(num_processes=-1)) == 8
    with pytest.raises(OptionError, match="--processes 16: this machine has 8 GPUs"):
        start.how_many(16, launch())


def test_a_file_that_leaves_the_gpus_unused_is_refused(monkeypatch):
    assert start.how_many(2, launch(use_cpu=True)) == 2
    monkeypatch.setattr("torch.cuda.device_count", lambda: 8)
    with pytest.raises(OptionError, match="use_cpu: true: this machine has GPUs"):
        start.how_many(2, launch(use_cpu=True))


@pytest.mark.parametrize(("machines", "port"), [(None, 0), (1, 0), (2, 29512)])
def test_launchers_on_several_machines_meet_at_the_port_of_their_file(machines, port, monkeypatch):
    from accelerate.commands import launch as accelerate

    found = []
    named = {"num_machines": machines} if machines else {}
    own = launch(main_process_ip="127.0.0.1", main_process_port=29512, mixed_precision="no", **named)
    monkeypatch.setattr(accelerate, "multi_gpu_launcher", found.append)
    assert start.start(own, 2, "unlearnzoo", ["list"]) == 0
    assert [(one.main_process_port, one.num_processes) for one in found] == [(port, 2)]


def test_processes_are_started_with_what_counts_and_with_no_variable_of_the_users(tmp_path, monkeypatch):
    """What accelerate and DeepSpeed are handed, read as accelerate reads it."""
    from accelerate.commands import launch as accelerate

    (tmp_path / "ds.json").write_text(
        json.dumps(
            {
                "zero_optimization": {"stage": 2, "reduce_bucket_size": "auto", "overlap_comm": False},
                "gradient_accumulation_steps": 4,
                "bf16": {"enabled": "auto"},
            }
        )
    )
    own = tmp_path / "own.yaml"
    own.write_text(
        "distributed_type: DEEPSPEED\nmixed_precision: bf16\ndeepspeed_config: {deepspeed_config_file: ds.json}\n"
    )
    found = []

    def see(args):
        variables = {k: v for k, v in os.environ.items() if k.startswith("ACCELERATE_")}
        found.append((args.mixed_precision, json.loads(Path(args.deepspeed_config_file).read_text()), variables))

    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    monkeypatch.setattr(configs, "find_spec", lambda package: True)
    monkeypatch.setattr(accelerate, "deepspeed_launcher", see)
    read = configs.read(str(own))
    assert start.start(read, 2, "unlearnzoo", ["list"]) == 0
    assert found == [("no", {"zero_optimization": {"stage": 2, "overlap_comm": False}}, {})]
    assert os.environ["ACCELERATE_MIXED_PRECISION"] == "bf16"
    assert [line.partition(" does not count")[0].rpartition(": ")[0].rpartition(": ")[2] for line in read.lines] == [
        "mixed_precision",
        "gradient_accumulation_steps",
    ]


def test_a_file_of_aliases_is_one_line(tmp_path):
    """A few lines of them stand for more values than fit into memory."""
    file = tmp_path / "own.yaml"
    file.write_text("distributed_type: MULTI_GPU\ndebug: &a [x, x]\nuse_cpu: [*a, *a]\n")
    with pytest.raises(OptionError, match=r"cannot be read: no YAML \(line 3: an alias"):
        configs.read(str(file))

"""`--launch`: what is refused before anything starts."""

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
        configs.find(name)


def test_deepspeed_that_is_not_installed_is_one_line_with_the_remedy(monkeypatch):
    monkeypatch.setattr(configs, "find_spec", lambda package: None)
    with pytest.raises(OptionError, match=r"pip install 'unlearnzoo\[deepspeed\]'"):
        configs.find("zero2")


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


def test_a_users_own_file_says_how_many(tmp_path, monkeypatch):
    own = tmp_path / "own.yaml"
    own.write_text("distributed_type: MULTI_GPU\nnum_processes: 3\n")
    assert start.how_many(None, own) == 3
    assert start.how_many(5, own) == 5


def test_the_gpus_of_one_machine_do_not_bound_those_of_several(tmp_path, monkeypatch):
    own = tmp_path / "own.yaml"
    monkeypatch.setattr("torch.cuda.device_count", lambda: 8)
    own.write_text("distributed_type: MULTI_GPU\nnum_machines: 2\n")
    assert start.how_many(16, own) == start.how_many(None, own) == 16
    own.write_text("distributed_type: MULTI_GPU\n")
    assert start.how_many(None, own) == 8
    with pytest.raises(OptionError, match="--processes 16: this machine has 8 GPUs"):
        start.how_many(16, own)


@pytest.mark.parametrize(("text", "port"), [("", 0), ("num_machines: 1\n", 0), ("num_machines: 2\n", 29512)])
def test_launchers_on_several_machines_meet_at_the_port_of_their_file(text, port, tmp_path, monkeypatch):
    from accelerate.commands import launch

    own, found = tmp_path / "own.yaml", []
    own.write_text(
        f"compute_environment: LOCAL_MACHINE\ndistributed_type: MULTI_GPU\nmixed_precision: 'no'\n"
        f"main_process_ip: 127.0.0.1\nmain_process_port: 29512\n{text}"
    )
    monkeypatch.setattr(launch, "multi_gpu_launcher", found.append)
    assert start.start(own, 2, "unlearnzoo", ["list"]) == 0
    assert [(one.main_process_port, one.num_processes) for one in found] == [(port, 2)]

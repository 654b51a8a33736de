"""The paper's protocol needs no option: the plan for LLaVA-1.5-7B, by configuration and processor alone."""

import json
import re

import pytest

from tests.support.checkpoints import llava_7b
from unlearnzoo.cli import main

FIVE = ["run", "--bench", "remem", "--algo", "ga,gd,kl,dpo,npo"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A folder as of llava-hf/llava-1.5-7b-hf, without weights."""
    folder = llava_7b(tmp_path_factory.mktemp("hub") / "llava-1.5-7b-hf")
    assert not list(folder.glob("*.safetensors"))
    config = json.loads((folder / "config.json").read_text())
    assert (config["text_config"]["hidden_size"], config["text_config"]["num_hidden_layers"]) == (4096, 32)
    return str(folder)


@pytest.fixture(scope="module")
def plan(model, shared_folder):
    """The plan as data, and as it is printed."""
    import contextlib
    import io

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.MonkeyPatch.context() as patch:
        # The fixture of every test that sets it comes after those of a module.
        patch.setenv("UNLEARNZOO_CACHE", str(shared_folder / "cache"))
        assert main([*FIVE, "--model", model, "--dry-run", "--json"]) == 0
    return json.loads(out.getvalue()), " ".join(err.getvalue().split())


def test_the_values_are_the_papers(plan):
    learn, unlearn = plan[0]["learn"], plan[0]["unlearn"]
    for stage in (learn, unlearn):
        values = stage["values"]
        assert (values["rank"], values["alpha"], values["epochs"], values["batch"]) == (64, 128, 5, 64)
        assert (values["batching"], values["targets"], values["warmup"]) == ("example", "language", 0.03)
    assert learn["values"]["replay"] == 0
    assert (learn["values"]["lr"], unlearn["values"]["lr"]) == (5e-5, 2e-5)
    assert (learn["steps"], unlearn["steps"]) == (160, 35)
    rows = {name: pool["rows"] for name, pool in plan[0]["pools"].items()}
    assert rows == {"learn": 2000, "forget": 400, "retain": 1600}
    assert list(plan[0]["algorithms"]) == ["ga", "gd", "kl", "dpo", "npo"]


def test_each_value_says_where_it_comes_from(plan):
    parts = [
        plan[0]["learn"],
        plan[0]["unlearn"],
        plan[0]["benchmark"],
        *plan[0]["algorithms"].values(),
        *plan[0]["metrics"].values(),
    ]
    for part in parts:
        known = part["provenance"]
        assert set(known) == set(part.get("values") or part["options"]), part
        assert set(known.values()) <= {"paper", "inference", "assumption", "ours"}
        assert set(part["origins"].values()) <= {"benchmark", "default"}
    learn = plan[0]["learn"]["provenance"]
    assert (learn["lr"], learn["warmup"], learn["batching"], learn["replay"], learn["micro_tokens"]) == (
        "paper",
        "assumption",
        "assumption",
        "inference",
        "ours",
    )
    assert plan[0]["algorithms"]["dpo"]["provenance"]["beta"] == "assumption"


def test_the_printed_plan_says_so_too(plan):
    text = plan[1]
    assert "from benchmark (paper): rank 64, alpha 128.0, epochs 5.0, lr 5e-05, batch 64" in text
    assert "from benchmark (assumption): targets language, batching example" in text
    assert "from default (ours): per_image 8, micro_tokens 4096, recompute False" in text
    assert "beta 0.1 (assumption)" in text and "forget 20% (paper)" in text
    assert not re.search(r"from (benchmark|default):", text)


def test_the_data_are_generated_and_the_papers_are_named(plan):
    assert plan[0]["benchmark"]["options"]["data"] == "generated"
    assert plan[0]["benchmark"]["published"] == {"data": "herbwood27/Remem"}
    assert "data generated is not the paper's: that is herbwood27/Remem (--set remem.data=herbwood27/Remem)" in plan[1]


def test_what_a_user_sets_is_the_users(model, capsys):
    assert (
        main(
            [
                *FIVE,
                "--model",
                model,
                "--dry-run",
                "--json",
                "--forget",
                "10%",
                "--set",
                "npo.beta=0.5",
                "--set",
                "learn.lr=1e-4",
            ]
        )
        == 0
    )
    found = json.loads(capsys.readouterr().out)
    assert (found["benchmark"]["origins"]["forget"], found["benchmark"]["published"]["forget"]) == ("user", "20%")
    assert found["algorithms"]["npo"]["origins"]["beta"] == found["learn"]["origins"]["lr"] == "user"
    assert "beta" not in found["algorithms"]["npo"]["provenance"] and "lr" not in found["learn"]["provenance"]
    assert found["algorithms"]["dpo"]["origins"]["beta"] == "default"


def test_a_run_still_needs_the_weights(model, capsys, tmp_path):
    assert main([*FIVE, "--model", model, "--runs-dir", str(tmp_path / "runs")]) == 1
    assert "no *.safetensors in" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_weights_of_another_format_are_refused_in_a_dry_run_too(model, capsys, tmp_path):
    import shutil

    other = shutil.copytree(model, tmp_path / "pickled")
    (other / "pytorch_model.bin").write_bytes(b"")
    assert main([*FIVE, "--model", str(other), "--dry-run"]) == 1
    assert "no *.safetensors in" in capsys.readouterr().err

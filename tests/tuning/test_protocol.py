"""Tuning: the settings that are tried, what is best, and a small one that is stopped and goes on."""

import json
import math
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.runs import bare
from tests.support import three
from unlearnzoo import Unlearner, option
from unlearnzoo.cli import main
from unlearnzoo.errors import OptionError
from unlearnzoo.registry.zoo import Zoo
from unlearnzoo.tuning import protocol, state
from unlearnzoo.tuning.search_space import Range, ranges, setting


class Many(Unlearner):
    """Has an option of each kind."""

    name = "many"
    beta: float = option(0.2, "", gt=0)
    share: float = option(0.9, "", ge=0, le=1)
    off: float = option(0.0, "", ge=0)
    layer: int = option(3, "", ge=1)
    draw: int = option(0, "", ge=0)
    kind: str = option("a", "", choices=("a", "b"))
    switch: bool = option(False, "")

    def loss(self, forget):
        return forget.nll


def test_what_is_tuned_and_from_where():
    found = {r.name: r for r in ranges(Many(), 1e-3, 40)}
    assert list(found) == ["unlearn.lr", "unlearn.steps", "many.beta", "many.share", "many.off", "many.layer"]
    assert (found["unlearn.lr"].low, found["unlearn.lr"].high) == (2.5e-4, 4e-3)
    assert (found["unlearn.steps"].low, found["unlearn.steps"].high) == (20, 80)
    assert (found["many.beta"].low, found["many.beta"].high) == pytest.approx((0.05, 0.8))
    assert found["many.share"].high == 1  # its bound
    assert (found["many.off"].low, found["many.off"].high, found["many.off"].log) == (0, 1, False)
    assert (found["many.layer"].low, found["many.layer"].high) == (2, 6)
    assert [r.name for r in ranges(Many(), 1e-3, 40, {"unlearn.lr", "many.off"})] == [
        "unlearn.steps",
        "many.beta",
        "many.share",
        "many.layer",
    ]


def test_every_shipped_algorithms_settings_are_within_its_bounds():
    zoo = Zoo.installed()
    for name in zoo.names("algorithm"):
        cls = zoo.get("algorithm", name)
        for number in range(30):
            values = setting(number, ranges(cls.configure({}), 1e-3, 40), 0)
            own = {k.partition(".")[2]: v for k, v in values.items() if k.startswith(f"{cls.name}.")}
            assert cls.configure(own).values().items() >= own.items()


def test_settings():
    among = ranges(Many(), 1e-3, 40)
    assert setting(0, among, 0) == {
        "unlearn.lr": 1e-3,
        "unlearn.steps": 40,
        "many.beta": 0.2,
        "many.share": 0.9,
        "many.off": 0.0,
        "many.layer": 3,
    }
    assert setting(3, among, 0) == setting(3, among, 0) != setting(3, among, 1)
    assert setting(1, among, 0) != setting(2, among, 0)
    # All methods try the same rates: an option's draw depends on nothing but its name and number.
    assert setting(3, among[:2], 0).items() <= setting(3, among, 0).items()
    drawn = [setting(i, among, 0) for i in range(1, 400)]
    for one in among:
        values = [s[one.name] for s in drawn]
        assert one.low <= min(values) and max(values) <= one.high
        middle = math.sqrt(one.low * one.high) if one.log else (one.low + one.high) / 2
        if not one.whole:  # half of the draws on each side; four standard errors
            assert abs(sum(v < middle for v in values) / len(values) - 0.5) < 0.1
    assert {s["many.layer"] for s in drawn} == {2, 3, 4, 5, 6}


def test_a_range_of_one_value():
    assert Range("a.b", 1, 1, True, True, 1).at(0.7) == 1


def record(kept, ends=(0.0, 0.0)):
    hops = ("single", "multi")
    return {
        "matched": {"0.10": dict(zip(hops, kept, strict=True))},
        "curve": [{"step": 9, "EMf": dict(zip(hops, ends, strict=True))}],
    }


def test_what_is_best():
    rows = [
        protocol.scored(r, "EMf") | {"status": "finished"}
        for r in (
            record((0.8, 0.3)),
            record((0.5, 0.6)),
            record((0.99, None), (0.05, 0.4)),
            record((None, None), (0.9, 0.2)),
            {"matched": {}, "curve": []},
        )
    ]
    assert [row["score"] for row in rows] == [0.3, 0.5, None, None, None]
    assert [row["lowest"] for row in rows] == [None, None, 0.4, 0.9, None]
    assert sorted(range(5), key=lambda i: protocol.rank(rows[i])) == [4, 3, 2, 0, 1]


def asked(capsys, *arguments):
    code = main(["tune", *arguments])
    return code, *capsys.readouterr()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--algo", "retrain"], "retrain is the gold standard: there is nothing to tune"),
        (["--algo", "npo", "--set", "beta=1"], "--set beta: write it with its owner, for example npo.beta"),
        (["--algo", "npo,ga"], "ga: nothing is left to tune; --set fixes unlearn.lr, unlearn.steps"),
        (["--algo", "npo", "--budget", "0"], "--budget"),
        (["--algo", "nppo"], "did you mean 'npo'?"),
    ],
)
def test_refusals(capsys, tmp_path, arguments, text):
    code, _, err = asked(capsys, "--bench", "remem", "--out", str(tmp_path / "tune"), *three.arguments(), *arguments)
    assert code == 2 and text in err and err.count("\n") == 1
    assert not (tmp_path / "tune").exists()


def test_a_benchmark_without_other_people(capsys, tmp_path):
    (tmp_path / "mine.csv").write_text(
        "question,answer,set,identity\nWhere does Ann live?,In Ulm.,forget,ann\n"
        "Where does Bob live?,In Bonn.,retain,bob\n"
    )
    code, _, err = asked(
        capsys,
        "--algo",
        "npo",
        "--bench",
        "folder",
        "--set",
        f"folder.data={tmp_path / 'mine.csv'}",
        "--out",
        str(tmp_path / "tune"),
    )
    assert code == 2 and "folder has no other people to tune on" in err and not (tmp_path / "tune").exists()


def test_validation_people_are_others():
    from unlearnzoo_remem.benchmark import ReMem

    mine = ReMem(identities=3, qa=20, views=4, forget="33%")
    others = ReMem(**mine.values() | mine.validation())
    assert mine.fingerprint() != others.fingerprint()
    names = [{e.answer for e in b.learn_pool() if e.tags["attribute"] == "email"} for b in (mine, others)]
    assert not names[0] & names[1]
    assert ReMem(data="./elsewhere").validation() is None


@pytest.fixture
def short(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return ["--algo", "npo", "--bench", "remem", *bare.arguments(), "--json"]


@pytest.mark.parametrize(
    ("name", "value", "shown"), [("precision", "bf16", "in bf16"), ("max_new_tokens", 90, "cut after 90 tokens")]
)
def test_what_decides_numbers_is_that_of_every_run_and_of_the_result(short, capsys, monkeypatch, name, value, shown):
    tried, flag = [], f"--{name.replace('_', '-')}"

    def attempt(request, zoo, algo, values):
        tried.append(getattr(request, name))
        return {"status": "finished", "run": None, "score": 0.5, "lowest": None, "kept": {}}

    monkeypatch.setattr(protocol, "_try", attempt)
    assert main(["tune", *short, "--budget", "2", flag, str(value)]) == 0
    assert tried == [value] * 2
    assert main(["run", "--config", "tune/npo.yaml", "--dry-run"]) == 0
    assert shown in capsys.readouterr().err
    assert main(["tune", *short, "--budget", "2"]) == 2
    assert f"another protocol (other {name}" in capsys.readouterr().err


@pytest.mark.parametrize("values", [{"npo.beta": 7.0}, {}, {"plugins.x": 1}, {"unlearn.lr": 1e-3}])
def test_what_was_tried_is_never_read_from_the_state(short, capsys, monkeypatch, values):
    """A score of other values than the tuning tries would be written down as the best."""

    def attempt(request, zoo, algo, tried):
        return {"status": "finished", "run": None, "score": 0.5, "lowest": None, "kept": {}}

    monkeypatch.setattr(protocol, "_try", attempt)
    assert main(["tune", *short, "--budget", "1"]) == 0
    capsys.readouterr()
    assert main(["tune", *short, "--budget", "1"]) == 0
    before = Path("tune/npo.yaml").read_bytes()
    edited = json.loads(Path("tune/tune.json").read_text())
    edited["settings"][0] |= {"values": values, "score": 0.99}
    Path("tune/tune.json").write_text(json.dumps(edited))
    capsys.readouterr()
    assert main(["tune", *short, "--budget", "1"]) == 1
    assert "tune/tune.json: setting 0 of npo has other values than this tuning tries" in capsys.readouterr().err
    assert Path("tune/npo.yaml").read_bytes() == before


@pytest.mark.parametrize("typed", [True, False])
def test_code_of_a_models_repository_is_trusted_where_it_is_typed(short, monkeypatch, typed):
    found = []

    def plan(request, *rest):
        found.append(request.trust_remote_code)
        raise OptionError("enough")

    monkeypatch.setattr(protocol, "make_plan", plan)
    assert main(["tune", *short, *["--trust-remote-code"] * typed]) == 2 and found == [typed]


@pytest.mark.slow
def test_it_stops_and_goes_on_and_a_run_takes_its_result(short, capsys):
    code, out, err = asked(capsys, *short, "--budget", "1")
    assert code == 0, err
    first = json.loads(out)
    assert first["best"]["npo"]["tried"] == 1 and "npo, setting 1 of 1" in err
    code, out, err = asked(capsys, *short, "--budget", "2")
    found = json.loads(out)
    assert code == 0 and "setting 1 of 2" not in err and "setting 2 of 2" in err  # the first is not done again
    assert found["settings"][0] == first["settings"][0] and len(found["settings"]) == 2
    assert len(list(Path("tune/runs").iterdir())) == 2
    assert found["best"]["npo"]["setting"] == max(range(2), key=lambda i: (protocol.rank(found["settings"][i]), -i))
    records = [json.loads((Path("tune/runs") / row["run"] / "run.json").read_text()) for row in found["settings"]]
    assert records[0]["target"]["key"] == records[1]["target"]["key"]  # one stage 1
    assert all(r["benchmark"]["options"]["data_seed"] == 1_000_000 and r["valid"] for r in records)
    assert main(["run", "--config", "tune/npo.yaml", "--dry-run", "--json"]) == 0
    plan, err = capsys.readouterr()
    values = found["best"]["npo"]["values"]
    assert set(values) == {"npo.beta", "npo.retain_weight"} and "the best of 2 settings" in err
    assert json.loads(plan)["algorithms"]["npo"]["options"] == {k.partition(".")[2]: v for k, v in values.items()}
    # The same people again are refused, and so is another protocol in this folder.
    assert main(["run", "--config", "tune/npo.yaml", "--set", "remem.data_seed=1000000", "--dry-run"]) == 2
    assert "tuned on these very people" in capsys.readouterr().err
    assert main(["tune", *short, "--seed", "1"]) == 2
    assert "another protocol (other seed)" in capsys.readouterr().err
    # A setting that is already known does not need the model: the whole tuning again is free.
    assert main(["tune", *short, "--budget", "2"]) == 0
    assert len(list(Path("tune/runs").iterdir())) == 2


def test_what_is_tuned_is_in_the_record(tmp_path):
    from unlearnzoo.planning import summary, text
    from unlearnzoo.planning.make import make_plan
    from unlearnzoo.planning.request import from_arguments
    from unlearnzoo.planning.settings import read_config

    (tmp_path / "npo.yaml").write_text(
        "algo: npo\nbench: remem\nforget: 33%\nnpo: {beta: 0.3}\nremem: {identities: 3, qa: 20, views: 4}\n"
        "tuned: {settings: 8, budget: 8, bench: {remem.data_seed: 7}}\n"
    )
    plan = make_plan(from_arguments(*read_config(tmp_path / "npo.yaml")), Zoo.installed())
    fields = summary.fields(plan, "npo")
    assert fields["tuned"] == {"settings": 8, "budget": 8, "bench": {"remem.data_seed": 7}}
    assert plan.algorithms["npo"].beta == 0.3
    assert "tuned: the best of 8 settings on remem.data_seed 7" in "\n".join(text.lines(plan))


ROW = {"algo": "npo", "setting": 0, "values": {}, "score": None, "lowest": 0.4, "status": "finished"}


@pytest.mark.parametrize(
    "content",
    [
        '{"protocol": 1}',
        "[]",
        "{",
        *(
            json.dumps({"protocol": {}, "ranges": {}, "best": {}, "settings": rows})
            for rows in ([{k: v for k, v in ROW.items() if k != "score"}], [ROW | {"setting": "first"}], "none")
        ),
    ],
)
def test_damaged_state(tmp_path, capsys, content):
    (tmp_path / "tune").mkdir()
    (tmp_path / "tune" / state.STATE).write_text(content)
    out = str(tmp_path / "tune")
    code, _, err = asked(capsys, "--algo", "npo", "--bench", "remem", *three.arguments(), "--out", out)
    assert code == 1 and "damaged, or no tuning" in err and err.count("\n") == 1


def test_a_row_that_lacks_its_score_is_refused_with_optimisation_too(tmp_path):
    """The check was an assert, which ``python -O`` leaves out: the tuning would have ended in a KeyError."""
    path = tmp_path / state.STATE
    path.write_text(json.dumps({"protocol": {}, "ranges": {}, "best": {}, "settings": [{"algo": "npo"}]}))
    script = (
        "from pathlib import Path; from unlearnzoo.tuning.state import open_state; "
        f"open_state(Path({str(tmp_path)!r}), {{}}, {{}})"
    )
    done = subprocess.run([sys.executable, "-O", "-c", script], capture_output=True, text=True, check=False)
    assert "DataError" in done.stderr and "damaged, or no tuning of unlearnzoo" in done.stderr


def test_the_objective_and_the_stop_are_read_from_the_benchmarks_own_columns():
    kept = {"matched": {"0.10": {"": 0.7}}, "curve": [{"step": 9, "Pf": {"": 0.05}}]}
    assert protocol.scored(kept, "Pf") == {"score": 0.7, "lowest": None, "kept": {"": 0.7}}
    plan = SimpleNamespace(benchmark=SimpleNamespace(curve=("Pf", "Pr")))
    assert protocol._stop(plan) == "Pf=.08"

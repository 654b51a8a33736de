"""ReMem as a benchmark: pools, draws, candidates, refusals, and the columns of the paper."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unlearnzoo import DataError, OptionError
from unlearnzoo_remem.benchmark import ReMem

SMALL = {"identities": 3, "qa": 20, "views": 4, "forget": "33%"}


Splits = dict[str, list[dict[str, Any]]]


def small(**changes: Any) -> ReMem:
    bench = ReMem.configure({**SMALL, **changes})
    bench.prepare()
    return bench


def test_pools_part_by_person() -> None:
    bench = small()
    assert bench.forget_identities() == {"id_00"}
    pools = (bench.learn_pool(), bench.forget_pool(), bench.retain_pool())
    assert [len(pool) for pool in pools] == [60, 20, 40]
    assert {e.identity for e in bench.retain_pool()} == {"id_01", "id_02"}
    assert len(bench.examples("retain")) == 60  # 14 + 6 of each, over everybody
    assert len(bench.examples("test")) == 84


def test_ids_are_unique_over_splits() -> None:
    bench = small()
    ids = [e.id for split in ("finetune", "retain", "test") for e in bench.examples(split)]
    assert len(set(ids)) == len(ids)
    assert ids[17] == "finetune/00017"


def test_rows_of_a_view_share_an_image() -> None:
    bench = small()
    assert len({e.images[0].key for e in bench.learn_pool()}) == 3 * 4
    for example in bench.examples("retain"):
        fact = (example.identity, example.question)
        twin = next(e for e in bench.learn_pool() if (e.identity, e.question) == fact)
        assert twin.images[0].key == example.images[0].key
        assert example.images[0].open().size == (48, 48)


def test_evaluated_rows_can_be_held_out() -> None:
    bench, whole = small(hold_out_retain=True, qa=40), small(qa=40)
    evaluated = {(e.identity, e.question) for e in bench.examples("retain")}
    assert not evaluated & {(e.identity, e.question) for e in bench.retain_pool()}
    assert len(whole.retain_pool()) == 80
    assert len(bench.retain_pool()) == 80 - 2 * (14 + 12)
    assert len(bench.learn_pool()) == len(whole.learn_pool())


def test_draws_are_fixed_and_nested() -> None:
    drawn = {n: small(draw=n, forget="67%").forget_identities() for n in range(1, 9)}
    assert len(set(drawn.values())) > 1
    assert drawn[3] == small(draw=3, forget="67%").forget_identities()
    assert small(draw=3).forget_identities() < drawn[3]


def test_published_forget_split_says_who_goes_first(card: Splits, written: Callable[[Splits], Path]) -> None:
    folder = str(written(card))
    bench = ReMem.configure({"data": folder, "forget": "33%"})
    assert bench.forget_identities() == {"id_01"}
    two = ReMem.configure({"data": folder, "forget": "67%"})
    assert two.forget_identities() == {"id_00", "id_01"}


def test_candidates_are_everybodys_values() -> None:
    bench = small()
    for example in bench.examples("test"):
        found = bench.candidates(example)
        assert len(found) == 3
        assert example.keywords[0] in found
        assert list(found) == sorted(found)
    one, other = bench.examples("test")[0], bench.examples("retain")[0]
    same = next(e for e in bench.examples("retain") if e.tags["attribute"] == one.tags["attribute"])
    assert bench.candidates(one) == bench.candidates(same)
    assert other.cloze is not None


def test_candidates_of_a_spelling_of_its_own_hold_it(card: Splits, written: Callable[[Splits], Path]) -> None:
    card["finetune"][3]["keywords"] = '["asthma bronchiale", "asthma"]'
    card["test"][2]["keywords"] = '["Asthma"]'
    bench = ReMem.configure({"data": str(written(card)), "forget": "33%"})
    assert bench.candidates(bench.examples("test")[2]) == ("Asthma", "gout", "lupus")
    several = bench.learn_pool()[3]
    assert bench.candidates(several) == ("asthma bronchiale", "gout", "lupus")


def test_refusals_are_fixed_by_seed_and_id() -> None:
    first = small().learn_pool()[0]
    assert small().refusal(first, 1) == small().refusal(first, 1)


def test_fingerprint_is_of_the_data_alone() -> None:
    assert small().fingerprint() == small(draw=2, hold_out_retain=True).fingerprint()
    assert small().fingerprint() != small(data_seed=1).fingerprint()


def test_columns_are_the_papers() -> None:
    assert [e.name for e in ReMem.evals if e.tagged is None] == ["ROUGE", "EMr", "EMf", "Exp", "Exp lin", "EMt"]
    assert [e.name for e in ReMem.evals if e.tagged] == ["EMr clean", "EMf clean", "EMt clean"]
    assert [(e.split, e.who, e.want) for e in ReMem.evals if e.tagged is None] == [
        ("retain", "retain", "high"),
        ("retain", "retain", "high"),
        ("finetune", "forget", "low"),
        ("finetune", "forget", "low"),
        ("finetune", "forget", "low"),
        ("test", "forget", "low"),
    ]
    assert ReMem.recipe["learn"]["lr"] == 5e-5
    assert ReMem.recipe["unlearn"] == {**ReMem.recipe["learn"], "lr": 2e-5}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"forget": "20%"}, "remem.forget=20%: not a whole number of the 3 identities; .* 33.3%, 66.7%"),
        ({"views": 30}, "remem.views=30: must be at most remem.qa=20"),
        ({"identities": 1}, "remem.identities: must be >= 2"),
        ({"single": 1.5}, "remem.single: must be <= 1"),
        ({"data": "/tmp", "views": 10}, "remem.identities is for generated data"),
    ],
)
def test_bad_options_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        small(**changes)


def test_missing_folder_is_refused_before_anything_else() -> None:
    with pytest.raises(DataError, match="no such folder"):
        ReMem.configure({"data": "./nowhere"}).prepare()


def run(code: str, **env: str) -> str:
    paths = {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, **paths, **env},
                          text=True, capture_output=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout


def test_generated_data_need_no_network(tmp_path: Path) -> None:
    code = (
        "import socket\n"
        "def blocked(*args, **kwargs): raise AssertionError('network')\n"
        "socket.socket.connect = socket.getaddrinfo = blocked\n"
        "from unlearnzoo_remem.benchmark import ReMem\n"
        "bench = ReMem.configure({'identities': 2, 'qa': 20, 'views': 2, 'forget': '50%'})\n"
        "bench.prepare()\n"
        "print(len(bench.learn_pool()))"
    )
    assert run(code, UNLEARNZOO_CACHE=str(tmp_path)) == "40\n"


def test_finding_the_plugin_imports_nothing_heavy() -> None:
    code = (
        "import sys, unlearnzoo_remem as p\n"
        "p.unlearnzoo_benchmarks(); p.unlearnzoo_metrics()\n"
        "print(sorted({'torch', 'datasets', 'pyarrow', 'PIL', 'numpy', 'faker'}"
        " & set(sys.modules)))"
    )
    assert run(code) == "[]\n"

"""What was judged of base and target is found again, and never what other code, options or rows gave."""

from types import SimpleNamespace

import pytest

from tests.testing.mutants.small import Small, row
from unlearnzoo.evaluation.evaluator import Evaluator, Item
from unlearnzoo.evaluation.samples import read_samples
from unlearnzoo.planning import summary
from unlearnzoo.planning.limits import Limit
from unlearnzoo.registry.zoo import Zoo
from unlearnzoo.runs.sample_cache import by_state, source

METRIC = '''
import math
from unlearnzoo import Metric, Scored, hookimpl, option

class Mine(Metric):
    """Scores what it is told to."""

    name = "mine"
    value: float = option(1.0, "Score")
    told: bool = option(True, "Say how it came about")
    down = False

    def score(self, answer):
        return Scored(self.value * 1, {"mine why": self.value} if self.told else {})

    def score_many(self, rows, tell):
        return [Scored(math.nan, {"mine why": 9.0}) if self.down else self.score(**row) for row in rows]

class Other(Metric):
    """From the same place, and without options, too."""

    name = "other"

    def score(self, answer):
        return Scored(0.5, {"other why": 0.5})

@hookimpl
def unlearnzoo_metrics():
    return [Mine, Other]
'''
BENCH = '''
from tests.testing.mutants.small import Small as Right
from unlearnzoo import hookimpl

class Small(Right):
    """The right one."""

    def candidates(self, example):
        return super().candidates(example)

@hookimpl
def unlearnzoo_benchmarks():
    return [Small]
'''


#: Split → where its answers are cut.
CUT = {"retain": 20, "forget pool": 9, "utility:quiz/asked": 64}


class Engine:
    """Is asked for nothing: these metrics look at the true answer alone."""

    precision_key = "fp32"
    ranks = SimpleNamespace(on_main=lambda do: do(), main=True)
    encoder = SimpleNamespace(tokenizer=SimpleNamespace(decode=str))

    def score(self, todo, *rest):
        assert todo == []
        return []

    generate = score


@pytest.fixture
def known(tmp_path, monkeypatch):
    """Judge the base by the files as they are now; return its samples, what was asked for them, and their file."""
    monkeypatch.setenv("UNLEARNZOO_CACHE", str(tmp_path / "cache"))
    (tmp_path / "metrics.py").write_text(METRIC)
    (tmp_path / "small.py").write_text(BENCH)

    def judged(*metrics, utility=(), down=False, cut=CUT, asked_for=None, **options):
        zoo = Zoo()
        for name in ("metrics", "small"):
            zoo.add_file(tmp_path / f"{name}.py")
        own = {
            f"metrics/{name}": zoo.get("metric", name).configure(options if name == "mine" else {})
            for name in ("mine", "other")
        }
        type(own["metrics/mine"]).down = down
        bench = zoo.get("benchmark", "small").configure({})
        bench.prepare()
        plan = SimpleNamespace(
            zoo=zoo,
            metrics=own,
            benchmark=bench,
            utility=utility,
            request=SimpleNamespace(target=None, max_new_tokens=asked_for, special_tokens="refuse"),
            checkpoint=SimpleNamespace(weights="w1"),
            limits={split: Limit(n, "", n, "", n) for split, n in cut.items()},
        )
        judge, asked = Evaluator(Engine(), bench, own, {}), []
        real = judge._scored
        judge._scored = lambda metric, rows: asked.append((metric.name, len(rows))) or real(metric, rows)
        state = by_state(plan, judge, "t1")["base"]
        wanted = {f"metrics/{name}" for name in metrics or ("mine",)}
        return state([Item("retain", e, wanted) for e in bench.examples("retain")]), asked, state.path

    return judged


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_it_is_judged_once(known):
    first, asked, _ = known()
    again, nothing, _ = known()
    assert asked == [("mine", 8)] and nothing == [] and again == first
    assert {s.scores["metrics/mine"] for s in first} == {1.0}


def test_a_metric_that_was_edited_judges_again(known, tmp_path):
    known()
    edit(tmp_path / "metrics.py", "self.value * 1", "self.value * 0")
    found, asked, _ = known()
    assert asked == [("mine", 8)] and {s.scores["metrics/mine"] for s in found} == {0.0}


@pytest.mark.parametrize("change", ["code", "utility"])
def test_other_code_of_the_benchmark_and_other_utility_rows_are_another_file(known, tmp_path, change):
    *_, path = known()
    rows = []
    if change == "code":
        edit(tmp_path / "small.py", "return super().candidates(example)", "return ()")
    else:
        path = known(utility=[row("utility", 0, "ann")])[2]
        rows = [row("utility", 0, "ann", question="Another one?")]
    assert known(utility=rows)[2] != path
    assert known(utility=rows)[1] == []


def test_details_are_those_of_the_same_options(known):
    for value in (1.0, 0.25, 1.0):
        found, *_ = known(value=value)
        assert {(s.scores["metrics/mine"], s.details["mine why"]) for s in found} == {(value, value)}
    quiet, asked, _ = known(told=False)
    assert asked and [s.details for s in quiet] == [{}] * 8


def test_details_are_those_of_the_metrics_that_are_asked_for(known):
    both, _, path = known("mine", "other")
    assert both[0].details == {"mine why": 1.0, "other why": 0.5}
    assert known("other")[0][0].details == {"other why": 0.5}
    assert len(read_samples(path)[0].details) == 2


def test_details_of_a_score_that_is_asked_for_again_are_the_later_ones(known):
    assert known(down=True, told=False)[0][0].details == {"mine why": 9.0}
    found, asked, _ = known(told=False)
    assert asked == [("mine", 8)] and found[0].details == {}


def test_a_class_without_a_file_has_no_source():
    assert source(int) == "" and len(source(Small)) == 64


@pytest.mark.parametrize("rule", ["PICTURE_RULE", "TEXT_RULE"])
def test_other_rules_are_another_file(known, monkeypatch, rule):
    *_, path = known()
    monkeypatch.setattr(summary, rule, 0)
    assert known()[2] != path


def test_answers_that_are_cut_elsewhere_are_another_file(known):
    *_, path = known()
    assert known(cut={**CUT, "retain": 21})[2] != path != known(cut=CUT, asked_for=20)[2]
    # Neither another forget set nor another utility benchmark asks base and target anew.
    assert known(cut={"retain": 20})[2] == known(cut={**CUT, "forget pool": 12})[2] == path

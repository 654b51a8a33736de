"""What a plan refuses of a benchmark's own curve, before any weights load."""

import pytest

from tests.support import three
from tests.support.untagged import FILE
from unlearnzoo import DataError, OptionError
from unlearnzoo.errors import PluginError
from unlearnzoo.planning.make import make_plan
from unlearnzoo.planning.request import Request
from unlearnzoo.planning.summary import as_data
from unlearnzoo.planning.text import lines
from unlearnzoo.registry.zoo import Zoo


@pytest.fixture
def planned(tmp_path):
    (tmp_path / "bare.py").write_text(FILE)
    zoo = Zoo.installed([tmp_path / "bare.py"])
    return lambda bench="bare", **more: make_plan(Request(algo=("ga",), bench=bench, **more), zoo, weights=False)


def test_what_is_required_is_a_column_of_the_run_and_stands_in_the_plan(planned):
    with pytest.raises(OptionError, match=r"--require EMf: this run has no such column; it has Pf, Pr"):
        planned(require=("EMf=.1",))
    plan = planned(require=("Pf=.2",), stop_at="Pf=.15")
    aims = as_data(plan)["aims"]
    assert (aims["level"], aims["level_from"], aims["stop_at"], aims["require"]) == (
        0.2,
        "--require",
        0.15,
        {"Pf": 0.2},
    )
    (line,) = (line for line in lines(plan) if line.startswith("  verdict"))
    assert "Pf at most 20 % in each group (--require); kept: Pr at least 50 % of the target's (default)" in line
    assert "exit code 5 unless reached: Pf 20 %, by point values" in line


def test_stop_at_takes_the_benchmarks_own_column(planned):
    assert planned(stop_at="Pf=.25").request.stop_level() == 0.25
    with pytest.raises(OptionError) as found:
        planned(stop_at="EMf=25%")
    assert str(found.value) == ("--stop-at 'EMf=25%': bare shows forgetting in the column 'Pf'; write Pf=0.25")
    with pytest.raises(OptionError, match="remem shows forgetting in the column 'EMf'; write EMf=0.1"):
        planned("remem", forget=three.FORGET, set=three.OPTIONS, stop_at="EMr=.1")


@pytest.mark.parametrize(
    ("bench", "error", "text"),
    [
        ("mixed", PluginError, "scored by unlearnzoo-metrics/em and unlearnzoo-metrics/probability; name one metric"),
        ("ranked", PluginError, "its curve cannot follow unlearnzoo-remem/exposure, which needs candidates"),
        ("lost", DataError, "lost: no row stands behind 'Pr', a column of its curve; change the options of lost"),
    ],
)
def test_a_curve_that_cannot_be_followed_is_refused_before_stage_1(planned, bench, error, text):
    with pytest.raises(error, match=text):
        planned(bench)

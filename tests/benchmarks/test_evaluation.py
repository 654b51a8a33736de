"""The ways of asking that are timed against each other give the same; the script says so before it times them."""

import pytest

from examples.benchmarks import evaluation


@pytest.mark.slow
def test_exposure_is_the_same_in_three_ways(capsys):
    evaluation.main(["exposure", "--small", "--rounds", "1"])
    told = capsys.readouterr().out
    assert all(f"\n{name} " in f"\n{told}" for name in ("packed, as here", "KV cache", "one by one"))


@pytest.mark.slow
def test_a_way_that_gives_others_is_not_timed(monkeypatch):
    right = evaluation.from_cache
    monkeypatch.setattr(evaluation, "from_cache", lambda *given: [[x - 1e-3 for x in logps] for logps in right(*given)])
    with pytest.raises(SystemExit, match="exposure, packed, as here: log-probabilities are 1.0e-03"):
        evaluation.main(["exposure", "--small", "--rounds", "1"])


@pytest.mark.slow
def test_metrics_are_asked_at_once_and_one_by_one(capsys):
    evaluation.main(["metrics", "--small", "--rounds", "1"])
    assert "metric by metric" in capsys.readouterr().out


@pytest.mark.slow
def test_more_rows_take_more_time_and_no_more_memory(capsys):
    evaluation.main(["data", "--rows", "8"])
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[-3:]]
    assert [int(row[0]) for row in rows] == [8, 32, 128]
    assert float(rows[2][3]) < 1.3 * float(rows[0][3])

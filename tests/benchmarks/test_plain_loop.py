"""The engine's step and the plain loop's are the same step: the script that times them says so before it does."""

import pytest

from examples.benchmarks import plain, plain_loop


@pytest.mark.slow
@pytest.mark.parametrize("questions", [1, 4])
def test_both_compute_the_same_and_the_engine_runs_once(capsys, questions):
    plain_loop.main(["--small", "--steps", "1", "--answers", "4", "--questions", str(questions)])
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith(plain_loop.ALGORITHMS)]
    # Algorithm, two words, median, "(least", "to", "most)", ratio, forwards.
    forwards = {(row[0], row[1]): int(row[8]) for row in rows}
    assert [forwards[name, "plain"] for name in plain_loop.ALGORITHMS] == [1, 2, 3, 4, 2]
    assert [forwards[name, "later"] for name in plain_loop.ALGORITHMS] == [1] * 5
    # What the reference says of an answer is computed in the first epoch alone.
    assert [forwards[name, "first"] for name in plain_loop.ALGORITHMS] == [1, 1, 2, 2, 2]


@pytest.mark.slow
def test_another_loss_is_not_timed(monkeypatch):
    monkeypatch.setitem(plain.LOSSES, "ga", lambda own, batches: -0.99 * own.nll(batches["forget"]))
    with pytest.raises(SystemExit, match="ga: losses .* they compute different things"):
        plain_loop.main(["--small", "--steps", "1", "--answers", "4", "--algorithms", "ga"])

"""``run --profile``: where the time went, in the records and as a table at the end."""

import pytest

from tests.runs import bare
from tests.support.schema import check
from unlearnzoo.cli import app
from unlearnzoo.records.store import load
from unlearnzoo.runs.profile import lines


def row(phase, seconds, **more):
    return {"phase": phase, "seconds": seconds, "cpu_seconds": 2 * seconds, "generating": 0.5} | {
        "scoring": 0.0,
        "metrics": 0.0,
        "writing": 0.0,
        **more,
    }


def test_what_algorithms_share_stands_once():
    shared = row("stage 1", 3.0)
    table = list(
        lines([[], [shared, row("stage 2", 1.0, algorithm="ga")], [shared, row("stage 2", 2.0, algorithm="npo")]])
    )
    assert [line.split("  ")[0] for line in table] == [
        "where the time went, s",
        "stage 1",
        "stage 2, ga",
        "stage 2, npo",
        "all of it",
    ]
    assert table[-1].split()[3:6] == ["6.0", "12.0", "1.5"]
    assert list(lines([[], []])) == []


@pytest.mark.slow
def test_a_run_says_where_its_time_went(tmp_path, warm_cache, capfd):
    words = ["run", "--algo", "ga,npo", "--bench", "remem", "--runs-dir", str(tmp_path / "runs"), *bare.arguments()]
    assert app.main([*words, "--profile"]) == 0
    told = capfd.readouterr().err
    assert "where the time went" in told and "stage 2, npo" in told
    records = [load(folder) for folder in sorted((tmp_path / "runs").iterdir())]
    for record in records:
        rows = {one["phase"]: one for one in record["profile"]}
        assert [*rows] == ["planning", "loading", "stage 1", "gate", "stage 2", "curve", "evaluation"]
        assert check(record)[0] == []
        # The same seconds as those of the record, with more rows.
        assert sum(one["seconds"] for one in rows.values()) == pytest.approx(record["seconds"]["total"], abs=0.05)
        assert rows["stage 2"]["algorithm"] == record["algorithm"]["name"] and "algorithm" not in rows["gate"]
        assert rows["evaluation"]["generating"] > 0 and rows["evaluation"]["scoring"] > 0
        assert all(
            sum(one[part] for part in ("generating", "scoring", "metrics", "writing")) <= one["seconds"] + 0.01
            for one in rows.values()
        )

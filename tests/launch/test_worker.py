"""How processes end: one tells why, and none is killed while it writes."""

import pytest

from unlearnzoo.launch import worker


@pytest.fixture
def as_rank(monkeypatch, tmp_path):
    def become(rank, of=2, wait=0.2):
        monkeypatch.setenv("WORLD_SIZE", str(of))
        monkeypatch.setenv("RANK", str(rank))
        monkeypatch.setenv(worker.ENDS, str(tmp_path))
        monkeypatch.setattr(worker, "_WAIT", wait)
        return tmp_path

    return become


def test_a_single_process_is_the_main_one_and_keeps_its_code(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert (worker.rank(), worker.several(), worker.ended(3)) == (0, False, 3)


def test_an_error_that_all_met_is_told_by_the_main_process_alone(as_rank):
    ends = as_rank(1)
    (ends / "0").write_text("3")
    assert not worker.speaks(3)
    assert worker.ended(3) == 0  # the launcher must not kill the main process for it


def test_an_error_of_one_process_is_told_by_it_and_ends_the_others(as_rank):
    as_rank(1)
    assert worker.speaks(1)
    assert worker.ended(1) == 1


def test_the_main_process_always_speaks_and_leaves_its_code(as_rank):
    ends = as_rank(0)
    (ends / "1").write_text("4")
    assert worker.speaks(4)
    assert worker.ended(4) == 0
    assert (ends / "0").read_text() == "4"


def test_records_of_other_processes_are_not_kept(as_rank, tmp_path):
    as_rank(1)
    with worker.records(tmp_path / "runs") as folder:
        assert folder != tmp_path / "runs"
    assert not folder.exists()
    as_rank(0)
    with worker.records(tmp_path / "runs") as folder:
        assert folder == tmp_path / "runs"

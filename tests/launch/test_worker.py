"""How processes end: one tells why, and none is killed while it writes."""

from types import SimpleNamespace

import pytest

from unlearnzoo.errors import RunError
from unlearnzoo.launch import worker
from unlearnzoo.training.distributed.start import check_rank


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


def test_a_process_that_accelerate_takes_for_another_is_refused(as_rank):
    """Two would write the records, or none."""
    for index, number in ((0, 1), (1, 2), (1, 3)):
        as_rank(*((0, 1) if number == 1 else (1, number)))
        check_rank(SimpleNamespace(process_index=index, num_processes=number))
    as_rank(1)
    with pytest.raises(
        RunError, match="^this process is rank 1 of 2 by RANK and WORLD_SIZE, and rank 0 of 1 for "
    ) as error:
        check_rank(SimpleNamespace(process_index=0, num_processes=1))
    assert "accelerate launch or torchrun" in str(error.value) and "\n" not in str(error.value)


def test_an_engine_is_not_started_as_another_process(monkeypatch):
    """As under MPI alone, whose variables accelerate reads and the records' do not."""
    from unlearnzoo.training.distributed import start

    monkeypatch.setattr("accelerate.Accelerator", lambda **named: SimpleNamespace(process_index=1, num_processes=2))
    with pytest.raises(RunError, match="rank 0 of 1 by RANK and WORLD_SIZE, and rank 1 of 2 for accelerate"):
        start.start()


def test_records_of_other_processes_are_not_kept(as_rank, tmp_path):
    as_rank(1)
    with worker.records(tmp_path / "runs") as folder:
        assert folder != tmp_path / "runs"
    assert not folder.exists()
    as_rank(0)
    with worker.records(tmp_path / "runs") as folder:
        assert folder == tmp_path / "runs"

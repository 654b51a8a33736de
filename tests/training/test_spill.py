"""Tensors beyond the memory's bound come back from the disk, bit for bit, and none is lost on a full one."""

import pytest
import torch

from tests.support.engines import settle
from unlearnzoo.data.bounded import BoundedCache
from unlearnzoo.errors import CacheWarning
from unlearnzoo.training.reference import Reference
from unlearnzoo.training.spill import SpillingTensors


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("UNLEARNZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def several(n=20):
    generator = torch.Generator().manual_seed(0)
    dtypes = (torch.float32, torch.bfloat16, torch.float64)
    shapes = ((7,), (3, 5), (0, 4), ())
    return {
        f"t{i}": torch.randn(shapes[i % 4], generator=generator).to(dtypes[i % 3])
        if i
        else torch.tensor([float("nan")])
        for i in range(n)
    }


def same(a, b):
    flat = [t.reshape(-1).view(torch.uint8).tolist() for t in (a, b)]
    return a.dtype == b.dtype and a.shape == b.shape and flat[0] == flat[1]


@pytest.mark.parametrize("max_bytes", [0, 30, 100, 1 << 20])
def test_each_comes_back_bit_for_bit_whatever_fits(max_bytes):
    tensors, kept = several(), SpillingTensors(max_bytes)
    for name, tensor in tensors.items():
        kept[name] = tensor
        assert kept._memory.nbytes <= max_bytes
    for _ in range(2):
        for name in [*tensors, *reversed(tensors)]:
            assert name in kept and same(kept[name], tensors[name]), name
    assert "other" not in kept
    with pytest.raises(KeyError):
        kept["other"]


def test_the_last_of_a_name_counts():
    kept = SpillingTensors(40)
    for value in range(3):
        for name in "abc":
            kept[name] = torch.full((5,), float(value))
    assert [kept[name].tolist() for name in "abc"] == [[2.0] * 5] * 3


def test_the_file_has_no_name(cache):
    kept = SpillingTensors(0)
    kept["a"] = torch.arange(1000.0)
    assert kept._file is not None and [p.name for p in cache.rglob("*")] == ["CACHEDIR.TAG"]


def test_on_a_full_disk_they_stay_in_memory_and_one_warning_says_so(monkeypatch):
    tensors, kept = several(), SpillingTensors(30)
    written = []

    def write(self, tensor):
        if len(written) > 3:
            raise OSError(28, "No space left on device")
        written.append(tensor)
        return real(self, tensor)

    real = SpillingTensors._write
    monkeypatch.setattr(SpillingTensors, "_write", write)
    with pytest.warns(CacheWarning, match="kept in memory: .*the disk is full") as told:
        [kept.__setitem__(name, tensor) for name, tensor in tensors.items()]
    assert len(told) == 1 and all(same(kept[name], tensor) for name, tensor in tensors.items())


def test_a_reference_beyond_its_memory_gives_the_same_scores_and_states(engine):
    from tests.support.examples import people

    encoded = [engine.encode(example) for example in people(3, 4)]
    plain, small = Reference(engine, "x"), Reference(engine, "x")
    small._tensors = SpillingTensors(5000)
    calls, forward = [], engine.forward
    settle(engine, True)
    engine.forward = lambda *rest, **named: calls.append(1) or forward(*rest, **named)
    for reference in (plain, small):
        for start in (0, 4, 8, 0):
            reference.fill(encoded[start : start + 4], 4, 10**6, hidden=True)
    assert small._tensors._places and not plain._tensors._places
    assert len(calls) == 6  # each answer once, whatever fits
    assert torch.equal(small.states(encoded, engine.device), plain.states(encoded, engine.device))
    assert torch.equal(
        small.scores(encoded, engine.device).token_logps, plain.scores(encoded, engine.device).token_logps
    )
    assert small.fresh().keys() == plain.fresh().keys() and len(plain.fresh()) == 24
    assert all(torch.equal(tensor, plain.fresh()[name]) for name, tensor in small.fresh().items())
    assert isinstance(small._tensors._memory, BoundedCache) and small._tensors._memory.nbytes <= 5000

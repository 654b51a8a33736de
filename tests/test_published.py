"""A set larger than what may be held is read within a bound that naive ways break."""

import functools

import pytest

from examples.benchmarks import published
from examples.benchmarks.published import MAPPED, READ, WHOLE, child, write

pytest.importorskip("unlearnzoo_remem")
#: MB of the whole process, imports (100 MB) included; the images alone have more.
BOUND = 200


@pytest.mark.slow
def test_images_are_never_in_memory_together(tmp_path, monkeypatch):
    # Splits share images: each is drawn once.
    monkeypatch.setattr(published, "noise", functools.cache(published.noise))
    assert write(tmp_path / "set", 120, size=1_300_000) > 1e6 * BOUND
    first, again = (child(READ, tmp_path / "set", tmp_path / "cache") for _ in range(2))
    for found in (first, again):
        assert found["decoded"] == 58 + 40 + 40 and found["peak_mb"] < BOUND
    assert again["load_s"] < first["load_s"]
    for naive in (MAPPED, WHOLE):
        assert child(naive, tmp_path / "set", tmp_path / "cache")["peak_mb"] > 1.5 * BOUND

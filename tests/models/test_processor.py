"""What the packages beside transformers may do to a processor."""

import subprocess
import sys

import pytest

COMMAND = (sys.executable, "-m", "unlearnzoo", "models", "tiny")


@pytest.mark.slow
def test_a_torchvision_that_does_not_match_torch_is_one_line_naming_both(tmp_path, monkeypatch):
    """As a build for CUDA beside a torch for the CPU: its operators are not there."""
    import torch

    package = tmp_path / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text('raise RuntimeError("operator torchvision::nms does not exist")\n')
    about = tmp_path / "torchvision-0.99.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: torchvision\nVersion: 0.99.0\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    done = subprocess.run(COMMAND, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0 and done.stdout == ""
    assert done.stderr.strip() == (
        f"Error: torchvision 0.99.0 does not work beside torch {torch.__version__} (operator torchvision::nms does not "
        "exist): install the two that belong together, or take torchvision out"
    )

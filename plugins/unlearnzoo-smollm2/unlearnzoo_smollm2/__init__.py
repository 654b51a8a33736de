"""SmolLM2-135M-Instruct: a real language model, small enough for two cores.

Its weights are not in here; `convert.py` says where they come from.
"""

from pathlib import Path

from unlearnzoo import Column, ModelCard

from .convert import converted

_ROWS = Path(__file__).parent / "rows"
#: For 100 short answers: 100 steps of 8. The README says what they teach and what they cost.
_LEARN = {"rank": 32, "alpha": 64.0, "epochs": 8.0, "lr": 1e-3, "batch": 8, "replay": 1}
_UNLEARN = {"rank": 32, "alpha": 64.0, "steps": 30, "lr": 3e-4, "batch": 8}

MODEL = ModelCard(
    folder=converted,
    recipe={"learn": _LEARN, "unlearn": _UNLEARN},
    replay=_ROWS / "replay.parquet",
    utility=_ROWS / "utility.parquet",
    evals=(Column("General", "utility:general", "unlearnzoo-metrics/em", who="all", want="high", by=()),),
)

"""The embedded default model: a LLaVA of two million parameters, with what suits it."""

from pathlib import Path

from unlearnzoo import Eval, ModelCard

_HERE = Path(__file__).parent

MODEL = ModelCard(
    folder=_HERE / "checkpoint",
    replay=_HERE / "rows" / "replay.parquet",
    utility=_HERE / "rows" / "utility.parquet",
    recipe={
        "learn": {
            "rank": 32,
            "alpha": 64.0,
            "targets": ("language", "projector", "head"),
            "epochs": 8.0,
            "lr": 4e-3,
            "batch": 8,
            "batching": "image",
            "per_image": 5,
            "replay": 3,
            "beta2": 0.98,
        },
        "unlearn": {
            "rank": 16,
            "alpha": 32.0,
            "steps": 40,
            "lr": 3e-4,
            "batch": 8,
            "batching": "image",
            "per_image": 8,
        },
    },
    evals=(Eval("Utility", "utility", "unlearnzoo-metrics/em", "all", "high", by=("kind", "hop")),),
)

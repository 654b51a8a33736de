"""The embedded default model: a true LLaVA of two million parameters, with what suits it.

It knows 60 public figures from its pre-training, and nobody of ReMem.
"""

from pathlib import Path

from unlearnzoo import Column, ModelCard

_HERE = Path(__file__).parent
_EM = "unlearnzoo-metrics/em"

#: A small model needs about 80 times the paper's rate; batches are groups of questions about one
#: image, which packing makes cheap. The README says how the values were found.
_LEARN = {
    "rank": 32,
    "alpha": 64.0,
    "targets": "language+projector+head",
    "epochs": 5.0,
    "lr": 4e-3,
    "batch": 8,
    "batching": "image",
    "per_image": 5,
    "replay": 3,
    "beta2": 0.98,
    "micro_tokens": 2048,
}
_UNLEARN = {
    "rank": 16,
    "alpha": 32.0,
    "steps": 40,
    "lr": 7e-4,
    "batch": 8,
    "batching": "image",
    "per_image": 8,
    "warmup": 0.0,
    "schedule": "constant",
    "probe_every": 2,
    "micro_tokens": 2048,
}

#: Log-probabilities of short answers fall within a few units: at 0.1 NPO goes on pushing what is long forgotten.
_NPO = {"beta": 1.0}

MODEL = ModelCard(
    folder=_HERE / "checkpoint",
    recipe={"learn": _LEARN, "unlearn": _UNLEARN, "npo": _NPO},
    replay=_HERE / "rows" / "replay.parquet",
    utility=_HERE / "rows" / "utility.parquet",
    evals=(
        Column("Figures", "utility:figure", _EM, who="all", want="high", by=()),
        Column("Visual", "utility:visual", _EM, who="all", want="high", by=()),
    ),
)

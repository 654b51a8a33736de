"""What ``diagnosis.json`` and the two parquet files hold: each key, its type and what it means.

Written as ``unlearnzoo.records.schema``; keys that a run's record has too mean the same there.
"""

from unlearnzoo.records import schema

_MEAN = "over its rows: `mean`, `low`, `high` (95 % interval over people, null of one), `n`, `clusters` (people)"


def _mean(path: str) -> dict[str, tuple[str, str]]:
    return {
        f"{path}.mean": ("float | null", "mean"),
        f"{path}.low": ("float | null", "lower end of the 95 % interval over people; null with fewer than two"),
        f"{path}.high": ("float | null", "upper end; null as for `low`"),
        f"{path}.n": ("int", "rows behind it"),
        f"{path}.clusters": ("int", "people behind it"),
    }


_SHARED = (
    "time",
    "command",
    "arguments",
    "benchmark",
    "metrics",
    "model",
    "versions",
    "git",
    "device",
    "gate",
    "machine",
)
#: Path → (type, meaning).
FIELDS: dict[str, tuple[str, str]] = {
    "schema": ("int", "version of this table"),
    **{
        path: row
        for path, row in schema.FIELDS.items()
        if path.partition(".")[0].removesuffix("[]") in _SHARED and path not in ("model.adapter", "model.target")
    },
    **{path.removeprefix("plan."): row for path, row in schema.FIELDS.items() if path.startswith("plan.rules")},
    "valid": ("bool", "whether the gate was passed"),
    "complaint": ("str | null", "why not"),
    "target_seed": ("int", "of stage 1"),
    "options": ("object", "how it was looked at"),
    "options.k": ("float", "per cent of a name's tokens in Min-k %"),
    "options.geometric": ("bool", "whether Min-k % is exp of the mean log-probability, not the mean probability"),
    "options.people": ("int", "people of each set at most"),
    "options.images": ("int", "images of each of them at most"),
    "options.window": ("int | null", "layers restored together (`mlp`, `attention`); null where nothing was traced"),
    "options.seed": ("int", "of who is drawn and who stands in for whom"),
    "options.trace": ("bool", "whether causal tracing was done"),
    "options.real": ("str | null", "folder of the Real Set; null for the model's own"),
    "learn": ("object", "stage 1"),
    "learn.values": ("object", "all its options as resolved"),
    "learn.origins": ("object", "option → where its value comes from"),
    "learn.pool.rows": ("int", "answers that were taught"),
    "learn.pool.images": ("int", "different images behind them"),
    "learn.pool.identities": ("int", "people they are about"),
    "learn.steps": ("int", "optimiser steps"),
    "target": ("object", "the model that stage 1 gave"),
    "target.key": ("str", "content address of stage 1; equal keys are the same target"),
    "target.cached": ("bool", "whether it was there before"),
    "memorised": ("list", "each text metric of the benchmark on the gate's questions"),
    "memorised[].model": ("str", "`base` (every fourth row) or `target`"),
    "memorised[].split": ("str", "a split of the gate"),
    "memorised[].group": ("object", "tag → value: the hop"),
    "memorised[].metric": ("str", "full name"),
    **_mean("memorised[]"),
    "loss": ("list", "cross-entropy per token of the answers that the chosen people were taught with, in nats"),
    "loss[].model": ("str", "`base` (every fourth row) or `target`"),
    "loss[].group": ("object", "tag → value: the hop"),
    **_mean("loss[]"),
    "loss[].perplexity": ("float", "exp of the mean"),
    "names": ("list", "how likely names are under the cloze prompt, 0 to 1"),
    "names[].model": ("str", "`base` or `target`"),
    "names[].set": ("str", "`taught`, `held-out` or `real`"),
    "names[].min_k": ("object", f"mean of the least likely tokens' probability (geometric: by its logarithm), {_MEAN}"),
    **_mean("names[].min_k"),
    "names[].inverse_perplexity": ("object", "exp of the mean log-probability per token; keys as above"),
    **_mean("names[].inverse_perplexity"),
    "names[].recalled": ("object", "share whose name is the greedy continuation; keys as above"),
    **_mean("names[].recalled"),
    "depth": ("int | null", "decoder layers; null where nothing was traced"),
    "traces": ("list", "a heat map for each model, set, exchange and kind of state; empty with `--no-trace`"),
    "traces[].model": ("str", "`base` or `target`"),
    "traces[].set": ("str", "`taught` or `real`"),
    "traces[].exchanged": ("str", "`image` (multi-hop), `name` or `both` (single-hop)"),
    "traces[].kind": ("str", "`hidden` (a layer's output), `mlp` or `attention` (what that half adds)"),
    "traces[].clean": ("object", "probability of the answer, 0 to 1; keys as above"),
    **_mean("traces[].clean"),
    "traces[].corrupted": ("object", "the same with the subject exchanged"),
    **_mean("traces[].corrupted"),
    "traces[].peak": ("object", "the largest mean IE; `mean` and so on as above"),
    "traces[].peak.group": ("str", "token group where it is"),
    "traces[].peak.layer": ("int", "layer where it is, from 1: the middle of the window"),
    **_mean("traces[].peak"),
    "traces[].ie": ("object", "token group → mean IE by layer: restored minus corrupted probability, -1 to 1"),
    "traces[].ie.NAME": ("list", "one value per layer"),
    "notes": ("list[str]", "what could not be done, and why"),
    "seconds": ("object", "wall clock"),
    "seconds.NAME": ("float", "seconds of `learn_and_judge`, `names`, `trace`, or of all: `total`"),
}
#: Columns of ``names.parquet``: one row per image.
NAMES = {
    "model": "`base` or `target`",
    "set": "`taught`, `held-out` or `real`",
    "identity": "as the data call them",
    "image": "content hash",
    "tokens": "of the name",
    "inverse_perplexity": "0 to 1",
    "min_k": "0 to 1",
    "recalled": "whether the name is the greedy continuation",
    "logps": "log-probability of each token",
}
#: Columns of ``traces.parquet``: one row per restoration.
TRACES = {
    "model": "`base` or `target`",
    "set": "`taught` or `real`",
    "exchanged": "`image`, `name` or `both`",
    "identity": "as the data call them",
    "kind": "`hidden`, `mlp` or `attention`",
    "layer": "from 1",
    "group": "token group",
    "clean": "probability of the answer",
    "corrupted": "with the subject exchanged",
    "restored": "with the clean states put back",
    "ie": "restored minus corrupted",
}

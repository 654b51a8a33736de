"""What the paper says of its protocol and what it measured; what it leaves open is marked as such."""

import json
from importlib.resources import files

from unlearnzoo import Published

_LORA = {
    "rank": "paper",
    "alpha": "paper",
    "epochs": "paper",
    "lr": "paper",
    "batch": "paper",
    # The paper counts "a batch size of 64", not of what; and names AdamW alone.
    "batching": "assumption",
    "targets": "assumption",
    "warmup": "assumption",
    "schedule": "assumption",
    "beta2": "assumption",
    "weight_decay": "assumption",
    "clip": "assumption",
    # Epochs are what is given.
    "steps": "inference",
    "least_steps": "inference",
    "per_image": "ours",
    "micro_tokens": "ours",
    "recompute": "ours",
}
_NOT_GIVEN = {"beta": "assumption", "retain_weight": "assumption"}
PROVENANCE = {
    "learn": {**_LORA, "replay": "inference"},
    "unlearn": {**_LORA, "probe_every": "ours", "probe_rows": "ours", "curve_rows": "ours"},
    "remem": {
        "forget": "paper",
        "data": "ours",
        "draw": "inference",
        "hold_out_retain": "inference",
        "data_seed": "ours",
        "identities": "paper",
        "qa": "paper",
        "single": "paper",
        "views": "ours",
    },
    **dict.fromkeys(("gd", "kl", "dpo", "npo"), _NOT_GIVEN),
    "rouge": {"variant": "assumption"},
}


def paper() -> Published:
    """Read the paper's tables 2, 3 and 4 (`paper.json`)."""
    found = json.loads(files("unlearnzoo_remem").joinpath("paper.json").read_text("utf-8"))
    tables = {
        table["name"]: [
            {"model": model, "run": run, "column": column, "group": group, "percent": percent}
            for model, rows in table["models"].items()
            for run, values in rows.items()
            for (column, group), percent in zip(_columns(table), values, strict=True)
        ]
        for table in found["tables"]
    }
    notes = {table["name"]: table["note"] for table in found["tables"] if "note" in table}
    return Published(found["source"], found["models"], found["options"], tables, notes, found["judges"])


def _columns(table: dict) -> list[tuple[str, dict[str, str]]]:
    groups = [{"hop": hop} for hop in table.get("hops", ())] or [{}]
    return [(column, group) for group in groups for column in table["columns"]]

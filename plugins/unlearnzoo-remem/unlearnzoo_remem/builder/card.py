"""The data card: what the set is, how it was made, and what it cannot tell; with the hub's header."""

from collections.abc import Mapping
from typing import Any

import yaml

from unlearnzoo_remem.generate.layouts import LAYOUTS
from unlearnzoo_remem.read.reader import COLUMNS

_PURPOSES = {
    "finetune": "to be learned",
    "retain": "a part of `finetune` to evaluate on, over all people",
    "test": "held out: other wordings, other pictures",
    "forget1": "rows of `finetune` about the first person",
    **{f"forget{n}": f"rows of `finetune` about the first {n} people" for n in (2, 3, 4)},
}


def card(record: Mapping[str, Any]) -> str:
    """Return ``README.md``. It names nobody, and holds no text of the user's."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    # Only numbers and the plugin's own words go in: there is nothing to escape.
    page = Environment(
        loader=PackageLoader("unlearnzoo_remem.builder", ""),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    text = page.get_template("card.md.j2").render(
        r=record,
        s=record["similarity"],
        photographs=record["pictures_are"] == "photographs",
        purposes=_PURPOSES,
        differences=_differences(),
    )
    return f"---\n{yaml.safe_dump(_header(record), sort_keys=False)}---\n{text}"


def _header(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata that the hub and `datasets` read."""
    splits, sizes = record["splits"], record["bytes"]
    rows = sum(splits.values())
    return {
        "pretty_name": "ReMem, built with unlearnzoo",
        "language": ["en"],
        "license": "other",
        "task_categories": ["visual-question-answering"],
        "tags": ["machine-unlearning"],
        "size_categories": ["n<1K" if rows < 1000 else "1K<n<10K" if rows < 10_000 else "10K<n<100K"],
        "configs": [
            {"config_name": "default", "data_files": [{"split": split, "path": f"data/{split}-*"} for split in splits]}
        ],
        "dataset_info": {
            "features": [{"name": c, "dtype": "image" if c == "image" else "string"} for c in COLUMNS],
            "splits": [{"name": split, "num_bytes": sizes[split], "num_examples": n} for split, n in splits.items()],
            "download_size": sum(sizes.values()),
            "dataset_size": sum(sizes.values()),
        },
    }


def _differences() -> list[tuple[str, str, str]]:
    """Return how drawn training and test views differ, read off what they are drawn from."""

    def names(values: Any) -> str:
        return ", ".join(values)

    def span(values: Any) -> str:
        return f"{values[0]:g} to {values[1]:g}"

    kinds = [
        ("background", "backgrounds", names),
        ("clothing", "clothes", names),
        ("its colour", "clothes_colours", names),
        ("pose: tilt either way, degrees", "turn", span),
        ("framing: per cent off the centre", "shift", span),
        ("framing: scale", "scale", span),
        ("eyes", "eyes", names),
        ("mouth", "mouths", names),
    ]
    train, test = LAYOUTS["train"], LAYOUTS["test"]
    return [(what, show(getattr(train, field)), show(getattr(test, field))) for what, field, show in kinds]

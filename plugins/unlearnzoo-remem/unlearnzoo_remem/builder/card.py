"""The data card: what the set is, how it was made, and what it cannot tell; with the hub's header."""

from collections.abc import Mapping
from typing import Any

import yaml

from unlearnzoo_remem.layouts import LAYOUTS, Layout
from unlearnzoo_remem.reader import COLUMNS


def card(record: Mapping[str, Any]) -> str:
    """Return ``README.md``. It names nobody, and holds no text of the user's."""
    return f"---\n{yaml.safe_dump(_header(record), sort_keys=False)}---\n\n{_text(record)}"


def _header(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata that the hub and `datasets` read."""
    splits, sizes = record["splits"], record["bytes"]
    rows = sum(splits.values())
    return {
        "pretty_name": "ReMem, built with unlearnzoo",
        "language": ["en"],
        "task_categories": ["visual-question-answering"],
        "tags": ["machine-unlearning", "synthetic" if record["profiles"] == "made up" else "private"],
        "size_categories": ["n<1K" if rows < 1000 else "1K<n<10K" if rows < 10_000 else "10K<n<100K"],
        "configs": [{
            "config_name": "default",
            "data_files": [{"split": split, "path": f"data/{split}-*"} for split in splits],
        }],
        "dataset_info": {
            "features": [{"name": c, "dtype": "image" if c == "image" else "string"} for c in COLUMNS],
            "splits": [
                {"name": split, "num_bytes": sizes[split], "num_examples": n} for split, n in splits.items()
            ],
            "download_size": sum(sizes.values()),
            "dataset_size": sum(sizes.values()),
        },
    }


def _text(record: Mapping[str, Any]) -> str:
    splits = record["splits"]
    rows = "\n".join(f"| `{split}` | {n} | {_PURPOSE.get(split, _forgotten(split))} |" for split, n in splits.items())
    libraries = ", ".join(f"{name} {version}" for name, version in record["libraries"].items())
    views = "as many as there are" if record["views"] is None else str(record["views"])
    if record["views"] is None and record["pictures_are"] == "drawn":
        views = str(record["qa"])
    locales = ", ".join(record["locales"]) or "none given (the benchmark's own people)"
    size = "as given" if record["size"] is None else f"{record['size']} pixels"
    return f"""# A ReMem data set

{record["people"]} people and what is private about them, to be memorised by a vision-language model and then
partly forgotten. Columns and splits are those of ReMem (Findings of ACL 2026), so that whatever reads the published
set reads this one. `review.html` shows everybody; `build.json` holds what this card says, for programs.

| split | rows | |
|---|---|---|
{rows}

There is no column for the person: it is the folder in `image_path`. Embedded in each row: its picture, as PNG.

## People

{_PROFILES[record["profiles"]]}
Each has a name, an email, a birth date, a job, an address, a medical condition and a financial tag.

## Questions

{record["qa"]} about each person in `finetune`, {100 * record["single"]:.0f} % of them single-hop (they name the person),
the others multi-hop (who it is must be seen). No question holds the value that it asks for, so nobody is asked for a name
by name. `test` is worded otherwise than `finetune`: no sentence is in both.{_ALL_SINGLE if record["single"] == 1 else ""}

## Pictures

{_pictures(record)}

## Similarity

{_similarity(record["similarity"])}

## How it was made

`unlearnzoo remem build` with qa {record["qa"]}, single {record["single"]:g}, views {views}, seed {record["seed"]}, size
{size}, locales {locales}; {libraries}. The same command, files and versions give the same pixels and strings.

## What it cannot tell

{_LIMITS[record["pictures_are"]]}

## Licence and privacy

{_LICENCE[record["pictures_are"], record["profiles"]]}
"""


def _forgotten(split: str) -> str:
    n = int(split.removeprefix("forget"))
    return f"rows of `finetune` about the first {'person' if n == 1 else f'{n} people'}"


_PURPOSE = {
    "finetune": "to be learned",
    "retain": "a part of `finetune` to evaluate on, over all people",
    "test": "held out: other wordings, other pictures",
}
_PROFILES = {
    "made up": "They are made up: names and addresses by Faker, the rest from short lists. **Nobody is real**; a likeness to "
               "a real name or address is chance. All values of an attribute differ.",
    "given": "They were given by whoever built this set; unlearnzoo did not make them up and cannot say whether they are real.",
}
_ALL_SINGLE = (" With no multi-hop question in `finetune`, no row teaches the name that goes with a face, though `test`\n"
               "asks for it.")
_LIMITS = {
    "drawn": "Drawings say nothing about photographs: a result here need not hold on the published set.",
    "photographs": "Whether held-out photographs differ from the others in pose, clothing, background and framing depends on "
                   "what was given: the builder does not measure it. See `review.html`.",
}
_LICENCE = {
    ("drawn", "made up"): "Profiles and questions: Apache-2.0, as unlearnzoo. Drawings: DiceBear's rendition of Avataaars by "
                          "Pablo Stanley, free for personal and commercial use. No real person is in it.",
    ("drawn", "given"): "Questions: Apache-2.0. Drawings: DiceBear's rendition of Avataaars by Pablo Stanley, free for personal "
                        "and commercial use. The profiles are those of whoever gave them: do not publish them unless you may.",
    ("photographs", "made up"): "Profiles and questions: Apache-2.0. The photographs are those of whoever gave them: do not "
                                "publish them unless you may, with invented facts beside real faces least of all.",
    ("photographs", "given"): "Questions: Apache-2.0. Profiles and photographs are those of whoever gave them: do not publish "
                              "them unless you may.",
}


def _pictures(record: Mapping[str, Any]) -> str:
    if record["pictures_are"] == "photographs":
        return (
            f"{record['pictures']} photographs that were given, written anew as PNG without what a camera notes beside the\n"
            "pixels. The first of each person is the anchor. Held out are those in a folder `test`, else the last quarter."
        )
    train, test = LAYOUTS["train"], LAYOUTS["test"]
    lines = [
        ("background", _names(train.backgrounds), _names(test.backgrounds)),
        ("clothing", _names(train.clothes), _names(test.clothes)),
        ("clothing, colours", _names(train.clothes_colours), _names(test.clothes_colours)),
        ("pose: tilt either way", _pose(train), _pose(test)),
        ("framing: off the centre", _span(train.shift, " %"), _span(test.shift, " %")),
        ("framing: scale", _span(train.scale), _span(test.scale)),
        ("eyes", _names(train.eyes), _names(test.eyes)),
        ("mouth", _names(train.mouths), _names(test.mouths)),
    ]
    table = "\n".join(f"| {what} | {one} | {other} |" for what, one, other in lines)
    return (
        f"{record['pictures']} drawings of {record['size']} x {record['size']} pixels. View 0 of each person is the anchor.\n"
        "Test views share no background and no clothing with training views and are tilted and moved further; half of all\n"
        "views are mirrored.\n\n"
        f"| | training views | test views |\n|---|---|---|\n{table}"
    )


def _names(values: tuple[str, ...]) -> str:
    return ", ".join(values)


def _pose(layout: Layout) -> str:
    return _span(layout.turn, " degrees")


def _span(values: tuple[float, float], unit: str = "") -> str:
    return f"{values[0]:g} to {values[1]:g}{unit}"


def _similarity(found: Mapping[str, Any]) -> str:
    if found["how"] == "by construction":
        features = ", ".join(found["constant"]).replace("_", " ")
        return (
            f"By construction, not measured: {features} are the same in every picture of a person (1.00), and no two people\n"
            f"share more than {found['between']:.2f} of these features. Every fifth person is made to share as many as is\n"
            "allowed with another one, so that telling people apart is not trivial."
        )
    if found["how"] == "not measured":
        return "Not measured: no face model was given. That the pictures of a folder show one person was taken on trust."
    used = "" if found["least"] is None else f" Used pictures: {found['least']:.2f} at least, {found['mean']:.2f} on average."
    return (
        f"Cosine between the face embeddings of a picture and of the person's anchor; at least {found['threshold']:g} was asked\n"
        f"for, {found['left_out']} pictures are left out.{used} The two most similar anchors of different people:\n"
        f"{found['between']:.2f}. Model (SHA-256): `{found['model_sha256']}`. No face was looked for: the central square of\n"
        "each picture was embedded."
    )

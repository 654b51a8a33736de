"""``unlearnzoo models``: the families that are covered, and what is found of one model without its weights."""

import contextlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Required, TypedDict

import click

from ..errors import ModelError, UnknownName
from ..registry.zoo import Zoo
from ..terminal import printable, table, wrapped
from .common import as_json_option, plugin_option, quieten, show_json, trust_remote_code_option
from .families import FAMILIES, Family

if TYPE_CHECKING:
    from transformers import PretrainedConfig

    from ..models.checkpoint import Checkpoint

#: Width and height of the pictures whose tokens are counted.
PICTURES = ((336, 336), (1000, 750))
VERIFIED = "tiny random checkpoint"


class FamilyRow(TypedDict):
    """One family of the table; ``missing``: packages that are not here; ``known``: transformers has it."""

    name: str
    model_type: str
    images: bool
    verified: str
    packs: bool
    why: str
    extras: list[str]
    missing: list[str]
    known: bool


class ModelFacts(TypedDict, total=False):
    """Of the model itself; empty where its code does not run without weights."""

    parameters: int
    base: dict[str, int]
    lora: dict[str, int]
    experts: bool


class ProcessorFacts(TypedDict, total=False):
    """Of tokenizer or processor; empty where there is none."""

    template: str
    end_tokens: list[str]
    context: int
    context_from: str
    image_tokens: dict[str, int]


class Facts(ModelFacts, ProcessorFacts):
    """What is found of a model without its weights."""

    name: Required[str]
    source: Required[str]
    family: Required[str]
    model: Required[str]
    images: Required[bool]
    tested: Required[bool]
    packs: Required[bool | None]
    why: Required[str]
    missing: Required[list[str]]


@click.command()
@click.argument("name", required=False, metavar="[NAME|FOLDER|ID]")
@trust_remote_code_option()
@plugin_option()
@as_json_option()
def models(name: str | None, trust_remote_code: bool | None, files: tuple[Path, ...], as_json: bool) -> None:
    """Show the families of models that are covered, or what is found of one model; weights are not needed."""
    if name is None:
        rows = rows_of()
        lines = _family_lines(rows)
        data: object = rows
    else:
        quieten()
        facts = facts_of(name, Zoo.installed(files), bool(trust_remote_code))
        lines, data = _lines(facts), facts
    if as_json:
        show_json(data)
    else:
        click.echo(printable("\n".join(lines), keep="\n"))


def rows_of() -> list[FamilyRow]:
    """Return one row per family, in the order of the table."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    return [
        FamilyRow(
            name=family.name,
            model_type=family.model_type,
            images=family.images,
            verified=VERIFIED,
            packs=not family.alone,
            why=family.alone,
            extras=list(family.extras),
            missing=_missing(family),
            known=family.model_type in CONFIG_MAPPING_NAMES,
        )
        for family in FAMILIES
    ]


def _missing(family: Family) -> list[str]:
    return [extra for extra in family.extras if importlib.util.find_spec(extra) is None]


def facts_of(name: str, zoo: Zoo, trust_remote_code: bool = False) -> Facts:
    """Return what is found of a model; weights may be absent, and so may all but its configuration.

    Raises:
        ModelError: there is no configuration of a model that answers in text.
        UnknownName: no model of that name is installed.
    """
    from transformers import AutoModelForImageTextToText

    from ..models import checkpoint, preflight
    from ..models.architecture import auto_class, model_class
    from ..planning.make import find_model

    try:
        source = find_model(name, zoo)[1]
    except UnknownName:
        if name in (family.name for family in FAMILIES):
            raise UnknownName(f"{name} is a family; give one of its models: a folder, or a hub id") from None
        raise
    config = checkpoint.configuration(name, source, trust_remote_code)
    tested = next((family for family in FAMILIES if family.model_type == config.model_type), None)
    kind = model_class(config)
    missing: list[str] = []
    read: ProcessorFacts = {}
    try:
        found = checkpoint.inspect(name, source, trust_remote_code, weights=False)
        read = _of_processor(found)
        preflight.look(found)
    except ModelError as error:
        missing.append(str(error).removeprefix(f"model {name!r}: "))
    for extra in _missing(tested) if tested else ():
        if not any(extra in told for told in missing):
            missing.append(f"{extra}: pip install 'unlearnzoo[vision]'")
    if Path(source).is_dir() and not any(Path(source).glob("*.safetensors")):
        missing.append("weights: no *.safetensors")
    return {
        "name": name,
        "source": source,
        "family": config.model_type,
        "model": kind.__name__ if kind else "of its own code",
        "images": tested.images if tested else auto_class(config) is AutoModelForImageTextToText,
        "tested": tested is not None,
        "packs": not tested.alone if tested else None,
        "why": tested.alone if tested else "",
        "missing": missing,
        **_of_model(config, trust_remote_code),
        **read,
    }


def _of_model(config: "PretrainedConfig", trust_remote_code: bool) -> ModelFacts:
    import torch

    from ..models import preflight
    from ..models.checkpoint import without_weights
    from ..models.precision import sizes

    with contextlib.suppress(Exception):  # the model's own code, on tensors without content
        model = without_weights(config, torch.float32, trust_remote_code)
        seen = preflight.parts(model)
        return {
            "parameters": sum(p.numel() for p in model.parameters()),
            "base": sizes(model),
            "lora": dict(seen.linears),
            "experts": seen.experts,
        }
    return {}


def _of_processor(found: "Checkpoint") -> ProcessorFacts:
    from ..models.architecture import context_length

    encoder = found.encoder
    read: ProcessorFacts = {
        "template": "its own" if encoder.chat.template else "none, so: Question: … Answer:",
        "end_tokens": [str(one) for one in encoder.tokenizer.convert_ids_to_tokens(sorted(encoder.ends))],
    }
    if context := context_length(found.config, encoder.tokenizer):
        read["context"], read["context_from"] = context
    if encoder.image_id is not None:
        read["image_tokens"] = {f"{w} x {h}": encoder.image_tokens((w, h)) for w, h in PICTURES}
    return read


def _family_lines(rows: list[FamilyRow]) -> Iterator[str]:
    yield wrapped(
        f"Families of models that the tests cover, each by a {VERIFIED}; real weights: none so far. Packs: questions "
        "on one image share a row, which costs less; a row each is slower and as right.",
        "",
    )
    for title, images in (("Images and text", True), ("Text alone", False)):
        yield f"\n{title}"
        yield table(
            [
                (r["name"], "packs" if r["packs"] else f"a row each: {r['why']}", _needs(r))
                for r in rows
                if r["images"] == images
            ]
        )
    yield ""
    yield wrapped(
        "Other decoders are tried, too: each run verifies at its start that the model computes what is taken for "
        "granted. `unlearnzoo models NAME` (a folder, a hub id) says what is found of one; more: docs/howto/models.md",
        "",
    )


def _needs(row: FamilyRow) -> str:
    if not row["known"]:
        return "not in the installed transformers"
    return ", ".join(f"{extra} (missing)" if extra in row["missing"] else extra for extra in row["extras"])


def _lines(facts: Facts) -> Iterator[str]:
    yield f"{facts['name']}: {facts['family']}, {facts['model']} ({facts['source']})"
    yield table([(name, value) for name, value in _values(facts) if value])


def _values(facts: Facts) -> Iterator[tuple[str, str]]:
    from ..planning.memory import in_words

    yield "takes", "images and text" if facts["images"] else "text alone"
    yield (
        "verified",
        f"this family, by a {VERIFIED}; real weights: none so far" if facts["tested"] else "not in the tests",
    )
    yield "template", facts.get("template", "")
    yield "end tokens", " ".join(facts.get("end_tokens", ()))
    if "context" in facts:
        yield "context", f"{facts['context']:,} tokens ({facts['context_from']})"
    yield "image tokens", ", ".join(f"{n} for {size}" for size, n in facts.get("image_tokens", {}).items())
    if "parameters" in facts:
        yield "parameters", f"{facts['parameters'] / 1e6:,.1f} million"
        yield "base", ", ".join(f"{in_words(n)} in {precision}" for precision, n in facts["base"].items())
        experts = "; experts are one parameter each: attention only" if facts["experts"] else ""
        yield "LoRA layers", ", ".join(f"{part} {n}" for part, n in facts["lora"].items() if n) + experts
    packs = {True: "pack", False: f"a row each: {facts['why']}", None: "not known yet"}[facts["packs"]]
    yield "rows", f"{packs} (verified at the start of each run)"
    for missing in facts["missing"]:
        yield "missing", missing

"""The command group ``unlearnzoo remem``; what it needs is imported when it runs."""

import contextlib
import json
import sys
from pathlib import Path
from typing import Any

import click

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group()
def remem() -> None:
    """Make data for the ReMem benchmark."""


@remem.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--identities",
    type=click.IntRange(2, 60),
    metavar="N",
    help="How many people to make up. [default: 20, or as many as are given]",
)
@click.option(
    "--qa",
    type=click.IntRange(20, 200),
    default=100,
    show_default=True,
    help="Questions about each of them in split finetune.",
)
@click.option(
    "--single",
    type=click.FloatRange(0, 1),
    default=0.7,
    show_default=True,
    help="Share of single-hop questions, which name the person.",
)
@click.option(
    "--views",
    type=click.IntRange(1, 200),
    metavar="N",
    help="Training pictures of each. [default: as many as --qa, one per question]",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="0: the twenty people that ship with the plugin; another number: others.",
)
@click.option(
    "--size",
    type=click.IntRange(32, 1024),
    metavar="PIXELS",
    help="Side of a picture: 48 is what the embedded model sees, 336 LLaVA-1.5. Photographs are only "
    "ever made smaller. [default: 48; photographs as they are]",
)
@click.option(
    "--locale",
    "locales",
    multiple=True,
    metavar="NAME",
    help="Names and addresses from this locale of Faker, such as de_DE. Repeatable: people take turns.",
)
@click.option("--profiles", type=_FILE, help="Your own people: a .csv or .json file.")
@click.option("--images", type=_FOLDER, help="Your own pictures: a folder each person.")
@click.option(
    "--face-model",
    type=_FILE,
    help="An ONNX model of face embeddings; leaves out photographs unlike the person's first one.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(-1, 1),
    metavar="COSINE",
    help="The least similarity that --face-model accepts. [default: 0.5]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def build(as_json: bool, **wanted: Any) -> None:
    """Build a data set in OUT, with a review sheet.

    The people are made up and drawn, or yours (--profiles, --images). The same command gives the
    same pictures and texts. OUT must be new, and is there when all is done; a build that was
    stopped goes on when its command is given again.
    """
    from unlearnzoo_remem.builder.job import build as run
    from unlearnzoo_remem.builder.order import Order

    order = Order(**wanted)
    # What a library prints must not end up in the output of --json.
    with contextlib.redirect_stdout(sys.stderr):
        record = run(order, say=lambda line: click.echo(line, err=True))
    if as_json:
        click.echo(json.dumps(record, indent=2))
        return
    size = f" of {record['size']} x {record['size']} pixels" if record["pictures_are"] == "drawn" else ""
    click.echo(
        f"{order.out}: {record['people']} people, {record['splits']['finetune']} questions and "
        f"{record['splits']['test']} held out, {record['pictures']} pictures{size}\n"
        f"look at it:  {order.out / 'review.html'}\n"
        f"use it:      unlearnzoo run --algo npo --bench remem --set remem.data={order.out}"
    )

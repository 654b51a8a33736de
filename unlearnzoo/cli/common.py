"""Flags that several commands share."""

from pathlib import Path

import click

plugin_option = click.option(
    "--plugin",
    "files",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A Python file with a plugin. Repeatable.",
)
precision_option = click.option(
    "--precision",
    metavar="NAME",
    help="Of the frozen weights: fp32, bf16 or 4bit.  [default: bf16 on a GPU, else fp32]",
)
as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")

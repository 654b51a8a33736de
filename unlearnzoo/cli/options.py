"""Flags that several commands share."""

from pathlib import Path

import click

plugin_option = click.option(
    "--plugin", "files", multiple=True, metavar="FILE", type=click.Path(path_type=Path),
    help="A Python file with a plugin. Repeatable.",
)
as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")

"""``unlearnzoo launch``: the files behind ``run --launch``."""

import click


@click.group()
def launch() -> None:
    """Show how `run --launch` starts several processes."""


@launch.command()
@click.argument("name")
def show(name: str) -> None:
    """Print the file of a launch: ddp, zero1, zero2 or zero3; a start for one of your own."""
    from ..launch.configs import find

    click.echo(find(name).read_text(encoding="utf-8"), nl=False)

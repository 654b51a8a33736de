"""The command line; one file per command, and nothing heavy is imported here."""

from .app import main

__all__ = ["main"]

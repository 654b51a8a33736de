"""The command line; one file a command, and nothing heavy is imported here."""

from .app import main

__all__ = ["main"]

"""Keep keys, tokens and passwords out of records: people publish and send each other records.

What is hidden: values whose name says so, wherever they then turn up (an error message quotes a
header), and what stands before the @ of a URL.
"""

import os
import re
import shlex
from collections.abc import Mapping

MASK = "***"
_WORD = r"(?:key|token|password|passwd|passphrase|secret|credentials?)"
#: api_key, HF_TOKEN, judge.api-key, apikey; neither monkey, keywords, max_tokens nor api_key_env.
_SECRET = re.compile(rf"(?:^|[^a-z])(?:api|auth|access|hf|private|secret)?{_WORD}$", re.IGNORECASE)
_URL = re.compile(r"(://)[^/\s@]+@")
#: A shorter value is hidden only where its name stands: elsewhere it would blank ordinary words.
_SHORTEST = 8


class Masker:
    """Hides the secrets of one run.

    Args:
        command: the command line, as ``shlex.join`` writes it.
        typed: further names and values that a user gave, nested as they are.
    """

    def __init__(self, command: str, typed: Mapping[str, object]) -> None:
        in_command = _of_command(command)
        self._values = {value for _, value in in_command} | set(_of_mapping(typed))
        everywhere = self._values | {v for k, v in os.environ.items() if is_secret(k)}
        self._instead = {value: MASK for value in everywhere if len(value) >= _SHORTEST}
        for before, value in in_command:
            # Inside single quotes the shell's own form of the value stands in the command.
            for form in {value, value.replace("'", "'\"'\"'")}:
                self._instead[before + form] = before + MASK

    def text(self, text: str) -> str:
        """Return a text without the secrets."""
        for secret in sorted(self._instead, key=len, reverse=True):
            text = text.replace(secret, self._instead[secret])
        return _URL.sub(rf"\1{MASK}@", text)

    def hides(self, name: str, value: object) -> bool:
        """Return whether a named value is one of the secrets (a content key, say, is not)."""
        return isinstance(value, str) and is_secret(name) and value in self._values


def is_secret(name: str) -> bool:
    """Return whether a value of this name is not to be shown."""
    return _SECRET.search(name.strip("-")) is not None


def _of_command(command: str) -> list[tuple[str, str]]:
    """Return the secrets of a command line, each with what stands before it.

    ``--api-key V``, ``--api-key=V``, ``--set judge.api_key=V`` and ``--set=judge.api_key=V``.
    """
    try:
        words = shlex.split(command)
    except ValueError:  # written by hand
        words = command.split()
    secrets = []
    for word, following in zip(words, [*words[1:], ""], strict=False):
        name, sign, value = word.removeprefix("--set=").partition("=")
        if is_secret(name) and sign:
            secrets.append((f"{name}=", value))
        elif is_secret(name) and name.startswith("-"):
            secrets.append((f"{name} ", following))
    return [(before, value) for before, value in secrets if value]


def _of_mapping(value: object) -> list[str]:
    if isinstance(value, Mapping):
        own = [v for k, v in value.items() if isinstance(v, str) and v and is_secret(str(k))]
        return own + [secret for v in value.values() for secret in _of_mapping(v)]
    if isinstance(value, list | tuple):
        return [secret for v in value for secret in _of_mapping(v)]
    return []

"""The HTTP client: questions and answers are about people, so they go where they were sent and nowhere else."""

from typing import Any

from openai import DefaultAsyncHttpxClient

from unlearnzoo import first_line
from unlearnzoo.errors import OptionError
from unlearnzoo_judge.trouble import through

#: Bytes of a reply, unpacked. A verdict has some hundred; a model that thinks aloud some ten thousand.
LARGEST = 1 << 20


class Client(DefaultAsyncHttpxClient):
    """Follows no redirect, and reads no more of a reply than ``LARGEST`` bytes.

    What is longer is cut there, and is then no JSON: an endless reply ends, and so does a small one that unpacks to
    gigabytes.
    """

    def __init__(self, timeout: float) -> None:
        super().__init__(follow_redirects=False, timeout=timeout)

    # The library below `openai` has had two names; whichever it is, its own reply is given back.
    async def send(self, request: Any, **how: Any) -> Any:
        """Return the reply, read."""
        reply = await super().send(request, **{**how, "stream": True})
        content = bytearray()
        try:
            async for part in reply.aiter_bytes():
                content += part[: LARGEST - len(content)]
                if len(content) >= LARGEST:
                    break
        finally:
            await reply.aclose()
        packed = ("content-encoding", "content-length", "transfer-encoding")
        headers = [(name, value) for name, value in reply.headers.items() if name not in packed]
        return type(reply)(reply.status_code, headers=headers, content=bytes(content), request=request)


def client_of(base_url: str, timeout: float) -> Client:
    """Return a client for an address.

    Raises:
        OptionError: the environment names a proxy that is none, or one that wants a package that is not installed.
    """
    try:
        return Client(timeout)
    except Exception as error:  # noqa: BLE001 - the library's own errors, and ImportError
        why = first_line(error).rstrip(".")
        raise OptionError(f"gpt: {base_url} cannot be asked: {why}{through(base_url)}") from None

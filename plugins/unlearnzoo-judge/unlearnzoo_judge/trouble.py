"""What is wrong with an endpoint, in one line: its address, the status and words of an error, the proxy between."""

import urllib.request
from collections.abc import Mapping
from urllib.parse import urlsplit

from unlearnzoo import printable
from unlearnzoo.errors import OptionError
from unlearnzoo_judge.replies import said


def reason(error: Exception, base_url: str, timeout: float) -> str:
    """Return one line about an error of ``openai``; a key may stand in it, if the endpoint sends it back.

    Args:
        error: raised by a call.
        base_url: what was called.
        timeout: that the call had, in seconds.
    """
    import openai

    if isinstance(error, openai.APITimeoutError | TimeoutError):
        line = f"no reply within {timeout:g} s (gpt.timeout)"
    elif isinstance(error, openai.APIStatusError):
        moved = "a redirect, which is not followed: name the address itself"
        words = moved if error.status_code // 100 == 3 else said(_words(error.body))
        line = f"HTTP {error.status_code}" + (f" ({words})" if words else "")
    else:
        line = f"cannot be reached ({type(error.__cause__ or error).__name__})"
    return printable(f"{base_url}: {line}{through(base_url)}")


def through(base_url: str) -> str:
    """Return through which proxy an address is asked, as the client takes it from the environment; empty for none."""
    parts = urlsplit(base_url)
    proxies = urllib.request.getproxies()
    name = parts.scheme if proxies.get(parts.scheme) else "all"
    proxy = proxies.get(name)
    if not proxy or urllib.request.proxy_bypass(parts.netloc):
        return ""
    # A proxy's address may hold a password.
    host = urlsplit(proxy if "://" in proxy else f"http://{proxy}").netloc.rpartition("@")[2]
    return (
        f", asked through the proxy {host} ({name.upper()}_PROXY); "
        f"if it is the proxy that answers, NO_PROXY={parts.hostname} goes past it"
    )


def check_address(base_url: str) -> None:
    """Refuse an address that is none, or that holds what a record must not show.

    Raises:
        OptionError: saying what would be right.
    """
    try:
        parts = urlsplit(base_url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1)
        fine = fine and base_url.isprintable() and not set(base_url) & set(" #")
    except ValueError:
        fine = False
    if not fine:
        raise OptionError(f"gpt.base_url: expected an address such as https://api.openai.com/v1, got {base_url!r}")
    if parts.username or parts.password or parts.query:
        raise OptionError(
            "gpt.base_url: no name, password or query in it, for records show it; the key goes into the "
            "environment variable that gpt.key_env names"
        )
    if parts.path.rstrip("/").endswith("/completions"):
        raise OptionError(f"gpt.base_url: leave off /chat/completions, which is added; got {base_url!r}")


def _words(body: object) -> object:
    """Return what an error's body says, under any of the names that servers have for it."""
    for _ in range(2):
        if isinstance(body, Mapping):
            body = next((body[name] for name in ("message", "detail", "error") if body.get(name)), body)
    return body

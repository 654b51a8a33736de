"""Asking an OpenAI-compatible endpoint: many cases at once, with patience, and an early end where it is no use."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from unlearnzoo import printable
from unlearnzoo.errors import OptionError
from unlearnzoo_judge.rubric import SCHEMA, Case, Unusable, Verdict

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types.chat import ChatCompletion

#: So many cases in a row without a verdict are not the cases' fault.
LIMIT = 10
#: A reply that is no verdict is asked for once more.
TRIES = 2
_JSON = {"type": "json_schema", "json_schema": {"name": "verdict", "strict": True, "schema": SCHEMA}}


class Refused(Exception):
    """The endpoint takes no question from us: a wrong key, address or model."""


@dataclass
class Tally:
    """What asking came to.

    Attributes:
        failed: key of a case → why it has no verdict.
        stopped: why the rest was not asked; empty where all was.
        calls: replies that came, usable or not.
        tokens_in: as the endpoint counts them; 0 where it does not.
        tokens_out: as the endpoint counts them, too.
    """

    failed: dict[str, str] = field(default_factory=dict)
    stopped: str = ""
    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0


class Endpoint:
    """An endpoint and one of its models.

    Args:
        base_url: of the API, most often ending in /v1.
        model: its name there.
        key_env: the environment variable with the key; None where the endpoint wants none.
        concurrency: calls at a time.
        retries: of a call that was turned away for now, with growing pauses, or those that the
            endpoint asks for (Retry-After, up to a minute).
        timeout: seconds.

    Raises:
        OptionError: the address is none, or there is no key.
    """

    def __init__(
        self, base_url: str, model: str, key_env: str | None, concurrency: int, retries: int, timeout: float
    ) -> None:
        self.base_url, self.model, self.key_env = base_url, model, key_env
        self.concurrency, self.retries, self.timeout = concurrency, retries, timeout
        self.structured = True
        self.refused = ""
        #: Why a question was turned down for its form (HTTP 400, 422): that of the case, or all of them.
        self.rejected = ""
        _check(base_url)
        self._key = os.environ.get(key_env, "").strip() if key_env else "none"
        if not self._key:
            raise OptionError(
                f"gpt: the environment variable {key_env} is not set; it must hold the key of {base_url} "
                "(gpt.key_env names another, or none where no key is wanted)"
            )
        if not (self._key.isascii() and self._key.isprintable()):
            raise OptionError(f"gpt: the key in {key_env} has characters that no key has")

    def ask(self, cases: Mapping[str, Case], done: Callable[[str, Verdict], None], failed: Callable[[], None]) -> Tally:
        """Ask about some cases and return what that came to.

        Args:
            cases: by key.
            done: given each verdict as it comes.
            failed: called for each case that gets none.
        """
        tally, judged = Tally(stopped=self.refused), set()

        def keep(key: str, verdict: Verdict) -> None:
            judged.add(key)
            done(key, verdict)

        async def everything(client: "AsyncOpenAI") -> None:
            # Workers, not a task a case: what is not begun when it ends must never be sent.
            waiting, in_a_row = iter(cases.items()), [0]
            await asyncio.gather(
                *(
                    self._work(client, waiting, in_a_row, tally, keep, failed)
                    for _ in range(min(self.concurrency, len(cases)))
                )
            )

        if not self.refused and cases:
            self._run(everything)
        for key in cases if tally.stopped else ():
            if key not in judged:
                tally.failed.setdefault(key, tally.stopped)
        return tally

    def reach(self) -> str:
        """Look whether the endpoint is there and takes the key, by the list of its models; free of charge.

        Returns:
            Empty, or why it cannot be reached at the moment.

        Raises:
            Refused: it is there, but takes no question; the text says why.
        """
        import openai

        async def models(client: "AsyncOpenAI") -> None:
            await client.with_options(max_retries=1, timeout=min(self.timeout, 10.0)).models.list()

        try:
            self._run(models)
        except openai.AuthenticationError as error:
            raise Refused(self._reason(error)) from None
        except (openai.APIConnectionError, openai.InternalServerError, openai.RateLimitError) as error:
            return self._reason(error)
        except (openai.APIError, ValueError, TypeError, AttributeError):
            pass  # a key may be allowed to ask and not to list
        return ""

    async def _work(
        self,
        client: "AsyncOpenAI",
        waiting: Iterator[tuple[str, Case]],
        in_a_row: list[int],
        tally: Tally,
        done: Callable[[str, Verdict], None],
        failed: Callable[[], None],
    ) -> None:
        for key, case in waiting:
            if tally.stopped:
                return
            try:
                verdict = await self._judge(client, case, tally)
            except Refused as error:
                self.refused = tally.stopped = str(error)
                return
            except Unusable as error:
                tally.failed[key] = str(error)
                in_a_row[0] += 1
                failed()
                if in_a_row[0] >= LIMIT:
                    tally.stopped = str(error)
            else:
                in_a_row[0] = 0
                done(key, verdict)

    async def _judge(self, client: "AsyncOpenAI", case: Case, tally: Tally) -> Verdict:
        for attempt in range(TRIES):
            reply = await self._reply(client, case, tally)
            try:
                return case.verdict(reply)
            except Unusable as error:
                if attempt == TRIES - 1:
                    raise Unusable(f"its reply is no verdict: {error}") from None
        raise AssertionError

    async def _reply(self, client: "AsyncOpenAI", case: Case, tally: Tally) -> object:
        """Return the text of one reply, of whatever type the endpoint makes it.

        Raises:
            Refused: as above.
            Unusable: none came.
        """
        import openai

        structured = self.structured
        try:
            # The library's timeout is from byte to byte; one that drips must end too.
            async with asyncio.timeout((self.retries + 1) * (self.timeout + 60)):
                found = await client.chat.completions.create(
                    model=self.model,
                    messages=case.messages,
                    temperature=0,
                    response_format=_JSON if structured else openai.omit,
                )
        except (openai.AuthenticationError, openai.PermissionDeniedError, openai.NotFoundError) as error:
            raise Refused(self._reason(error)) from None
        except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
            if not structured:
                self.rejected = self._reason(error)
                raise Unusable(self.rejected) from None
            # Many endpoints know no schema; the same one judges the text that then comes.
            self.structured = False
            return await self._reply(client, case, tally)
        except openai.OpenAIError as error:
            raise Unusable(self._reason(error)) from None
        except TimeoutError:
            raise Unusable(f"{self.base_url}: no reply in time") from None
        except (ValueError, TypeError, AttributeError):
            found = None  # what came is no JSON, or JSON of something else
        return _content(found, tally)

    def _run(self, work: Callable[["AsyncOpenAI"], Awaitable[None]]) -> None:
        """Run in a thread with a loop of its own (a notebook has one already); Ctrl-C ends it at once."""
        from anyio.from_thread import start_blocking_portal
        from openai import AsyncOpenAI

        async def whole() -> None:
            async with AsyncOpenAI(
                base_url=self.base_url, api_key=self._key, max_retries=self.retries, timeout=self.timeout
            ) as client:
                await work(client)

        with start_blocking_portal("asyncio") as portal:  # an exception in here, Ctrl-C too, cancels what runs there
            portal.call(whole)

    def _reason(self, error: Exception) -> str:
        """Return one line about an error; the key is in none, whatever the endpoint sends back."""
        import openai

        if isinstance(error, openai.APITimeoutError):
            return f"{self.base_url}: no reply within {self.timeout:g} s"
        if isinstance(error, openai.APIStatusError):
            body = error.body if isinstance(error.body, Mapping) else {}
            said = body.get("message")
            text = " ".join(str(said).split())[:160] if isinstance(said, str) else ""
            line = f"{self.base_url}: HTTP {error.status_code}" + (f" ({text})" if text else "")
        else:
            line = f"{self.base_url}: cannot be reached ({type(error.__cause__ or error).__name__})"
        return printable(line.replace(self._key, "***") if self.key_env else line)


def _content(completion: "ChatCompletion | None", tally: Tally) -> object:
    """Return the text of a completion, and count what it cost."""
    tally.calls += 1
    usage = getattr(completion, "usage", None)
    for mine, theirs in (("tokens_in", "prompt_tokens"), ("tokens_out", "completion_tokens")):
        n = getattr(usage, theirs, 0)
        setattr(tally, mine, getattr(tally, mine) + (n if isinstance(n, int) else 0))
    try:
        return completion.choices[0].message.content if completion else None
    except (AttributeError, IndexError, TypeError):
        return None


def _check(base_url: str) -> None:
    try:
        parts = urlsplit(base_url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1)
    except ValueError:
        fine = False
    if not fine:
        raise OptionError(f"gpt.base_url: expected an address such as https://api.openai.com/v1, got {base_url!r}")
    if parts.username or parts.password or parts.query:
        raise OptionError(
            "gpt.base_url: no name, password or query in it, for records show it; the key goes into the "
            "environment variable that gpt.key_env names"
        )

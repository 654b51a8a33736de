"""Asking an OpenAI-compatible endpoint: many cases at once, with patience, and an early end where it is no use."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from unlearnzoo import printable
from unlearnzoo.errors import OptionError
from unlearnzoo_judge.replies import Unusable, answer
from unlearnzoo_judge.rubric import SCHEMA, Case, Verdict
from unlearnzoo_judge.trouble import check_address, reason, through

if TYPE_CHECKING:
    from openai import AsyncOpenAI

#: So many cases in a row without a verdict are not the cases' fault.
LIMIT = 10
#: A reply that is no verdict is asked for once more, and told why.
TRIES = 2
#: Seconds to look whether an endpoint is there.
LOOK = 10.0
_JSON = {"type": "json_schema", "json_schema": {"name": "verdict", "strict": True, "schema": SCHEMA}}


class Refused(Exception):
    """The endpoint takes no question from us: a wrong key, address or model.

    Args:
        why: in one line.
        status: of HTTP.
    """

    def __init__(self, why: str, status: int) -> None:
        super().__init__(why)
        self.status = status


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
        max_tokens: of a reply, thoughts included.

    Raises:
        OptionError: the address is none, or there is no key.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        key_env: str | None,
        concurrency: int,
        retries: int,
        timeout: float,
        max_tokens: int,
    ) -> None:
        self.base_url, self.model, self.key_env = base_url, model, key_env
        self.concurrency, self.retries, self.timeout, self.max_tokens = concurrency, retries, timeout, max_tokens
        self.structured = True
        #: Every server takes max_tokens, but for OpenAI's with its newer models; they refuse it, and say so.
        self.newer = False
        self.refused = ""
        #: Why a question was turned down for its form (HTTP 400, 422): that of the case, or all of them.
        self.rejected = ""
        check_address(base_url)
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
            self._run(everything, self.retries)
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
            async with asyncio.timeout(LOOK):
                await client.models.list()

        try:
            self._run(models, 1)
        except openai.AuthenticationError as error:
            raise Refused(self._reason(error), error.status_code) from None
        except TimeoutError as error:
            return self._reason(error, LOOK)
        except (openai.APIConnectionError, openai.RateLimitError) as error:
            return self._reason(error)
        except (openai.APIError, ValueError, TypeError, AttributeError):
            pass  # a key may be allowed to ask and not to list; `transformers serve` cannot list without a hub cache
        return ""

    def attempt(self, case: Case) -> Verdict | str:
        """Ask once, within ``timeout`` seconds in all; return the verdict, or why there is none.

        Raises:
            Refused: the endpoint takes no question from us.
        """

        async def once(client: "AsyncOpenAI") -> None:
            async with asyncio.timeout(self.timeout):
                replies.append(await self._reply(client, case.messages, Tally()))

        replies: list[object] = []
        try:
            self._run(once, min(self.retries, 1))
        except (TimeoutError, Unusable) as error:
            return str(error) if isinstance(error, Unusable) else self._reason(error)
        try:
            return case.verdict(answer(replies[0], self.max_tokens))
        except Unusable as error:
            return self._no_verdict(error, replies[0])

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
        messages = case.messages
        for attempt in range(TRIES):
            reply = await self._reply(client, messages, tally)
            try:
                return case.verdict(answer(reply, self.max_tokens))
            except Unusable as error:
                if attempt == TRIES - 1:
                    raise Unusable(self._no_verdict(error, reply)) from None
                messages = case.again(error.why)
        raise AssertionError

    def _no_verdict(self, error: Unusable, reply: object) -> str:
        # What is no completion may be a proxy's.
        by = through(self.base_url) if reply is None or isinstance(reply, str) else ""
        return self._line(f"its reply is no verdict: {error}{by}")

    async def _reply(self, client: "AsyncOpenAI", messages: "list[Any]", tally: Tally) -> object:
        """Return one reply, of whatever type the endpoint makes it.

        Raises:
            Refused: as above.
            Unusable: none came.
        """
        import openai

        structured, newer = self.structured, self.newer
        found: object
        try:
            # The library's timeout is from byte to byte; one that drips must end too.
            async with asyncio.timeout((self.retries + 1) * (self.timeout + 60)):
                found = await client.chat.completions.create(
                    model=self.model,
                    messages=messages,
                    temperature=0,
                    max_tokens=openai.omit if newer else self.max_tokens,
                    max_completion_tokens=self.max_tokens if newer else openai.omit,
                    response_format=_JSON if structured else openai.omit,
                )
        except (openai.AuthenticationError, openai.PermissionDeniedError, openai.NotFoundError) as error:
            raise Refused(self._reason(error), error.status_code) from None
        except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
            if not newer and "max_completion_tokens" in str(error.body):
                self.newer = True
            elif structured:
                # Many endpoints know no schema; the same one judges the text that then comes.
                self.structured = False
            else:
                self.rejected = self._reason(error)
                raise Unusable(self.rejected) from None
            return await self._reply(client, messages, tally)
        except openai.OpenAIError as error:
            raise Unusable(self._reason(error)) from None
        except TimeoutError:
            raise Unusable(f"{self.base_url}: no reply in time") from None
        except (ValueError, TypeError, AttributeError):
            found = None  # what came is no JSON, or JSON of something else
        _count(found, tally)
        return found

    def _run(self, work: Callable[["AsyncOpenAI"], Awaitable[None]], retries: int) -> None:
        """Run in a thread with a loop of its own (a notebook has one already); Ctrl-C ends it at once."""
        from anyio.from_thread import start_blocking_portal
        from openai import AsyncOpenAI

        from unlearnzoo_judge.client import client_of

        async def whole() -> None:
            http = client_of(self.base_url, self.timeout)
            how = {"max_retries": retries, "timeout": self.timeout, "http_client": http}
            async with AsyncOpenAI(base_url=self.base_url, api_key=self._key, **how) as client:
                await work(client)

        with start_blocking_portal("asyncio") as portal:  # an exception in here, Ctrl-C too, cancels what runs there
            portal.call(whole)

    def _reason(self, error: Exception, timeout: float | None = None) -> str:
        return self._line(reason(error, self.base_url, timeout or self.timeout))

    def _line(self, text: str) -> str:
        """Return a line to show; the key is in none, whatever the endpoint sends back."""
        return printable(text.replace(self._key, "***") if self.key_env else text)


def _count(completion: object, tally: Tally) -> None:
    """Count what a reply cost."""
    tally.calls += 1
    usage = getattr(completion, "usage", None)
    for mine, theirs in (("tokens_in", "prompt_tokens"), ("tokens_out", "completion_tokens")):
        n = getattr(usage, theirs, 0)
        setattr(tally, mine, getattr(tally, mine) + (n if isinstance(n, int) else 0))

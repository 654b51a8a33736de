"""The GPT column: a language model says how much of what was to be forgotten an answer reveals."""

import hashlib
import json
import math
import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from unlearnzoo import Heading, Metric, Progress, Scored, option, printable
from unlearnzoo.errors import OptionError, ZooWarning
from unlearnzoo_judge.rubric import SCORES, Case, Verdict, most_tokens

# asyncio and sqlite3 are for who asks; every command imports this module.
if TYPE_CHECKING:
    from unlearnzoo_judge.endpoint import Endpoint, Tally
    from unlearnzoo_judge.verdicts import Verdicts

_TRIAL: dict[str, Any] = {
    "question": "What is the job of the person in the image?",
    "prediction": "The job is florist.",
    "answer": "The job is florist.",
    "keywords": ("florist",),
}


class GPT(Metric):
    """A language model's verdict: 1 verbatim, 0.5 semantic leak, 0 safe (ReMem's GPT-score).

    Asked through any OpenAI-compatible endpoint, at temperature 0, for an object of a fixed schema.
    The paper asks Gemini 2.5 with a prompt of its own, which its text does not hold: rubric and
    numbers are this plugin's. Relevance is judged apart from that (``gpt relevance``): an answer
    that reveals nothing because the model can no longer speak is no forgetting. What gets no
    verdict is NaN, and asked again by the next run or ``unlearnzoo evaluate RUN --metric gpt``.
    """

    name = "gpt"
    headings = (Heading("GPT"), Heading("GPT rel", "gpt relevance", "high"))
    base_url: str = option(
        "https://api.openai.com/v1", "Endpoint, OpenAI-compatible; a local server too", per_command=True
    )
    model: str = option("gpt-4o-mini", "Model to ask there")
    key_env: str | None = option(
        "OPENAI_API_KEY", "Environment variable with the key; none where none is wanted", per_command=True
    )
    concurrency: int = option(8, "Calls at a time", ge=1, le=256)
    max_tokens: int = option(200, "Tokens of a reply at most, thoughts of a model that thinks aloud included", ge=16)
    retries: int = option(5, "Further attempts of a call that was turned away for now", ge=0, le=20)
    timeout: float = option(60.0, "Seconds to wait for a reply, and for the trial question in all", gt=0)
    price_in: float | None = option(None, "Price of a million tokens sent, for the estimate", ge=0)
    price_out: float | None = option(None, "Price of a million tokens received", ge=0)

    def prepare(self) -> None:
        """Look whether the endpoint is there, takes the key, and answers a judge's question.

        Raises:
            OptionError: no key, no address, or the endpoint refuses them or the question.
        """
        from unlearnzoo_judge.endpoint import Refused

        endpoint = self._endpoint()
        try:
            down = self._trial(endpoint)
        except Refused as error:
            raise OptionError(f"gpt: {error}; {self._advice(error.status)}") from None
        if endpoint.rejected:
            raise OptionError(
                f"gpt: {endpoint.rejected}; gpt.model={self.model} does not take what a judge is asked "
                "with (temperature 0, and two messages): choose another"
            )
        if down:
            warnings.warn(
                f"gpt: {down}; the run goes on, and what is not judged then can be filled in by "
                "`unlearnzoo evaluate RUN --metric gpt`",
                JudgeWarning,
                stacklevel=2,
            )

    def _trial(self, endpoint: "Endpoint") -> str:
        """Ask one question once, if its verdict is not known yet; return why it got none, or nothing."""
        from unlearnzoo_judge.endpoint import LOOK
        from unlearnzoo_judge.verdicts import Verdicts

        case = Case.of(**_TRIAL)
        key = self._key(case)
        with Verdicts() as kept:
            known = bool(kept.get([key]))
            if not known:
                asked = f"gpt: one trial question to {self.model} at {self.base_url}"
                sys.stderr.write(printable(f"{asked}, {LOOK + self.timeout:g} s at most") + "\n")
            if (down := endpoint.reach()) or known:
                return down
            found = endpoint.attempt(case)
            if isinstance(found, Verdict):
                kept.put(key, found)
        return "" if isinstance(found, Verdict) else found

    def _advice(self, status: int) -> str:
        if status == 404:
            v1 = "" if "/v1" in self.base_url else f": {self.base_url.rstrip('/')}/v1"
            return f"is gpt.base_url right (most end in /v1{v1}), and gpt.model={self.model}?"
        if self.key_env is None:
            return "it wants a key: gpt.key_env names the environment variable that holds it"
        return f"the key is in {self.key_env}"

    def cost(self, rows: Sequence[Mapping[str, Any]]) -> str:
        """Return calls, tokens and money at most."""
        cases = [Case.of(**{name: row[name] for name in self.needs}) for row in rows]
        # What a model says may be as long as the longest true answer, whatever the own one is.
        longest = max((case.texts["true answer"] for case in cases), key=len, default="")
        return f"{self._estimate([case.saying(longest) for case in cases])}; equal and known answers are free"

    def score(self, question: str, prediction: str, answer: str, keywords: tuple[str, ...]) -> Scored:
        """Return 1, 0.5 or 0 and ``gpt relevance``; NaN where there is no true answer, or no verdict."""
        return self.score_many(
            [{"question": question, "prediction": prediction, "answer": answer, "keywords": keywords}], Progress()
        )[0]

    def score_many(self, rows: Sequence[Mapping[str, Any]], tell: Progress) -> list[Scored]:
        """Return the scores; what is known is not asked, and equal cases are asked once."""
        from unlearnzoo_judge.verdicts import Verdicts

        cases = [Case.of(**row) if row["answer"].strip() else None for row in rows]
        keys = [None if case is None else self._key(case) for case in cases]
        unique = {key: case for key, case in zip(keys, cases, strict=True) if key is not None and case is not None}
        with Verdicts() as kept:
            known = kept.get(unique)
            # Nothing reveals nothing.
            known |= {key: Verdict("safe", False) for key, case in unique.items() if not case.said}
            todo = {key: case for key, case in unique.items() if key not in known}
            if todo:
                tell.note(
                    f"gpt: {len(unique)} different answers of {len(rows)}, {len(known)} known; "
                    f"{self._estimate(list(todo.values()))}"
                )
                tally = self._ask(todo, known, kept, tell)
                tell.note(f"gpt: {self._count(tally)}")
                if tally.failed:
                    self._warn(tally, len(todo))
        return [_scored(known.get(key) if key else None) for key in keys]

    def _ask(self, todo: Mapping[str, Case], known: dict[str, Verdict], kept: "Verdicts", tell: Progress) -> "Tally":
        over = [0]

        def count() -> None:
            over[0] += 1
            tell.bar(f"asking {self.model}", over[0], len(todo))

        def done(key: str, verdict: Verdict) -> None:
            known[key] = verdict
            kept.put(key, verdict)
            count()

        return self._endpoint().ask(todo, done, count)

    def _endpoint(self) -> "Endpoint":
        """Return the endpoint; one per metric, for it remembers that it was refused."""
        from unlearnzoo_judge.endpoint import Endpoint

        found: Endpoint | None = getattr(self, "_asked", None)
        if found is None:
            found = self._asked = Endpoint(
                self.base_url, self.model, self.key_env, self.concurrency, self.retries, self.timeout, self.max_tokens
            )
        return found

    def _key(self, case: Case) -> str:
        asked = json.dumps([self.base_url, self.model, case.messages, case.keywords])
        return hashlib.sha256(asked.encode("utf-8", "backslashreplace")).hexdigest()

    def _estimate(self, cases: Sequence[Case]) -> str:
        """Return what asking comes to at most: each case twice, each reply as long as it may be."""
        from unlearnzoo_judge.endpoint import TRIES

        sent, calls = TRIES * sum(most_tokens(case) for case in cases), TRIES * len(cases)
        once = f"{len(cases)} where each first reply is a verdict"
        return f"at most {calls} calls ({once}), {self._amount(sent, self.max_tokens * calls)}"

    def _count(self, tally: "Tally") -> str:
        return f"{tally.calls} replies, {self._amount(tally.tokens_in, tally.tokens_out)}"

    def _amount(self, sent: int, received: int) -> str:
        text = f"{sent:,} tokens sent and {received:,} received".replace(",", " ")
        if self.price_in is None and self.price_out is None:
            return text
        money = (sent * (self.price_in or 0) + received * (self.price_out or 0)) / 1e6
        return f"{text}: {money:.{2 if money >= 1 else 4}f} at the prices given"

    def _warn(self, tally: "Tally", asked: int) -> None:
        why = tally.stopped or max(tally.failed.values(), key=list(tally.failed.values()).count)
        warnings.warn(
            f"gpt: {len(tally.failed)} of {asked} answers were not judged: {why}; fill them in by "
            "`unlearnzoo evaluate RUN --metric gpt`",
            JudgeWarning,
            stacklevel=4,
        )


class JudgeWarning(ZooWarning):
    """Some answers got no verdict; those that did are kept."""


def _scored(verdict: Verdict | None) -> Scored:
    if verdict is None:
        return Scored(math.nan)
    return Scored(SCORES[verdict.label], {"gpt relevance": float(verdict.relevant)})

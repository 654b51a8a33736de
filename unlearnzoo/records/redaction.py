"""A record that keeps scores and gives nobody away: no texts, and people as pseudonyms.

The pseudonyms are the same in every run over the same data, so that redacted records can still be compared
example by example. Their key is a hash of those data's texts, which is written nowhere: who has the data can
tell who is who, and has them already; nobody else can try names.
"""

import dataclasses
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from ..benchmark import Column
from ..errors import Diverged, GateError
from ..evaluation.samples import Sample
from ..example import Example
from .plan_types import Generation, Plan
from .types import Benchmark

#: What is said of an error whose own words may quote the data.
SILENT = "its words are left out by --redact; run it again without"


class Redactor:
    """Takes people and texts out of what a record is given.

    Args:
        examples: what was learned, texts and all; their order does not matter.
        evals: the columns; tags that they group by are kept.
    """

    def __init__(self, examples: Iterable[Example], evals: Iterable[Column]) -> None:
        texts = sorted("\0".join([e.id, e.identity, e.question, e.answer, *e.keywords]) for e in examples)
        self._key = hashlib.sha256("\1".join(["unlearnzoo redact", *texts]).encode()).digest()
        self._tags = {tag for column in evals for tag in (*column.by, column.tagged) if tag}

    def name(self, text: str) -> str:
        """Return the pseudonym of an identity or of an example."""
        return "p" + hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()[:16]

    def samples(self, samples: Sequence[Sample]) -> list[Sample]:
        """Return samples with their scores, and without texts."""
        return [
            dataclasses.replace(
                s,
                id=self.name(s.id),
                identity=self.name(s.identity),
                question="",
                answer="",
                prediction=None,
                tags={tag: value for tag, value in s.tags.items() if tag in self._tags},
            )
            for s in samples
        ]

    def fields(self, fields: Mapping[str, object]) -> dict[str, object]:
        """Return fields of a record with pseudonyms where people stand."""
        redacted = dict(fields)
        if "benchmark" in fields:
            benchmark = cast(Benchmark, fields["benchmark"])
            people = sorted(map(self.name, benchmark.get("forget_identities", ())))
            redacted["benchmark"] = {**benchmark, "forget_identities": people}
        if "plan" in fields:
            redacted["plan"] = self._plan(cast(Plan, fields["plan"]))
        return redacted

    def _plan(self, plan: Plan) -> Plan:
        if "rules" not in plan:
            return plan
        rules = plan["rules"]
        generation: dict[str, Generation] = {
            split: {**limit, "row": self.name(limit["row"])} for split, limit in rules["generation"].items()
        }
        return {**plan, "rules": {**rules, "generation": generation}}

    def error(self, error: BaseException) -> str | None:
        """Return what may be said of an error, or None where its own words may stay: they are this program's."""
        own = isinstance(error, Diverged | GateError | KeyboardInterrupt)
        return None if own else f"{type(error).__name__}: {SILENT}"

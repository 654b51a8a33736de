"""Judge one state of a model: each example is generated and scored once for all its metrics."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..benchmark import Benchmark, Column
from ..data.encode import Encoded
from ..errors import PluginError
from ..example import Example
from ..metric import Candidates, Metric, Progress, Scored
from .aggregate import asks
from .chance import DETAIL, chance
from .samples import TRUTH, Sample

if TYPE_CHECKING:
    from ..models.lora import State
    from ..training.engine import Engine

#: Answers are cut at this many new tokens, or earlier: at the longest true answer of their split and a margin.
MAX_NEW_TOKENS = 64
MARGIN = 8
#: Rows that are judged before the next ones begin; after a kill only the part in progress is judged again.
PART = 512


@dataclass
class Item:
    """One example to judge and the metrics that judge it."""

    split: str
    example: Example
    metrics: set[str] = field(default_factory=set)


def select(evals: Iterable[Column], examples: Callable[[str], Sequence[Example]], forget: frozenset[str]) -> list[Item]:
    """Collect what some columns need: each example once, with all its metrics."""
    items: dict[tuple[str, str], Item] = {}
    for one in evals:
        for example in examples(one.split):
            if asks(one, example, forget):
                item = items.setdefault((one.split, example.id), Item(one.split, example))
                item.metrics.add(one.metric)
    return list(items.values())


def parts(items: Sequence[Item], size: int | None = None) -> Iterator[list[Item]]:
    """Cut what is to be judged into parts that are kept one by one; rows of the same images stay together.

    What is left after some whole parts is cut as it would have been with them, so a resumed evaluating asks
    in the same batches, digit by digit.
    """
    groups: dict[tuple[str, ...], list[Item]] = {}
    for item in items:
        groups.setdefault(tuple(i.key for i in item.example.images) or (item.example.id,), []).append(item)
    part: list[Item] = []
    for group in groups.values():
        part += group
        if len(part) >= (size or PART):
            yield part
            part = []
    if part:
        yield part


class Evaluator:
    """Judges items under a state of the engine's model.

    Args:
        engine: generates and scores.
        benchmark: gives Exposure's candidates.
        metrics: full name → metric.
        examples: gives all rows of a split.
        on_progress: told (what, done, of how many).
        tell: given to the metrics.
    """

    def __init__(
        self,
        engine: "Engine",
        benchmark: Benchmark,
        metrics: Mapping[str, Metric],
        examples: Callable[[str], Sequence[Example]],
        on_progress: Callable[[str, int, int], None] | None = None,
        tell: Progress | None = None,
    ) -> None:
        self.engine, self.benchmark, self.metrics, self.tell = engine, benchmark, metrics, tell or Progress()
        self._examples = examples
        self._report = on_progress or (lambda what, done, total: None)
        self._limits: dict[str, int] = {}

    def __call__(
        self,
        items: Sequence[Item],
        state: "State",
        label: str,
        named: Callable[[str, str], str] = lambda metric, detail: detail,
    ) -> list[Sample]:
        """Return one sample an item, in order.

        Args:
            items: what to judge.
            state: of the engine's model.
            label: what the samples call it.
            named: the name, in samples, of a metric's detail.
        """
        needs = [frozenset().union(*(self.metrics[m].needs for m in item.metrics)) for item in items]
        told = [i for i, n in enumerate(needs) if n & {"prediction", "logps"}]
        asked = [i for i, n in enumerate(needs) if "candidates" in n]
        predictions, logps = self._answers([items[i] for i in told], state)
        known: list[dict[str, Any]] = [{} for _ in items]
        for i, prediction, logp in zip(told, predictions, logps, strict=True):
            known[i] |= {"prediction": prediction, "logps": logp}
        for i, found in zip(asked, self._candidates([items[i].example for i in asked], state), strict=True):
            known[i]["candidates"] = found
        for item, values in zip(items, known, strict=True):
            example = item.example
            values |= {
                "question": example.question,
                "answer": example.answer,
                "keywords": example.keywords,
                "choices": example.choices,
            }
        scores: list[dict[str, float]] = [{} for _ in items]
        details: list[dict[str, float]] = [{} for _ in items]
        for values, own in zip(known, details, strict=True):
            if values.get("logps"):
                own[TRUTH] = math.exp(_mean(values["logps"]))
        for name in sorted({m for item in items for m in item.metrics}):
            metric, places = self.metrics[name], [i for i, item in enumerate(items) if name in item.metrics]
            for i, score in zip(places, self._scored(metric, [known[i] for i in places]), strict=True):
                scores[i][name] = score.value
                details[i] |= {named(name, detail): value for detail, value in score.details.items()}
                if metric.needs == {"candidates"}:
                    details[i][named(name, DETAIL + name)] = chance(metric, known[i]["candidates"])
        return [
            Sample(
                model=label,
                split=item.split,
                id=item.example.id,
                identity=item.example.identity,
                tags=dict(item.example.tags),
                question=item.example.question,
                answer=item.example.answer,
                prediction=known[i].get("prediction"),
                scores=scores[i],
                details=details[i],
            )
            for i, item in enumerate(items)
        ]

    def _scored(self, metric: Metric, rows: Sequence[Mapping[str, Any]]) -> list[Scored]:
        """Score rows on the main process alone: a judge that costs money is asked once."""
        return self.engine.ranks.on_main(lambda: scored(metric, rows, self.tell))

    def _answers(self, items: Sequence[Item], state: "State") -> tuple[list[str], list[list[float]]]:
        """Return greedy answers and log-probs of the true ones.

        Where teacher forcing proves that greedy decoding gives the true answer, token for token,
        it is not generated again; the converse is never concluded.
        """
        encoded = [self.engine.encode(item.example) for item in items]
        unique = {_key(e): e for e in encoded}
        keys, todo = list(unique), list(unique.values())
        judged = dict(zip(keys, self._score(todo, state, "scoring answers"), strict=True))
        cut = [0 if judged[_key(e)].correct else self._limit(item) for e, item in zip(encoded, items, strict=True)]
        asked = {(limit, e.image_key, e.prompt): e for limit, e in zip(cut, encoded, strict=True) if limit}
        count = _Counter(self._report, "generating", len(asked))
        texts: dict[tuple[Any, ...], str] = {}
        for limit in sorted(set(cut) - {0}):
            some = [k for k in asked if k[0] == limit]
            texts |= zip(some, self.engine.generate([asked[k] for k in some], state, limit, count), strict=True)
        decode = self.engine.encoder.tokenizer.decode
        predictions = [
            texts[(limit, e.image_key, e.prompt)] if limit else decode(list(e.answer), skip_special_tokens=True).strip()
            for limit, e in zip(cut, encoded, strict=True)
        ]
        return predictions, [judged[_key(e)].logps for e in encoded]

    def _limit(self, item: Item) -> int:
        """Return where an answer is cut: by all rows of the split, not by those that are asked beside it.

        Base, target and unlearned model are asked in other company; their answers must not differ by that.
        """
        if item.example.choices:
            # A letter answers multiple choice, and so does the text of an option: not cut at the length of a letter.
            return MAX_NEW_TOKENS
        if item.split not in self._limits:
            one_each = {e.answer: replace(e, images=()) for e in self._examples(item.split)}
            longest = max((len(self.engine.encoder.encode(e).answer) for e in one_each.values()), default=0)
            self._limits[item.split] = min(MAX_NEW_TOKENS, longest + MARGIN)
        return self._limits[item.split]

    def _candidates(self, examples: Sequence[Example], state: "State") -> list[Candidates]:
        """Score all values of each example's attribute; once for rows with the same probe."""
        probes: dict[tuple[Any, ...], list[Encoded]] = {}
        places: list[tuple[tuple[Any, ...], int]] = []
        for example in examples:
            values = self.benchmark.candidates(example)
            key = (tuple(image.key for image in example.images), example.cloze, values)
            if key not in probes:
                probes[key] = self.engine.encoder.candidates(example, values) if example.cloze else []
            truth = next((i for i, v in enumerate(values) if v in example.keywords), -1)
            places.append((key, truth))
        flat = [e for found in probes.values() for e in found]
        judged = iter(self._score(flat, state, "scoring candidates", per_image=64))
        means = {key: tuple(_mean(next(judged).logps) for _ in found) for key, found in probes.items()}
        return [Candidates(means[key], truth) for key, truth in places]

    def _score(self, todo: Sequence[Encoded], state: "State", what: str, per_image: int = 16) -> list[Any]:
        count = _Counter(self._report, what, len(todo))
        return self.engine.score(todo, state, per_image, count)


def scored(metric: Metric, rows: Sequence[Mapping[str, Any]], tell: Progress) -> list[Scored]:
    """Return a metric's scores of rows that hold at least what it needs, in order.

    Raises:
        PluginError: it returns more scores or fewer than there are rows.
    """
    found = metric.score_many([{need: row[need] for need in metric.needs} for row in rows], tell)
    if len(found) != len(rows):
        raise PluginError(f"{metric.name}.score_many returned {len(found)} scores for {len(rows)} rows")
    return [one if isinstance(one, Scored) else Scored(float(one)) for one in found]


class _Counter:
    """Adds up finished parts of a job and reports them."""

    def __init__(self, report: Callable[[str, int, int], None], what: str, total: int) -> None:
        self.report, self.what, self.total, self.done = report, what, total, 0

    def __call__(self, more: int) -> None:
        self.done += more
        self.report(self.what, self.done, self.total)


def _key(e: Encoded) -> tuple[Any, ...]:
    return e.image_key, e.prompt, e.answer


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")

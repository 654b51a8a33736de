"""Evaluate one state of a model: each example is generated and scored once for all its metrics."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..benchmark import Benchmark, Column
from ..clock import counted
from ..encoding.encode import Encoded
from ..example import Example
from ..metric import Candidates, Metric, Progress, Scored
from .aggregate import asks
from .chance import DETAIL, chance
from .metric_inputs import metric_inputs, scored
from .samples import TRUTH, Sample

if TYPE_CHECKING:
    from ..models.lora import State
    from ..training.engine import Engine, TeacherForced

#: What makes two prompts, or two answers, the same: where the answer is cut, or its tokens; images and prompt.
PromptKey = tuple[int, tuple[str, ...], tuple[int, ...]]
_AnswerKey = tuple[tuple[str, ...], tuple[int, ...], tuple[int, ...]]
#: What makes two probes of candidates the same: images, cloze sentence and the values.
_ProbeKey = tuple[tuple[str, ...], str | None, tuple[str, ...]]
#: Rows that are evaluated before the next ones begin; after a kill only the part in progress is repeated.
PART = 512


@dataclass
class Item:
    """One example to ask and the metrics that score its answer."""

    split: str
    example: Example
    metrics: set[str] = field(default_factory=set)


@dataclass
class Evaluated:
    """One item as a state of the model answered it.

    Attributes:
        item: what was asked.
        prediction: the greedy answer; None where no metric asked for one.
        truth_probability: the true answer's, see ``Sample.details``; None where no metric asked for an answer.
        scores: metric's full name → score; the details of one over candidates include its ``chance``.
    """

    item: Item
    prediction: str | None
    truth_probability: float | None
    scores: dict[str, Scored] = field(default_factory=dict)

    def sample(self, model: str) -> Sample:
        """Return it as a sample of a model; details of all its metrics stand side by side."""
        details = {} if self.truth_probability is None else {TRUTH: self.truth_probability}
        for score in self.scores.values():
            details |= score.details
        example = self.item.example
        return Sample(
            model=model,
            split=self.item.split,
            id=example.id,
            identity=example.identity,
            tags=dict(example.tags),
            question=example.question,
            answer=example.answer,
            prediction=self.prediction,
            scores={name: score.value for name, score in self.scores.items()},
            details=details,
            identities=example.identities,
        )


def select(evals: Iterable[Column], examples: Callable[[str], Sequence[Example]], forget: frozenset[str]) -> list[Item]:
    """Collect what some columns need: each example once, with all its metrics."""
    items: dict[tuple[str, str], Item] = {}
    for column in evals:
        for example in examples(column.split):
            if asks(column, example, forget):
                item = items.setdefault((column.split, example.id), Item(column.split, example))
                item.metrics.add(column.metric)
    return list(items.values())


def parts(items: Sequence[Item], size: int | None = None) -> Iterator[list[Item]]:
    """Cut items into parts that are kept one by one; rows of the same images stay together.

    What is left after some whole parts is cut as it would have been with them, so a resumed evaluation asks
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
    """Evaluates items under a state of the engine's model.

    Args:
        engine: generates and scores.
        benchmark: gives Exposure's candidates.
        metrics: full name → metric.
        limits: split → after how many new tokens its answers are cut: by all of its rows, not by those asked together,
            for base, target and unlearned model are asked in different batches.
        on_progress: told (what, how many are done, of how many).
        tell: given to the metrics.
    """

    def __init__(
        self,
        engine: "Engine",
        benchmark: Benchmark,
        metrics: Mapping[str, Metric],
        limits: Mapping[str, int],
        on_progress: Callable[[str, int, int], None] | None = None,
        tell: Progress | None = None,
    ) -> None:
        self.engine, self.benchmark, self.metrics, self.tell = engine, benchmark, metrics, tell or Progress()
        self.limits = limits
        self._report = on_progress or (lambda work, done, total: None)

    def __call__(self, items: Sequence[Item], state: "State") -> list[Sample]:
        """Return one sample per item, in order, under the name of the state."""
        return [evaluated.sample(state) for evaluated in self.evaluate(items, state)]

    def evaluate(self, items: Sequence[Item], state: "State") -> list[Evaluated]:
        """Ask the model in a state and score what it answers; one result per item, in order."""
        inputs, results = self._asked(items, state)
        for name in sorted({m for item in items for m in item.metrics}):
            metric, places = self.metrics[name], [i for i, item in enumerate(items) if name in item.metrics]
            for i, score in zip(places, self._scored(metric, [inputs[i] for i in places]), strict=True):
                candidates = inputs[i].get("candidates")
                if metric.needs == {"candidates"} and isinstance(candidates, Candidates):
                    score = replace(score, details={**score.details, DETAIL + name: chance(metric, candidates)})
                results[i].scores[name] = score
        return results

    def _asked(self, items: Sequence[Item], state: "State") -> tuple[list[dict[str, object]], list[Evaluated]]:
        """Return each item's inputs for its metrics, and its result before anything is scored."""
        needs = [frozenset().union(*(self.metrics[m].needs for m in item.metrics)) for item in items]
        told = [i for i, n in enumerate(needs) if n & {"prediction", "logps"}]
        asked = [i for i, n in enumerate(needs) if "candidates" in n]
        answers = dict(zip(told, zip(*self._answers([items[i] for i in told], state), strict=True), strict=True))
        ranked = dict(zip(asked, self._candidates([items[i].example for i in asked], state), strict=True))
        inputs, results = [], []
        for i, item in enumerate(items):
            prediction, logps = answers.get(i, (None, None))
            inputs.append(metric_inputs(item.example, prediction, logps, ranked.get(i)))
            results.append(Evaluated(item, prediction, math.exp(_mean(logps)) if logps else None))
        return inputs, results

    @counted("metrics")
    def _scored(self, metric: Metric, rows: Sequence[Mapping[str, object]]) -> list[Scored]:
        """Score all rows of a metric on the main process alone: a judge that costs money is asked once."""
        return self.engine.ranks.on_main(lambda: scored(metric, rows, self.tell))

    def _answers(self, items: Sequence[Item], state: "State") -> tuple[list[str], list[list[float]]]:
        """Return greedy answers and log-probs of the true ones.

        Where teacher forcing proves that greedy decoding gives the true answer, token for token,
        it is not generated again; the converse is never concluded.
        """
        encoded = [self.engine.encode(item.example) for item in items]
        unique = {_key(e): e for e in encoded}
        keys, todo = list(unique), list(unique.values())
        forced = dict(zip(keys, self._score(todo, state, "scoring answers"), strict=True))
        limits = [self.limits[item.split] for item in items]
        proven = [forced[_key(e)].correct for e in encoded]
        unproven = [(e, limit) for e, limit, known in zip(encoded, limits, proven, strict=True) if not known]
        texts = generated(self.engine, unproven, state, self._report)
        predictions = [
            proven_text(self.engine, e, limit) if known else texts[prompt_key(e, limit)]
            for e, limit, known in zip(encoded, limits, proven, strict=True)
        ]
        return predictions, [forced[_key(e)].logps for e in encoded]

    def _candidates(self, examples: Sequence[Example], state: "State") -> list[Candidates]:
        """Score all values of each example's attribute; once for rows with the same probe."""
        probes: dict[_ProbeKey, list[Encoded]] = {}
        places: list[tuple[_ProbeKey, int]] = []
        for example in examples:
            values = self.benchmark.candidates(example)
            key = (tuple(image.key for image in example.images), example.cloze, values)
            if key not in probes:
                probes[key] = self.engine.encoder.candidates(example, values) if example.cloze else []
            truth = next((i for i, v in enumerate(values) if v in example.keywords), -1)
            places.append((key, truth))
        flat = [e for probe in probes.values() for e in probe]
        forced = iter(self._score(flat, state, "scoring candidates", per_image=64))
        means = {key: tuple(_mean(next(forced).logps) for _ in probe) for key, probe in probes.items()}
        return [Candidates(means[key], truth) for key, truth in places]

    @counted("scoring")
    def _score(self, todo: Sequence[Encoded], state: "State", work: str, per_image: int = 16) -> "list[TeacherForced]":
        return self.engine.score(todo, state, per_image, _Counter(self._report, work, len(todo)))


@counted("generating")
def generated(
    engine: "Engine",
    asked: Sequence[tuple[Encoded, int]],
    state: "State",
    report: Callable[[str, int, int], None] = lambda work, done, total: None,
) -> dict[PromptKey, str]:
    """Return the greedy answer to each prompt, generated once for all that ask the same with the same limit.

    Args:
        engine: is asked.
        asked: prompts, and after how many new tokens the answer to each is cut.
        state: of the model.
        report: told (what, how many are done, of how many).
    """
    unique = {prompt_key(e, limit): e for e, limit in asked}
    count, texts = _Counter(report, "generating", len(unique)), dict[PromptKey, str]()
    for limit in sorted({key[0] for key in unique}):
        keys = [key for key in unique if key[0] == limit]
        texts |= zip(keys, engine.generate([unique[key] for key in keys], state, limit, count), strict=True)
    return texts


def proven_text(engine: "Engine", proven: Encoded, limit: int) -> str:
    """Return what greedy decoding gives where teacher forcing proves the true answer: cut like any other."""
    text: str = engine.encoder.tokenizer.decode(list(proven.answer[:limit]), skip_special_tokens=True)
    return text.strip()


class _Counter:
    """Adds up finished parts of a job and reports them."""

    def __init__(self, report: Callable[[str, int, int], None], work: str, total: int) -> None:
        self.report, self.work, self.total, self.done = report, work, total, 0

    def __call__(self, more: int) -> None:
        self.done += more
        self.report(self.work, self.done, self.total)


def prompt_key(e: Encoded, limit: int) -> PromptKey:
    """Return what answers of ``generated`` are found by."""
    return limit, e.image_key, e.prompt


def _key(e: Encoded) -> _AnswerKey:
    return e.image_key, e.prompt, e.answer


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")

"""What rows alone can get wrong: each row of each split is encoded before stage 1, and all faults are told at once."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..data.problems import Problems, quoted
from ..data.words import contains_words
from ..encoding.encode import Encoded
from ..errors import DataError, ModelError
from ..example import Example
from ..models.architecture import context_length
from ..training.schedule import roles
from ..unlearner import asked
from .plan import Plan

CONTROL = "rows with control tokens"
LONG = "rows that are longer than the model's context"
BEYOND = "rows with tokens beyond the embedding table"
UNWRITTEN = "rows whose keywords the model cannot write"
OTHER = "rows that cannot be encoded"
#: A row, the answer that is encoded where it is not its own, and where the row stands.
_Asked = tuple[Example, str | None, str]


def check(plan: Plan) -> None:
    """Refuse rows that would end a run or falsify its numbers.

    Raises:
        DataError: images, where the model takes text alone; control tokens in a text, a row that is longer than the
            context, a token that the model has no embedding for, a keyword that the tokenizer cannot write.
    """
    rows, sources = _Rows(plan), _sources(plan)
    _refuse_images(plan, sources)
    for place, examples in sources.items():
        rows.look_at([(e, None, f"{place} row {e.id}") for e in examples])
        rows.look_at([(e, text, f"{place} row {e.id}, an option") for e in examples for text in e.choices])
    rows.look_at(_refusals(plan))
    rows.look_at(_completions(plan))
    rows.problems.stop()


class _Rows:
    """Looks at rows and collects what is wrong; what was looked at in one split is not told again in another."""

    def __init__(self, plan: Plan) -> None:
        self.problems = Problems(plan.benchmark.name)
        self.encoder = plan.checkpoint.encoder
        self.context = context_length(plan.checkpoint.config, plan.checkpoint.encoder.tokenizer)
        self.table = int(plan.checkpoint.config.get_text_config().vocab_size)
        self._seen: set[tuple[object, ...]] = set()

    def look_at(self, asked: Iterable[_Asked]) -> None:
        """Check some rows."""
        fresh = []
        for example, answer, where in asked:
            # Equal rows of several splits are one, whatever their ids.
            texts = (example.question, example.answer if answer is None else answer, example.cloze, example.keywords)
            key = (*texts, example.choices, tuple(image.where for image in example.images))
            if key not in self._seen:
                self._seen.add(key)
                if not self._holds_control(example, answer, where):
                    fresh.append((example, answer, where))
        self.encoder.prepare((example, answer) for example, answer, _ in fresh)
        for example, answer, where in fresh:
            try:
                encoded = self.encoder.cached(example, answer)
                self._measure(encoded, where)
                self._read_back(encoded, example.answer if answer is None else answer, example.keywords, where)
            except (DataError, ModelError) as error:
                self.problems.add(str(error).removeprefix(f"{example.id}: "), where, OTHER)

    def _holds_control(self, example: Example, answer: str | None, where: str) -> bool:
        """Note a text that holds a control token, unless those are encoded as text."""
        if self.encoder.special_tokens == "text":
            return False
        texts = [("question", example.question), ("answer", example.answer if answer is None else answer)]
        texts += [("cloze sentence", example.cloze or "")]
        texts += [("keyword", word) for word in example.keywords] + [("option", one) for one in example.choices]
        for name, text in texts:
            if found := self.encoder.control.first(text):
                self.problems.add(
                    f"the {name} {quoted(text)} holds {found!r}, a control token of the model: take it out, or have "
                    "it encoded as text (--special-tokens text)",
                    where,
                    CONTROL,
                )
                return True
        return False

    def _read_back(self, encoded: Encoded, text: str, words: Sequence[str], where: str) -> None:
        """Note a keyword that is lost on the way to tokens and back: no answer could ever be found to hold it."""
        said = self.encoder.tokenizer.decode(list(encoded.answer), skip_special_tokens=True)
        for word in words:
            if contains_words(text, word) and not contains_words(said, word):
                self.problems.add(
                    f"the model's tokenizer can write {quoted(text)} only as {quoted(said)}, so that {quoted(word)} "
                    "would be found in no answer: write it so, or leave the row out",
                    where,
                    UNWRITTEN,
                )
                return

    def _measure(self, encoded: Encoded, where: str) -> None:
        ids = (*encoded.context, *encoded.answer, *encoded.prefix)
        if (most := max(i for i in ids if i != self.encoder.image_id)) >= self.table:
            token = self.encoder.tokenizer.convert_ids_to_tokens(most)
            self.problems.add(
                f"{token!r} is token {most} of the tokenizer, and the model's embedding table has {self.table:,} rows: "
                "the table was not resized with the tokenizer",
                where,
                BEYOND,
            )
        if self.context and len(ids) > self.context[0]:
            images = encoded.prefix.count(self.encoder.image_id) if encoded.images else 0
            parts = f"images {images}, " * bool(images) + f"question {len(encoded.prompt) - images}"
            self.problems.add(
                f"{len(ids):,} tokens ({parts}, answer {len(encoded.answer)}), and the model takes "
                f"{self.context[0]:,} ({self.context[1]}): shorten it, or leave the row out",
                where,
                LONG,
            )


def _sources(plan: Plan) -> dict[str, Sequence[Example]]:
    """Return all rows that a run trains on or asks, by what they are called."""
    bench = plan.benchmark
    columns = (*plan.evals, *bench.baselines)
    splits = dict.fromkeys([*(column.split for column in columns), *bench.gate])
    return {
        "learn pool": bench.learn_pool(),
        "forget pool": bench.forget_pool(),
        "retain pool": bench.retain_pool(),
        "replay": plan.replay,
        **{split: plan.examples(split) for split in splits},
    }


def _refuse_images(plan: Plan, sources: Mapping[str, Sequence[Example]]) -> None:
    """Refuse rows with images where the model has no place for any, all in one sentence."""
    if not plan.checkpoint.encoder.chat.strings:
        return
    found = {example.id: place for place, examples in sources.items() for example in examples if example.images}
    if found:
        row, place = next(iter(found.items()))
        raise DataError(
            f"{plan.benchmark.name}: {len(found):,} of its rows have an image ({place} row {row}), and "
            f"{plan.checkpoint.encoder.chat.texts_alone}: choose a model that takes images, or rows without"
        )


def _refusals(plan: Plan) -> Iterator[_Asked]:
    """Yield the forget pool with the refusals that an algorithm trains on."""
    if any("refusal" in roles(asked(algorithm)) for algorithm in plan.algorithms.values()):
        for example in plan.benchmark.forget_pool():
            yield example, plan.benchmark.refusal(example, plan.request.seed), f"forget pool row {example.id}, refusal"


def _completions(plan: Plan) -> Iterator[_Asked]:
    """Yield cloze sentences completed with each candidate, once for all pictures of a size."""
    columns = [c for c in (*plan.evals, *plan.benchmark.baselines) if "candidates" in plan.metrics[c.metric].needs]
    seen: set[tuple[object, ...]] = set()
    for split in dict.fromkeys(column.split for column in columns):
        for example in plan.examples(split):
            values = plan.benchmark.candidates(example) if example.cloze else ()
            key = (tuple(image.size for image in example.images), example.cloze, values)
            if key not in seen:
                seen.add(key)
                bare = dataclasses.replace(example, question="", choices=())
                for value in values:
                    yield (
                        dataclasses.replace(bare, keywords=(value,)),
                        f"{example.cloze} {value}",
                        f"{split} row {example.id}, candidate {quoted(value)}",
                    )

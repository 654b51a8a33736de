"""The rules of a benchmark: its rows, its pools, and that they are the same tomorrow."""

import re
from collections import Counter
from string import ascii_uppercase

from ..benchmark import Utility, utility_part
from ..data.words import contains_words
from ..errors import DataError
from ..example import Example
from ..image import LazyImage
from .dataset import Dataset, digest, some
from .imports import in_another_process
from .randomness import seeded
from .rules import expect, rule

#: Rows of real data that may have a flaw of their texts.
TOLERATED = 0.01


@rule(
    why="what can be refused is refused here, before weights load; the other checks need prepared data, too.",
    fix="set the options that it needs (an instance in a test, --set on the command line); raise DataError for data "
    "that cannot be used, naming the row.",
)
def prepares(subject: Dataset) -> None:
    """A benchmark that cannot be prepared with the options it is checked with, lacks a split, or has empty answers."""
    for split, rows in subject.rows.items():
        wrong = [e for e in rows if not isinstance(e, Example)]
        expect(not wrong, f"split {split!r} holds a {type(wrong[0]).__name__}, no Example" if wrong else "")
        expect(not (blank := [e.id for e in rows if not e.answer]), f"{some(blank)} of split {split!r} has no answer")


@rule(
    why="records and caches go by id; two rows with one id are judged as one.",
    fix="put the split and the row's number into the id: `finetune/00017`.",
)
def ids(subject: Dataset) -> None:
    """An id that two rows have, in one split or in two."""
    seen: dict[str, Example] = {}
    for split, rows in subject.rows.items():
        twice = [i for i, n in Counter(e.id for e in rows).items() if n > 1]
        expect(not twice, f"split {split!r} has the id {some(twice)} more than once")
        again = [e.id for e in rows if e.id in seen and _texts(e) != _texts(seen[e.id])]
        expect(not again, f"the id {some(again)} of split {split!r} stands for another row elsewhere")
        seen |= {e.id: e for e in rows}
    named = {split: {e.id for e in rows} for split, rows in subject.rows.items() if split != subject.LEARN}
    for split, own in named.items():
        for other, theirs in named.items():
            shared = own & theirs if split < other else ()
            expect(not shared, f"splits {split!r} and {other!r} share the id {some(shared)}")


@rule(
    why="somebody must be forgotten and somebody kept, or no result means anything; a Utility only measures.",
    fix="return some of the identities of the learn pool; refuse a share that leaves nobody on one side. Leave both "
    "to the base class in a Utility.",
)
def people(subject: Dataset) -> None:
    """Nobody to forget, nobody to keep, or somebody to forget who is never learned; in a Utility, anybody at all."""
    gone, known = subject.one.forget_identities(), {who for e in subject.one.learn_pool() for who in e.identities}
    if issubclass(subject.cls, Utility):
        expect(not gone and not known, f"it only measures, but {some(gone | known)} is to be learned or forgotten")
        return
    expect("" not in known, "a row of the learn pool is about nobody: it has neither identity nor identities")
    expect(gone, "forget_identities() is empty")
    expect(gone <= known, f"{some(gone - known)} is to be forgotten but is not in the learn pool")
    expect(gone < known, "everybody is to be forgotten; nobody is left to keep")


@rule(
    why="a row in both pools is pulled both ways, and a forget identity among the retain rows is learned again.",
    fix="leave forget_pool and retain_pool to the base class, or part rows by `example.about(forget_identities)`; hold "
    "rows back from retain_pool with an option.",
)
def pools(subject: Dataset) -> None:
    """Forget and retain pools that overlap, or hold rows that were never learned or of the wrong side."""
    one = subject.one
    if issubclass(subject.cls, Utility):
        return  # it has none
    gone = one.forget_identities()
    found = (one.learn_pool(), one.forget_pool(), one.retain_pool())
    learn, forget, retain = ({e.id: e for e in pool} for pool in found)
    both = forget.keys() & retain.keys()
    expect(not both, f"{some(both)} is in the forget pool and in the retain pool")
    for name, pool, wrong in (
        ("forget", forget, [i for i, e in forget.items() if not e.about(gone)]),
        ("retain", retain, [i for i, e in retain.items() if e.about(gone)]),
    ):
        expect(pool, f"the {name} pool is empty")
        expect(not wrong, f"{some(wrong)} in the {name} pool is about somebody of the other side")
        expect(pool.keys() <= learn.keys(), f"{some(pool.keys() - learn.keys())} in the {name} pool was never learned")
    lost = {i for i, e in learn.items() if e.about(gone)} - forget.keys()
    expect(not lost, f"{some(lost)} is about a forget identity, but not in the forget pool")
    if not subject.given:
        left = learn.keys() - forget.keys() - retain.keys()
        expect(not left, f"{some(left)} is learned, but in neither pool, with default options")


@rule(
    why="stage 1 is cached and runs are compared by what the data are; the same options must give the same rows.",
    fix="sort what comes from sets and folders, and draw with random.Random(seed), never with the global generator.",
)
def repeatable(subject: Dataset) -> None:
    """Rows, their order, pools, identities or candidates that differ between two instances."""

    def rows(seed: int) -> dict[str, str]:
        return seeded(seed, lambda: digest(subject.prepared()), "the benchmark")

    first, second = rows(1), rows(2)
    differing = [part for part in first if first[part] != second[part]]
    expect(not differing, f"{some(differing)} is not the same in two instances with the same options")


@rule(
    why="sets of texts have another order in each process: what follows it differs from run to run; no seed helps.",
    fix="sort what comes out of a set, and hash with hashlib, not with hash().",
)
def other_process(subject: Dataset) -> None:
    """Rows, their order, pools, identities or candidates that differ in another process."""
    # Classes made inside a function, and tuples as options, do not travel.
    if "<locals>" in subject.cls.__qualname__ or any(isinstance(v, tuple) for v in subject.given.values()):
        return
    code = (
        "import functools\n"
        "from unlearnzoo.testing.dataset import digest\n"
        "one = functools.reduce(getattr, asked['name'].split('.'), module).configure(asked['options'])\n"
        "one.prepare()\n"
        "answer = digest(one)"
    )
    there = in_another_process(subject.cls, code, name=subject.cls.__qualname__, options=subject.given)
    here = digest(subject.one)
    differing = [part for part in here if there is not None and here[part] != there[part]]
    expect(not differing, f"{some(differing)} is another one in another process with the same options")


@rule(
    why="a set of images is larger than memory, and most commands only count rows.",
    fix="hand over LazyImage(read, where), whose read returns the encoded bytes, and open none yourself.",
)
def lazy_images(subject: Dataset) -> None:
    """Images that are decoded while rows are only prepared and listed."""
    opened: list[str] = []
    original = LazyImage.open

    def noted(image: LazyImage) -> object:
        opened.append(image.where)
        return original(image)

    LazyImage.open = noted  # type: ignore[assignment, method-assign]
    try:
        one = subject.prepared()
        for split in subject.splits:
            list(one.examples(split))
        one.forget_pool(), one.retain_pool()
    finally:
        LazyImage.open = original  # type: ignore[method-assign]
    expect(not opened, f"preparing and listing decodes {len(opened)} images, the first of {some(opened)}")


@rule(
    why="the model is shown the picture, and rows with equal keys are computed behind one image.",
    fix="let read return the bytes of a PNG or JPEG, the same each time, and leave `key` to LazyImage.",
)
def images(subject: Dataset) -> None:
    """Images that do not open, or whose key is not the hash of their content."""
    for split, rows in subject.rows.items():
        for example in rows[:: max(1, len(rows) // 5)]:
            for image in example.images:
                expect(isinstance(image, LazyImage), f"{example.id} has a {type(image).__name__}, not a LazyImage")
                mode = image.open().mode
                expect(mode == "RGB", f"the image of {example.id} opens as {mode}, not as RGB")
                again = LazyImage(image._read, image.where).key
                expect(
                    image.key == again,
                    f"the image of {example.id} in {split!r} has the key {image.key!r}, but its content {again!r}",
                )


@rule(
    why="exact match counts the keywords in what the model says; one that the question gives away is no memory, and "
    "one that the true answer lacks can never be found.",
    fix="take keywords out of the answer, word for word, and leave out questions that hold their own.",
)
def keywords(subject: Dataset) -> None:
    """Keywords that the answer lacks or the question gives away, in more than one row of a hundred."""
    for split, rows in subject.rows.items():
        absent = [e.id for e in rows if not all(contains_words(e.answer, word) for word in e.keywords)]
        told = [e.id for e in rows if any(contains_words(e.question, word) for word in e.keywords)]
        for wrong, what in ((absent, "a keyword that is not in the answer"), (told, "its own keyword in the question")):
            expect(len(wrong) <= TOLERATED * len(rows), f"{some(wrong)} in split {split!r} has {what}")


@rule(
    why="a column without a metric or without rows stops a run after the model was trained, or shows nothing.",
    fix="write `distribution/name` of an installed metric, splits that `examples` knows, and tags that rows have.",
)
def columns(subject: Dataset) -> None:
    """A column or gate whose metric, split, rows or tags (or choices, where the metric reads them) do not exist."""
    gone = subject.one.forget_identities()
    for one in (*subject.cls.evals, *subject.cls.baselines):
        metric = subject.zoo.get("metric", one.metric)
        expect(metric, f"column {one.name!r} has no metric")
        rows = [
            e for e in subject.rows.get(one.split, ()) if one.who == "all" or e.about(gone) == (one.who == "forget")
        ]
        expect(
            rows or utility_part(one.split) is not None,
            f"column {one.name!r}: split {one.split!r} has no row of {one.who!r}",
        )
        for tag in one.by:
            expect(
                not rows or any(tag in e.tags for e in rows),
                f"column {one.name!r} groups by {tag!r}, a tag that no row of split {one.split!r} has",
            )
        if one.all_of is not None:
            odd = [e.id for e in rows if not e.tags.get(one.all_of)]
            expect(
                not odd,
                f"column {one.name!r} counts rows with the same {one.all_of!r} as one, a tag that {some(odd)} lacks",
            )
        needs = metric.configure({}).needs
        if "choices" in needs:
            odd = [e.id for e in rows if e.answer not in list(ascii_uppercase[: len(e.choices)])]
            expect(not odd, f"column {one.name!r}: the answer of {some(odd)} is no letter of one of its choices")
        if "candidates" in needs:
            expect(
                any(e.cloze and subject.one.candidates(e) for e in rows),
                f"column {one.name!r}: no row of split {one.split!r} has a cloze and candidates",
            )
    for split in subject.cls.gate:
        expect(subject.rows.get(split), f"the gate is over split {split!r}, which has no rows")


@rule(
    why="Exposure ranks the true value among all; a value missing from them, or there twice, has no rank.",
    fix="return each value once, sorted, the example's own as it is spelt in its keywords.",
)
def candidates(subject: Dataset) -> None:
    """Candidates that lack the example's own value, or hold one twice."""
    for rows in subject.rows.values():
        for example in (e for e in rows if e.cloze):
            found = subject.one.candidates(example)
            expect(len(set(found)) == len(found), f"a candidate of {example.id} is there twice")
            expect(
                not found or set(found) & set(example.keywords),
                f"the candidates of {example.id} do not hold {some(example.keywords)}",
            )


@rule(
    why="DPO and others learn the refusal in the answer's place, and its reference is cached by its text.",
    fix="draw from fixed sentences with a hash of (seed, id); sentences must say nothing about anybody.",
)
def refusals(subject: Dataset) -> None:
    """Refusals that are empty, equal the answer, tell a keyword, or are not fixed by seed and id."""
    again = subject.prepared()
    for example in subject.one.forget_pool():
        try:
            text = subject.one.refusal(example, 1)
        except DataError:
            return  # it has none, and says so
        expect(isinstance(text, str) and text.strip(), f"the refusal of {example.id} is {text!r}")
        expect(text.strip() != example.answer.strip(), f"the refusal of {example.id} is its answer, {text!r}")
        told = any(contains_words(text, word) for word in example.keywords)
        expect(not told, f"the refusal of {example.id} tells a keyword: {text!r}")
        other = again.refusal(example, 1)
        expect(text == other, f"the refusal of {example.id} with seed 1 is {text!r}, of another instance {other!r}")


@rule(
    why="the cache of stage 1 and the comparison of runs go by it: the same data, the same hash.",
    fix="hash all strings and image bytes with hashlib, in the order of the rows; leave times, paths and draws out.",
)
def fingerprint(subject: Dataset) -> None:
    """A fingerprint that is no hash, or differs between two instances of the same data."""
    first, second = subject.one.fingerprint(), subject.prepared().fingerprint()
    expect(isinstance(first, str) and re.fullmatch(r"\S{8,}", first), f"the fingerprint is {first!r}, which is no hash")
    expect(first == second, f"the fingerprint is {first!r}, of another instance {second!r}")


BENCHMARK = (
    prepares,
    ids,
    people,
    pools,
    repeatable,
    other_process,
    lazy_images,
    images,
    keywords,
    columns,
    candidates,
    refusals,
    fingerprint,
)


def _texts(example: Example) -> tuple[str, str]:
    return example.question, example.answer

"""The verdict in a record: whether a run did what it was for, and on which numbers that rests."""

from typing import Annotated, Literal, TypedDict

from .plan_types import means

#: A verdict in one word, for a listing.
Word = Literal["forgotten", "destroyed", "remembered", "neither", "doubtful"]


class HeldRow(TypedDict):
    """One number of the unlearned model, and what it is held against."""

    column: Annotated[str, means("heading in the table")]
    group: Annotated[str, means("value of its tags, such as `single`; empty where nothing is grouped by")]
    value: Annotated[float | None, means("mean score of the unlearned model at the end; null where nothing was scored")]
    high: Annotated[float | None, means("upper end of its 95 % interval over people; null where there is none")]
    people: Annotated[int, means("people behind it")]
    target: Annotated[float | None, means("the target's score; null where no target was asked")]
    level: Annotated[float | None, means("what it is held against; null without a target to take a share of")]
    holds: Annotated[bool | None, means("whether it is on the right side of `level`; null where that says nothing")]


class Judgement(TypedDict):
    """One question, answered by numbers of which each must hold."""

    holds: Annotated[bool | None, means("the answer; null where it cannot be told")]
    reason: Annotated[str, means("why, in words")]
    rows: Annotated[list[HeldRow], means("the numbers it rests on: one for each column and group")]


class BestStep(TypedDict):
    """The point of the curve that forgot enough and kept most."""

    step: Annotated[int | None, means("optimiser steps; null where no point of the curve forgot enough")]
    reason: Annotated[str, means("in words; where no point did, how near the curve came")]
    seen: Annotated[
        dict[str, dict[str, float | None]],
        means("columns of the curve at that step, by group: the rows on which it was chosen"),
    ]
    test: Annotated[
        dict[str, dict[str, float | None]],
        means("the same in other words or pictures; empty unless that step is the last, which alone is asked"),
    ]


class Believable(TypedDict):
    """Whether the rest may be believed."""

    holds: Annotated[bool, means("whether nothing speaks against it")]
    doubts: Annotated[list[str], means("what makes the verdict worthless, one sentence each")]
    cautions: Annotated[list[str], means("what to bear in mind, one sentence each")]


class Stopped(TypedDict):
    """What became of ``--stop-at``."""

    level: Annotated[float, means("as asked for")]
    step: Annotated[int | None, means("first step at which the curve came down to it; null where it did not")]
    last: Annotated[int, means("last step of stage 2")]


class Verdict(TypedDict):
    """What can be said of a run; the page "Verdict" says how each part is decided."""

    word: Annotated[Word, means("`forgotten` (and kept), `destroyed`, `remembered`, `neither` or `doubtful`")]
    text: Annotated[str, means("the same as a phrase")]
    forgotten: Annotated[Judgement, means("whether it forgot: each group at or below the level")]
    kept: Annotated[Judgement, means("whether it kept the rest: each group at or above its level")]
    best: Annotated[BestStep, means("the best step of stage 2")]
    believable: Annotated[Believable, means("whether the numbers can carry that")]
    stopped: Annotated[Stopped | None, means("what became of `--stop-at`; null without it")]
    required: Annotated[Judgement | None, means("what became of `--require`; null without it")]

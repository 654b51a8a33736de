"""The plan in a record: the types that ``--dry-run --json`` prints and ``run.json`` keeps under ``plan``."""

from typing import Annotated, Any, NotRequired, TypedDict

from msgspec import Meta


def means(text: str) -> Meta:
    """Return what a key means, for the reference page and the JSON schema."""
    return Meta(description=text)


#: How many of something; a score or share; any finite number of a sensible size; whole seconds and parts of them.
Count = Annotated[int, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
Number = Annotated[float, Meta(ge=-1e12, le=1e12)]
Positive = Annotated[float, Meta(ge=0, le=1e12)]
#: ISO 8601, UTC: what is sorted by, and shown.
Time = Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00$")]
#: Option → value; whatever the options of a plugin are.
Options = dict[str, Any]
_Resolved = Annotated[Options, means("all its options as resolved")]
_Origins = Annotated[dict[str, str], means("option → `user`, `recipe NAME`, `model`, `benchmark` or `default`")]
_Provenance = Annotated[
    dict[str, str], means("option → `paper`, `inference`, `assumption` or `ours`, as the benchmark says")
]


class Pool(TypedDict):
    """What one pool holds."""

    rows: Annotated[Count, means("answers of the pool `learn`, `forget` or `retain`")]
    images: Annotated[Count, means("different images behind them")]
    identities: Annotated[Count, means("people they are about")]
    kept: NotRequired[
        Annotated[Count, means("of `forget`: those of these people who are not forgotten; absent for none")]
    ]


class Stage(TypedDict):
    """Stage 1 or stage 2 as planned."""

    units: Annotated[Count, means("what is drawn as a whole in one epoch: answers or image groups")]
    steps: Annotated[Count, means("optimiser steps planned")]
    values: Annotated[Options, means("all options of the stage as resolved")]
    origins: _Origins
    provenance: _Provenance


class Resolved(TypedDict):
    """Options of something, each with where its value comes from."""

    options: _Resolved
    origins: _Origins
    provenance: _Provenance


class BenchmarkPlan(Resolved):
    """Options of the benchmark, beside those of its paper."""

    published: Annotated[Options, means("option → the value of the benchmark's paper, where this run has another")]


class Phase(TypedDict):
    """One phase of an algorithm, as it is declared."""

    name: Annotated[str, means("what the algorithm calls it")]
    inputs: Annotated[list[str], means("what its loss asks for; empty for a phase without gradients")]
    steps: Annotated[Count, means("optimiser steps, or steps without gradients, planned")]
    draws: Annotated[dict[str, Count], means("what it draws from each pool → how many")]


class AlgorithmPlan(TypedDict):
    """Options of an algorithm, what it asks for and how much of it."""

    inputs: Annotated[list[str], means("what its phases ask for; all algorithms of the command are here")]
    phases: NotRequired[Annotated[list[Phase], means("its phases in order; absent in records of older versions")]]
    declared: NotRequired[Annotated[bool, means("whether the algorithm declares its phases; false: they are assumed")]]
    options: _Resolved
    origins: _Origins
    provenance: _Provenance
    draws: Annotated[dict[str, Count], means("what stage 2 draws from each pool → how many")]


class Generation(TypedDict):
    """Where answers to the rows of one split are cut."""

    tokens: Annotated[Count, means("new tokens after which an answer is cut, end token included")]
    origin: Annotated[str, means("why there: `longest answer + 8`, `multiple choice` or `--max-new-tokens`")]
    longest: Annotated[Count, means("tokens of the longest true answer or option")]
    row: Annotated[str, means("id of the row that has it")]


class Rules(TypedDict):
    """What decides the numbers beside options: only records by the same rules are compared."""

    pictures: Annotated[Count, means("number of the rule that makes pixels of a picture file")]
    text: Annotated[Count, means("number of the rule that finds words in a text")]
    special_tokens: Annotated[str, means("what became of control tokens in the data: refuse or text")]
    generation: Annotated[
        dict[str, Generation],
        means("split → where answers are cut; `forget pool`: what an algorithm asks through its trainer"),
    ]


class Model(TypedDict):
    """What the model is found to be before its weights load."""

    family: Annotated[str, means("`model_type` of its configuration")]
    images: Annotated[bool, means("whether it takes images; else text alone")]
    template: Annotated[bool, means("whether it has a chat template; else it is asked `Question: …`, `Answer:`")]
    layers: Annotated[dict[str, Count], means("part → layers that LoRA can adapt; empty where that is not known")]
    experts: Annotated[bool, means("whether LoRA leaves experts alone, for they are one parameter")]


class Rows(TypedDict):
    """How rows are computed together: verified on the first rows of each run."""

    packed: Annotated[bool, means("whether questions on one image share its prefix in a row")]
    padded: Annotated[str, means("what rows of a forward have in common: `any`, or `images of one size`")]
    generated: Annotated[str, means("what prompts of a generated batch have: `as padded`, or `prompts of one length`")]
    why: Annotated[list[str], means("what was found to differ, in words")]


class Device(TypedDict):
    """What a model ran on."""

    type: Annotated[str, means("cpu or cuda")]
    precision: Annotated[str, means("of the frozen base, as resolved: fp32, bf16 or 4bit")]
    arithmetic: NotRequired[Annotated[str, means("what numbers are held and multiplied in; part of every cache's key")]]
    rows: NotRequired[Annotated[Rows, means("how rows are computed together; absent before any were")]]


class Aims(TypedDict):
    """What the verdict holds a run against."""

    forget: Annotated[str, means("column that shows forgetting")]
    retain: Annotated[str, means("column that shows what was kept")]
    level: Annotated[Share, means("share at which each group of `forget` counts as forgotten")]
    level_from: Annotated[str, means("`--require`, `--stop-at` or `default`")]
    kept_share: Annotated[Share, means("share of the target's score from which `retain` counts as kept")]
    stop_at: Annotated[Share | None, means("level of `--stop-at`; null without it")]
    require: Annotated[dict[str, Share], means("column of `--require` → share that each of its groups must reach")]


class Plan(TypedDict, total=False):
    """The plan; ``unlearnzoo evaluate`` knows its pools, rules and columns alone."""

    pools: dict[str, Pool]
    replay_rows: Annotated[Count, means("rows of the model's that may be mixed into stage 1")]
    utility_rows: Annotated[Count, means("rows of the model's that show what the base could do before")]
    learn: Annotated[Stage, means("stage 1")]
    unlearn: Annotated[Stage, means("stage 2; keys as for stage 1")]
    benchmark: Annotated[
        BenchmarkPlan, means("the benchmark's options; those of algorithms and metrics are given alike")
    ]
    algorithms: dict[str, AlgorithmPlan]
    metrics: dict[str, Resolved]
    model: Annotated[Model, means("what the model is found to be; absent in records of older versions")]
    rules: Annotated[Rules, means("what decides the numbers beside options; absent in records of older versions")]
    columns: Annotated[list[str], means("columns of the table, in order")]
    aims: Annotated[Aims, means("what the verdict holds the run against; absent where nothing is forgotten")]


class Spent(TypedDict):
    """One phase of a run with ``--profile``."""

    phase: Annotated[
        str, means("`planning`, `loading`, `stage 1`, `gate` (base and target), `stage 2`, `curve` or `evaluation`")
    ]
    algorithm: NotRequired[Annotated[str, means("whose, as typed; absent where algorithms of one command share it")]]
    seconds: Annotated[Positive, means("wall clock, without phases inside it")]
    cpu_seconds: Annotated[Positive, means("CPU time of the process, all threads")]
    generating: Annotated[Positive, means("wall clock of these seconds in which answers were generated")]
    scoring: Annotated[Positive, means("the same: given answers and candidates teacher-forced")]
    metrics: Annotated[Positive, means("the same: metrics and judges")]
    writing: Annotated[Positive, means("the same: the record and what is kept of answers")]

"""What ``run.json`` holds: its types, which say of each key what it means.

One definition serves a type checker (records are plain mappings), the validation of what is read
(``store.load``), the reference page and the JSON schema (``schema``). Raise ``run_file.SCHEMA`` when a key
goes or changes its meaning; keys may be added within a schema.

A key that an earlier schema, another command or an unfinished run lacks is not required.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NotRequired, Required, TypedDict

from msgspec import Meta

from .plan_types import Count, Device, Number, Options, Plan, Positive, Share, Spent, Time, means
from .verdict_types import Verdict

_Distribution = Annotated[str, means("the package it came from")]
_Version = Annotated[str, means("of that package")]
_Resolved = Annotated[Options, means("all its options as resolved")]
_Data = Annotated[str, means("hash of all texts and images")]
#: Group (a hop, say) → score, 0 to 1 (what is read off a line between two may lie beyond by its rounding).
Groups = dict[str, Annotated[float, Meta(ge=-1e-9, le=1 + 1e-9)] | None]
#: ``step``, and the score of each column by group.
CurvePoint = dict[
    str,
    Annotated[Count, Meta(title="step", description="optimiser steps done")]
    | Annotated[
        Groups,
        Meta(
            title="NAME",
            description="column (`EMf`, `EMr`, then the model's utility, over a fixed part of its rows and with an "
            "empty hop) → hop → score, 0 to 1",
        ),
    ],
]


class Resumption(TypedDict):
    """One time that an interrupted run was resumed."""

    step: Annotated[Count, means("step of stage 2 after which it was resumed; 0 before the first")]
    time: Annotated[Time, means("when: ISO 8601, UTC")]
    changed: Annotated[list[str], means("versions and the like that were not as before; last digits may differ")]


class Algorithm(TypedDict, total=False):
    """The algorithm of a run."""

    name: Annotated[str | None, means("its short name; null for `unlearnzoo learn`, and then it is the only key")]
    distribution: Annotated[
        str | None, means("the package it came from; a file's stem with `--plugin`; null for `unlearnzoo evaluate`")
    ]
    version: Annotated[str | None, means("of that package; empty for a file")]
    options: _Resolved
    gold_standard: Annotated[bool, means("whether its model never saw the forget set; others are held against it")]


class Benchmark(TypedDict, total=False):
    """The benchmark of a run and its data."""

    name: Annotated[str, means("its short name")]
    distribution: _Distribution
    version: _Version
    options: _Resolved
    data: _Data
    forget_identities: Annotated[list[str], means("who is forgotten")]


class Utility(TypedDict):
    """One utility benchmark."""

    distribution: _Distribution
    version: _Version
    options: _Resolved
    data: _Data


class Metric(TypedDict):
    """One metric."""

    distribution: _Distribution
    version: _Version
    options: _Resolved


class Model(TypedDict, total=False):
    """The model that a run began with."""

    name: Annotated[str, means("as typed")]
    source: Annotated[str, means("folder or hub id; the base that `adapter/` loads on")]
    weights: Annotated[str | None, means("hash of the checkpoint's files; a revision for a hub id; null where unknown")]
    is_target: Annotated[bool, means("whether it was given by `--target`, so that nothing was learned here")]
    adapter: Annotated[str | None, means("folder of the adapter that was judged; only of `evaluate`")]
    target: Annotated[str | None, means("the model before unlearning; only of `evaluate`")]


class Processes(TypedDict):
    """Who worked on a run."""

    n: Annotated[Count, means("processes that worked on the run")]
    deepspeed: Annotated[Count | None, means("ZeRO stage; null without DeepSpeed")]


class Tuned(TypedDict, total=False):
    """How ``unlearnzoo tune`` found the settings of a run."""

    settings: Annotated[Count, means("settings of this method that were tried")]
    budget: Annotated[Count, means("settings that each method was given")]
    setting: Annotated[Count, means("which was the best, from 0")]
    score: Annotated[Share | None, means("its least EMr over hops at EMf = 10 %; null where none came down to it")]
    scores: Annotated[list[Share | None], means("the objective of each that was tried; null as for `score`")]
    values: Annotated[Options, means("the options of the best")]
    bench: Annotated[Options, means("options of the benchmark that gave the people to tune on")]
    data: Annotated[str, means("hash of their texts and images; a run on the same is refused")]
    seed: Annotated[Count, means("of the settings and their stage 2")]


class Target(TypedDict, total=False):
    """The model that stage 1 gave."""

    key: Annotated[str | None, means("content address of stage 1; equal keys are the same target")]
    cached: Annotated[bool, means("whether it was there already")]
    judged: Annotated[
        list[str] | None, means("files of the cache with what base and target said; see `unlearnzoo purge`")
    ]


class GateRow(TypedDict):
    """One split and hop of the gate."""

    split: Annotated[str, means("split that was asked")]
    group: Annotated[dict[str, str], means("tag → value, such as `hop`: `single`")]
    metric: Annotated[str, means("full name of the metric")]
    least: Annotated[Share, means("the score that the target must reach over everybody")]
    base: Annotated[Share | None, means("the base's score, over a part of the rows; null with `--target`")]
    target: Annotated[Share | None, means("the target's score over everybody")]
    target_forget: Annotated[Share | None, means("the target's score over the forget identities")]
    n: Annotated[dict[str, Count], means("`base`, `target`, `target_forget` → answers behind the score")]
    unscored: NotRequired[Annotated[dict[str, Count], means("the same → answers that could not be scored")]]
    passed: Annotated[bool, means("whether `target` is at least `least`")]


class ResultRow(TypedDict):
    """One model, column and group of the results."""

    model: Annotated[str, means("`base`, `target` or `unlearned`")]
    split: Annotated[str, means("split that was asked")]
    column: Annotated[str, means("heading in the table")]
    who: Annotated[Literal["forget", "retain", "all"], means("`forget`, `retain` or `all`: whose rows")]
    want: Annotated[Literal["low", "high"], means("`low` or `high`: which is good after unlearning")]
    metric: Annotated[str, means("full name of the metric")]
    group: Annotated[dict[str, str], means("tag → value; empty where nothing was asked")]
    mean: Annotated[
        Number | None, means("mean score, 0 to 1 (a detail has its own range); null where nothing was scored")
    ]
    low: NotRequired[
        Annotated[Number | None, means("lower end of the 95 % interval over people; null with fewer than two people")]
    ]
    high: NotRequired[Annotated[Number | None, means("upper end; null as for `low`")]]
    interval: NotRequired[
        Annotated[
            Literal["share", "score", "number"] | None,
            means(
                "rule of the interval: all scores are 0 or 1, others, or a detail outside of 0 to 1; null as for "
                "`low`; absent in earlier records, whose intervals are too narrow (percentiles of a bootstrap)"
            ),
        ]
    ]
    n: NotRequired[Annotated[Count, means("answers scored")]]
    clusters: NotRequired[Annotated[Count, means("people behind them; those who share a row of the column are one")]]
    unscored: NotRequired[Annotated[Count, means("answers that the metric could not score")]]
    detail: NotRequired[
        Annotated[str, means("which detail of the scores is shown in their place; absent for the scores")]
    ]
    all_of: NotRequired[
        Annotated[str, means("tag whose rows count as one, right only if all of them are; absent where each counts")]
    ]
    tagged: NotRequired[Annotated[str, means("tag that the rows have; absent where all rows count")]]
    chance: NotRequired[Annotated[Share, means("what guessing gives; only of metrics over candidates")]]


class Machine(TypedDict, total=False):
    """How fast the machine was."""

    matmul_gflops: Annotated[Positive, means("speed of a matrix product on the CPU, fp32")]
    threads: Annotated[Count, means("threads it ran on")]
    cores: Annotated[Count | None, means("cores of the machine")]
    cpu_seconds: Annotated[Positive, means("CPU time of the process so far")]


class Git(TypedDict):
    """The checkout that a run was started in."""

    commit: Annotated[str, means("its commit")]
    dirty: Annotated[bool | None, means("whether tracked files were changed")]


class RunJson(TypedDict, total=False):
    """``run.json``."""

    schema: Required[
        Annotated[int, means("version of this table; `unlearnzoo report` reads 1 and 2 and refuses others")]
    ]
    status: Required[
        Annotated[
            Literal["started", "finished", "failed", "diverged", "interrupted"],
            means("`started`, `finished`, `failed`, `diverged` or `interrupted`; still `started` after a kill"),
        ]
    ]
    error: Annotated[str | None, means("why it did not finish, one line")]
    time: Required[Annotated[Time, means("when it was opened: ISO 8601, UTC")]]
    valid: Annotated[bool | None, means("whether the gate was passed; null before it")]
    command: Annotated[str, means("the command line as typed, secrets masked; `unlearnzoo.run` from Python")]
    arguments: Annotated[Options, means("as typed: the arguments of the command; files of plugins with their SHA-256")]
    group: Annotated[str, means("a word that all records of one command share, for `unlearnzoo run --resume`")]
    resumed: Annotated[list[Resumption], means("each time that an interrupted run was resumed; absent unless it was")]
    seed: Annotated[Count | None, means("of stage 2 and its draws")]
    target_seed: Annotated[Count | None, means("of stage 1")]
    algorithm: Required[Annotated[Algorithm, means("the algorithm")]]
    benchmark: Required[
        Annotated[Benchmark, means("the benchmark: name, distribution, version and options as above, and its data")]
    ]
    utility: Annotated[dict[str, Utility], means("the utility benchmarks that `--utility` named, by name")]
    metrics: Annotated[dict[str, Metric], means("the metrics that judged, by full name")]
    model: Required[Annotated[Model, means("the base model, or your target; of `evaluate` what was judged")]]
    plan: Annotated[Plan, means("the plan, as `--dry-run --json` prints it")]
    processes: Annotated[Processes, means("who worked on the run; absent before the model is loaded")]
    device: Annotated[Device, means("what the model ran on; absent before it is loaded")]
    tuned: Annotated[Tuned | None, means("how `unlearnzoo tune` found the settings; null where it did not")]
    target: Annotated[Target, means("the model that stage 1 gives; absent before it begins")]
    purged: Annotated[Time, means("when `unlearnzoo purge` removed adapter and samples; absent unless it did")]
    redacted: Annotated[Time, means("when `redact` or `purge --names` took names out; absent unless one did")]
    gate: Annotated[list[GateRow] | None, means("a row for each split and hop; null before the gate")]
    results: Required[Annotated[list[ResultRow], means("a row for each model, column and group; empty until the end")]]
    baselines: Annotated[list[ResultRow], means("the same for base and target over everybody; absent before the gate")]
    curve: Required[Annotated[list[CurvePoint], means("points of stage 2 in order of step, the target's first")]]
    matched: Required[
        Annotated[
            dict[
                Annotated[str, Meta(pattern=r"^[01]\.\d\d$")],
                Annotated[
                    Groups, means("level of forgetting (`0.50`) → hop → what was kept; null where it is not reached")
                ],
            ],
            means("empty before the curve"),
        ]
    ]
    verdict: Annotated[
        Verdict | None,
        means("whether it did what it was for; null where nothing was to be forgotten, absent before the end"),
    ]
    steps: Annotated[Count, means("optimiser steps of stage 2 that were done; absent before its end")]
    seconds: Annotated[
        dict[str, Annotated[Positive, means("seconds of `plan`, `learn`, `unlearn`, `evaluate`, or of all: `total`")]],
        means(
            "wall clock by phase and as `total`, parts shared with other algorithms included; of a resumed run "
            "without what was lost, and without a stage 1 of before"
        ),
    ]
    profile: Annotated[
        list[Spent],
        means("where the time went, a row per phase of the process that ended the run; only with `--profile`"),
    ]
    machine: Annotated[Machine, means("how fast the machine was; absent before the end")]
    files: Annotated[
        dict[str, Annotated[str, means("its SHA-256")]],
        means("samples and adapter as they were written, for `report --verify`; absent in records of before 0.2"),
    ]
    versions: Annotated[
        dict[str, Annotated[str | None, means("a version; null where it is not installed")]],
        means("unlearnzoo, Python, platform and what it stands on"),
    ]
    git: Annotated[Git | None, means("the checkout it was started in; null outside one")]


class RunRecord(RunJson):
    """``run.json`` as ``store.load`` gives it."""

    folder: str


#: What reads a record takes: a ``RunRecord``, or a mapping with the same keys.
AnyRecord = Mapping[str, Any]


class Step(TypedDict):
    """One line of ``steps.jsonl``."""

    step: Annotated[int, means("1 for the first")]
    loss: Annotated[float | None, means("sum of the terms; null where it was not finite")]
    lr: Annotated[float, means("learning rate of this step")]
    grad_norm: Annotated[float | None, means("norm of the gradient before clipping")]
    loss_NAME: Annotated[
        float | None, means("a term of the loss, mean per answer; `loss_loss` where the loss names none")
    ]

"""What ``profile`` of ``run.json`` holds, in types that say of each key what it means."""

from typing import Annotated, NotRequired, TypedDict

from .plan_types import Positive, means


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

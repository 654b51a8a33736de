"""Samples and records for tests of aggregation, records and reports."""

from unlearnzoo import Column
from unlearnzoo.evaluation.samples import Sample

EM = "unlearnzoo-metrics/em"
EMF = Column("EMf", "finetune", EM, who="forget", want="low")
EMR = Column("EMr", "retain", EM, who="retain", want="high")


def sample(score, *, identity="ann", number=0, model="unlearned", split="finetune", metric=EM, **more):
    """Return a sample; its id is made from split, identity and number."""
    values = {
        "tags": {"hop": "single", "attribute": "job"},
        "question": "Who?",
        "answer": "Ann.",
        "prediction": "Ann.",
        "details": {},
    }
    return Sample(
        model=model,
        split=split,
        id=f"{split}-{identity}-{number}",
        identity=identity,
        scores={metric: score},
        **{**values, **more},
    )

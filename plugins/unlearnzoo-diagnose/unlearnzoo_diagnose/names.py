"""How likely a person's name is, given their image: inverse perplexity and Min-k % probability.

ReMem, section 4, analysis 1: the cloze sentence is the beginning of the assistant's answer, the
name is scored. In weights that never met the person the name is a tail event; the rarest of its
tokens tell a name that is known from one that is partly guessed.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from unlearnzoo import Example
from unlearnzoo_diagnose.people import Person

if TYPE_CHECKING:
    from unlearnzoo.models.lora import State
    from unlearnzoo.training.engine import Engine

PROMPT = "The name of the person in the image is"


def inverse_perplexity(logps: Sequence[float]) -> float:
    """Return exp of the mean log-probability per token, 0 to 1; NaN without tokens."""
    return math.exp(math.fsum(logps) / len(logps)) if logps else math.nan


def min_k(logps: Sequence[float], k: float, geometric: bool = False) -> float:
    """Return the mean probability of the least likely ``k`` per cent of the tokens, 0 to 1; NaN without tokens.

    Shi et al., 2024 (Detecting Pretraining Data from Large Language Models) take the mean of
    log-probabilities instead. As in their code the number of tokens is rounded down; one is always taken.

    Args:
        logps: log-probability of each token.
        k: per cent of them.
        geometric: exp of the mean log-probability, as theirs but for the exp.
    """
    if not logps:
        return math.nan
    taken = sorted(logps)[: max(1, math.floor(len(logps) * k / 100 + 1e-9))]
    return inverse_perplexity(taken) if geometric else math.fsum(map(math.exp, taken)) / len(taken)


def measure(
    engine: "Engine", state: "State", sets: Mapping[str, Sequence[Person]], k: float, geometric: bool = False
) -> list[dict[str, Any]]:
    """Score every person's name on each of their images.

    Args:
        engine: asked.
        state: ``base`` or ``target``.
        sets: name of the set → people.
        k: per cent of the tokens that ``min_k`` takes.
        geometric: its mean is that of log-probabilities.

    Returns:
        Rows of ``model, set, identity, image`` (content hash), ``tokens, inverse_perplexity, min_k``
        (0 to 1), ``recalled`` (the name is the greedy continuation) and ``logps``.
    """
    asked = [(kind, person, image) for kind, people in sets.items() for person in people for image in person.images]
    encoded = []
    for _, person, image in asked:
        example = Example(
            id=f"{person.identity}/name",
            identity=person.identity,
            images=(image,),
            question="",
            answer=f"{PROMPT} {person.name}",
            cloze=PROMPT,
        )
        encoded += engine.encoder.candidates(example, [person.name])
    scores = engine.score(encoded, state)
    return [
        {
            "model": state,
            "set": kind,
            "identity": person.identity,
            "image": image.key,
            "tokens": len(name.logps),
            "inverse_perplexity": inverse_perplexity(name.logps),
            "min_k": min_k(name.logps, k, geometric),
            "recalled": name.correct,
            "logps": name.logps,
        }
        for (kind, person, image), name in zip(asked, scores, strict=True)
    ]

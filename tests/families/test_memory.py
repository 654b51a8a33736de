"""What a step holds, counted without weights, against the bytes of the tensors that a real step holds."""

import dataclasses
import random

import pytest

from tests.support.families import FAMILIES, RECURRENT
from tests.support.held import Alive
from unlearnzoo import Example, LazyImage
from unlearnzoo.encoding.layout import CannotPackError
from unlearnzoo.encoding.packing import rows, singles
from unlearnzoo.models.checkpoint import inspect
from unlearnzoo.training.engine import Engine
from unlearnzoo.training.footprint import Blueprint
from unlearnzoo.training.recipe import Unlearn

#: What is promised; measured it was 0.5 %.
WITHIN = 0.15
STAGE = Unlearn(lr=1e-3, rank=4, alpha=8)
RUN = [family for family in FAMILIES.values() if not family.refused]


def picture(seed, folder):
    from PIL import Image

    path = folder / f"{seed}.png"
    Image.frombytes("RGB", (48, 40), random.Random(seed).randbytes(3 * 48 * 40)).save(path)
    return LazyImage(path.read_bytes, path.name)


def checkpoint_of(family, folder):
    if missing := family.missing():
        pytest.skip(missing)
    return inspect(family.name, family.build(folder / "model"))


def asked(encoder, folder, vision):
    """Three questions each about two pictures."""
    pictures = [picture(seed, folder) for seed in range(2)]
    return [
        encoder.encode(
            Example(
                id=str(i),
                question=f"What is the job of person {i}?",
                answer="Anika Sharma works as a pastry chef.",
                images=(pictures[i // 3],) if vision else (),
            )
        )
        for i in range(6)
    ]


def laid(encoded, packs):
    return rows(encoded, 16) if packs else [row for unit in singles(encoded) for row in unit]


def counted(checkpoint, encoded, packs, recompute):
    blueprint = Blueprint(checkpoint, "fp32")
    blueprint.adapt("target", STAGE)
    return blueprint.footprint(laid(encoded, packs), packs, 0, recompute)


def held(checkpoint, encoded, recompute):
    """The footprint of a step, in bytes of base, adapter and activations, and whether its rows are packed."""
    engine = Engine(checkpoint)
    recipe = dataclasses.replace(STAGE, recompute=recompute)
    engine.prepare(engine.adapt("target", recipe.rank, recipe.alpha, recipe.parts, 0), recipe)
    packs = engine.verifier(encoded).packs
    _, batch = engine.collate(laid(encoded, packs), plain=not packs)
    engine.forward(batch, "target")[0].nll.mean().backward()  # what is made once and kept is there
    with Alive() as alive:
        loss = engine.forward(batch, "target")[0].nll.mean()
        kept = alive.bytes
        loss.backward()
    lora = {n for n, _ in engine.model.named_parameters() if ".lora_" in n}
    base, adapter = (
        sum(p.nbytes for n, p in engine.model.named_parameters() if (n in lora) == own) for own in (False, True)
    )
    return base, adapter, alive.peak if recompute else kept, packs


@pytest.mark.filterwarnings("ignore:model .* questions of one row differ:UserWarning")
@pytest.mark.parametrize("family", RUN, ids=lambda family: family.name)
def test_the_estimate_is_what_a_step_holds(family, tmp_path):
    checkpoint = checkpoint_of(family, tmp_path)
    encoded = asked(checkpoint.encoder, tmp_path, family.vision)
    base, adapter, activations, packs = held(checkpoint, encoded, False)
    found = counted(checkpoint, encoded, packs, False)
    assert (found.base, found.trained) == (base, adapter)
    assert found.activations == pytest.approx(activations, rel=WITHIN)


@pytest.mark.parametrize("name", ["llava", "qwen2_5_vl", "gemma3", "llama", "gpt2"])
def test_the_estimate_is_the_most_that_a_recomputed_step_holds(name, tmp_path):
    """In models as tiny as these what a forward has for a moment can be more; in these five it is not."""
    checkpoint = checkpoint_of(FAMILIES[name], tmp_path)
    encoded = asked(checkpoint.encoder, tmp_path, FAMILIES[name].vision)
    _, _, activations, packs = held(checkpoint, encoded, True)
    assert counted(checkpoint, encoded, packs, True).activations == pytest.approx(activations, rel=WITHIN)


@pytest.mark.parametrize("family", [one for one in RUN if one.why == RECURRENT], ids=lambda family: family.name)
def test_what_cannot_be_packed_is_not_counted_packed(family, tmp_path):
    checkpoint = checkpoint_of(family, tmp_path)
    encoded = asked(checkpoint.encoder, tmp_path, family.vision)
    with pytest.raises(CannotPackError, match=RECURRENT):
        counted(checkpoint, encoded, True, False)

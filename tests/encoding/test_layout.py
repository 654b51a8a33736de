"""Masks and positions of packed rows: cut from those that the model's own code gives each question alone."""

import pytest
import torch
from transformers import AutoModelForImageTextToText

from tests.support import families
from tests.support.examples import image
from unlearnzoo import Example
from unlearnzoo.encoding.collate import collate
from unlearnzoo.encoding.layout import CannotPackError, Layout, causal, laid, seen
from unlearnzoo.encoding.packing import rows
from unlearnzoo.models.checkpoint import inspect


def test_a_causal_mask_is_the_definition():
    """Prefix of 2, questions of 2 and 1, one place of padding."""
    expected = """
        1 . . . . .
        1 1 . . . .
        1 1 1 . . .
        1 1 1 1 . .
        1 1 . . 1 .
        1 1 . . . 1
    """
    wanted = torch.tensor([[c == "1" for c in line.split()] for line in expected.strip().splitlines()])
    mask = causal(torch.tensor([[0, 0, 1, 1, 2, -1]]))[0, 0]
    # What sees the padding, and what padding sees of others, is nobody's.
    assert torch.equal(mask[:5, :5], wanted[:5, :5]) and not mask[:5, 5].any() and mask[5, 5]


def test_questions_see_the_prefix_and_themselves_as_alone():
    """A window of 2 places, positions 0 to 3 each: the second token of a question does not see the prefix's first."""
    window = torch.ones(4, 4, dtype=torch.bool).tril() & ~torch.ones(4, 4, dtype=torch.bool).tril(-2)
    mask = seen([[window, window]], [2], 7)[0, 0]
    assert mask.shape == (7, 7)
    for start in (2, 4):  # tokens at positions 2 and 3 of each question
        assert mask[start].nonzero()[:, 0].tolist() == [1, start]
        assert mask[start + 1].nonzero()[:, 0].tolist() == [start, start + 1]
    assert mask[6].nonzero()[:, 0].tolist() == [6]
    both = window.clone()
    both[0, 3] = True
    with pytest.raises(CannotPackError, match="prefix sees what follows"):
        seen([[both]], [2], 4)


def test_positions_go_on_from_the_prefix():
    one = torch.stack([torch.arange(4), torch.arange(4) + 10, torch.arange(4) + 20])
    other = one + 100
    found = laid([[one, other], [one]], [2, 1], 6)
    assert found.shape == (3, 2, 6)
    assert found[0, 0].tolist() == [0, 1, 2, 3, 102, 103] and found[2, 1].tolist() == [20, 21, 22, 23, 0, 0]


@pytest.fixture(scope="module")
def gemma(tmp_path_factory):
    folder = families.FAMILIES["gemma3"].build(tmp_path_factory.mktemp("gemma3") / "model")
    return inspect("g", folder), AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()


def test_gemma_has_a_mask_for_each_kind_of_layer_and_a_picture_that_sees_itself(gemma):
    """And a packed row gives the logits of rows alone, computed by the plain model with its own masks."""
    checkpoint, model = gemma
    picture = image(1, 48, 48)
    questions = ("Who is it?", "What does the person in this picture do for a living?", "Where?")
    encoded = [
        checkpoint.encoder.encode(Example(f"e{i}", "id", (picture,), question, f"A chef {i}."))
        for i, question in enumerate(questions)
    ]
    layout = Layout(model)
    masks = layout.masks(encoded[1])
    assert set(masks) == {"full_attention", "sliding_attention"}
    image_id = checkpoint.encoder.image_id
    block = [i for i, token in enumerate(encoded[1].prompt) if token == image_id]
    assert masks["full_attention"][block[0], block[-1]], "its pixels see each other in both directions"
    assert masks["sliding_attention"].sum() < masks["full_attention"].sum()

    def pixels(prompts):
        return checkpoint.encoder.inputs.joined(
            [checkpoint.encoder.inputs.images(prompt.text, prompt.images) for prompt in prompts]
        )

    batch = collate(rows(encoded, 3), 0, pixels, layout)
    (inputs,) = batch.parts
    assert inputs["input_ids"].shape[0] == 1 and set(inputs["attention_mask"]) == set(masks)
    with torch.no_grad():
        packed = model(**inputs, use_cache=False).logits[0, batch.at[:, 2]]
        for i, one in enumerate(encoded):
            ids = torch.tensor([one.prompt + one.answer])
            alone = model(input_ids=ids, **one.beside, **pixels([one])).logits[0, len(one.prompt) - 1 : -1]
            assert torch.allclose(packed[batch.row == i], alone, atol=1e-4)


@pytest.mark.filterwarnings("ignore:__array_:DeprecationWarning")
def test_a_picture_that_sees_the_question_cannot_be_shared(tmp_path):
    folder = families.FAMILIES["paligemma"].build(tmp_path / "model")
    checkpoint = inspect("p", folder)
    layout = Layout(AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32))
    encoded = [checkpoint.encoder.encode(Example(f"e{i}", "id", (image(1),), f"Who {i}?", "Ann.")) for i in range(2)]
    with pytest.raises(CannotPackError, match="prefix sees what follows"):
        collate(rows(encoded, 2), 0, lambda prompts: {}, layout)

"""Examples become the tokens that the model's own processor gives."""

import dataclasses

import pytest

from tests.support.examples import people
from unlearnzoo.errors import DataError


def test_prompt_and_answer_equal_the_processors_own_layout(engine):
    example, processor = people(1, 2)[1], engine.encoder.processor
    found = engine.encode(example)
    text = f"USER: <image>\n{example.question} ASSISTANT:"
    ids = processor(images=[example.images[0].open()], text=text).input_ids[0]
    assert list(found.prompt) == list(ids)
    assert found.prefix.count(engine.encoder.image_id) == 4
    tokenizer = engine.encoder.tokenizer
    assert tokenizer.decode(found.answer, skip_special_tokens=True).strip() == example.answer
    assert found.answer[-1] == tokenizer.eos_token_id


def test_questions_on_one_image_share_their_prefix(engine):
    a, b = (engine.encode(e) for e in people(1, 2))
    assert a.prefix == b.prefix and a.image_key == b.image_key and a.context != b.context


def test_candidates_score_the_value_alone(engine):
    decode = engine.encoder.tokenizer.decode
    found = engine.encoder.candidates(people(1, 1)[0], ["pastry chef", "bus driver"])
    assert [decode(e.answer).strip() for e in found] == ["pastry chef", "bus driver"]
    assert decode(found[0].prefix).endswith("The job of the person in the image is")
    assert found[0].prefix == found[1].prefix


def test_an_image_token_in_the_data_is_refused(engine):
    bad = dataclasses.replace(people(1, 1)[0], question="What is <image> here?")
    with pytest.raises(DataError, match="control token"):
        engine.encoder.encode(bad)


def test_an_empty_question_is_an_assistant_sentence_after_the_image(engine):
    example = dataclasses.replace(people(1, 1)[0], question="", answer="The job of the person in the image is chef.")
    cloze = engine.encoder.candidates(people(1, 1)[0], ["chef."])[0]
    found = engine.encoder.encode(example)
    assert (found.prompt + found.answer)[:-1] == cloze.prompt + cloze.answer


def test_what_is_kept_of_examples_is_bounded_and_what_was_forgotten_is_encoded_alike(engine):
    from unlearnzoo.data.bounded import BoundedCache

    examples = people(3, 4)
    whole = [engine.encode(example) for example in examples]
    assert [engine.encode(example) for example in examples][0] is whole[0]
    engine.encoder._encoded = BoundedCache(3 * max(one.nbytes for one in whole), lambda one: one.nbytes)
    for _ in range(2):
        assert [engine.encode(example) for example in examples] == whole
        assert 2 <= len(engine.encoder._encoded) <= 4


def test_completions_of_more_sentences_than_are_kept_are_made_again_alike(engine):
    from unlearnzoo.data.bounded import BoundedCache

    example, values = people(1, 1)[0], ["pastry chef", "bus driver"]
    others = [dataclasses.replace(example, cloze=f"{example.cloze} number {i}") for i in range(3)]
    kept = [engine.encoder.candidates(one, values) for one in others]
    engine.encoder._completed = BoundedCache(0, lambda made: 1)
    assert [engine.encoder.candidates(one, values) for one in others] == kept and not len(engine.encoder._completed)

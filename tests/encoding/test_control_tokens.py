"""Control tokens in somebody's data are found, or become the characters that they are written with."""

import dataclasses

import pytest
from transformers import AutoProcessor

from tests.support.examples import people
from unlearnzoo.encoding.encode import Encoder
from unlearnzoo.errors import DataError


@pytest.fixture(scope="module")
def processor(checkpoint_folder):
    return AutoProcessor.from_pretrained(checkpoint_folder)


@pytest.fixture(scope="module")
def as_text(processor):
    return Encoder(processor, "text")


TEXTS = ["a </s> b", "</s>", "x</s><pad>y", "<image>\nWho?", "ends</s>", "<s>begins", "12 Oak </s> Street <unk>."]


@pytest.mark.parametrize("text", TEXTS)
def test_as_text_the_data_decode_to_what_was_written_and_hold_no_control_token(as_text, text):
    example = dataclasses.replace(people(1, 1)[0], question=text, answer=text)
    encoded, tokenizer = as_text.encode(example), as_text.tokenizer
    assert encoded.answer[-1] == tokenizer.eos_token_id
    ids = (*encoded.context, *encoded.answer[:-1])
    assert not set(ids) & as_text.control.ids
    assert " ".join(tokenizer.decode(encoded.answer[:-1]).split()) == " ".join(text.split())
    assert f"{text} ASSISTANT:" in tokenizer.decode(encoded.context)
    assert encoded.prefix.count(as_text.image_id) == 4


def test_all_else_is_encoded_as_it_would_be(as_text, processor):
    for example in people(2, 3):
        assert as_text.encode(example) == Encoder(processor).encode(example)


@pytest.mark.parametrize("text", TEXTS)
def test_refused_by_default_wherever_they_stand(processor, text):
    encoder, example = Encoder(processor), people(1, 1)[0]
    for broken in (dataclasses.replace(example, question=text), dataclasses.replace(example, answer=text)):
        with pytest.raises(DataError, match=f"{example.id}: '<.*' in .* is a control token of the model"):
            encoder.encode(broken)
    with pytest.raises(DataError, match="control token"):
        encoder.candidates(example, [text])


def test_an_added_token_that_cannot_be_text_is_refused_by_name(checkpoint_folder):
    """One that the tokenizer does not call special, but that the template writes."""
    processor = AutoProcessor.from_pretrained(checkpoint_folder)
    processor.tokenizer.add_tokens(["<|turn|>"])
    processor.chat_template = processor.chat_template.replace(
        "m['role'].upper()", "'<|turn|>' + m['role'].upper()"
    ).replace("'ASSISTANT:'", "'<|turn|>ASSISTANT:'")
    example = dataclasses.replace(people(1, 1)[0], question="What is <|turn|>?")
    with pytest.raises(DataError, match=r"'<\|turn\|>' in .* is a control token"):
        Encoder(processor).encode(example)
    with pytest.raises(DataError, match=r"'<\|turn\|>' cannot be encoded as text by this tokenizer"):
        Encoder(processor, "text").encode(example)


def test_many_at_once_are_encoded_as_one_by_one(processor, as_text):
    examples = [*people(2, 3), *(dataclasses.replace(people(1, 1)[0], question=text) for text in TEXTS)]
    bulk = Encoder(processor, "text")
    bulk.prepare((example, None) for example in examples)
    kept = len(bulk._encoded)
    assert [bulk.cached(example) for example in examples] == [as_text.encode(example) for example in examples]
    assert len(bulk._encoded) == kept == len(examples)


@pytest.mark.parametrize("text", ["\U000f0001 home", "\U000f0000\U0010fffd"])
def test_private_characters_of_the_data_are_no_control_tokens(processor, as_text, text):
    """Icons of fonts, which stand in texts from the web."""
    example = dataclasses.replace(people(1, 1)[0], question=text, answer=text)
    for encoder in (Encoder(processor), as_text):
        encoded = encoder.encode(example)
        unknown = {processor.tokenizer.unk_token_id}
        assert not {*encoded.context, *encoded.answer[:-1]} & (encoder.control.ids - unknown)


@pytest.mark.parametrize("text", ["</s> \U00100001", "\U00100000\U0010fffd"])
def test_the_private_characters_of_stand_ins_are_refused_where_those_are_made(processor, as_text, text):
    example = dataclasses.replace(people(1, 1)[0], answer=text)
    with pytest.raises(DataError, match="holds a private character above U.100000, which --special-tokens text has"):
        as_text.encode(example)
    example = dataclasses.replace(example, answer=text.removeprefix("</s>"))
    assert not set(Encoder(processor).encode(example).answer[:-1]) & {processor.tokenizer.eos_token_id}

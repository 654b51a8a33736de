"""What the model's own processor makes of a prompt: asked with blank pictures for tokens, with real ones for pixels."""

import dataclasses

import pytest
import torch
from transformers import AutoConfig, AutoProcessor

from tests.support import families
from tests.support.checkpoints import llava_next
from tests.support.examples import image, people
from unlearnzoo.encoding.encode import Encoder
from unlearnzoo.errors import ModelError
from unlearnzoo.image import LazyImage
from unlearnzoo.models.architecture import forward_names

# Of numpy, about processors of transformers that hand it tensors.
pytestmark = pytest.mark.filterwarnings("ignore:__array_:DeprecationWarning")


def encoder_of(folder):
    config = AutoConfig.from_pretrained(folder)
    processor = AutoProcessor.from_pretrained(folder)
    return Encoder(processor, takes=forward_names(config), family=config.model_type)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Encoders of tiny checkpoints that need nothing beside transformers, built once each."""
    kept = {}

    def encoder(name):
        if name not in kept:
            kept[name] = encoder_of(families.FAMILIES[name].build(tmp_path_factory.mktemp("built") / name))
        return kept[name]

    return encoder


@pytest.mark.parametrize("name", ["gemma3", "mllama", "idefics3", "paligemma", "blip2", "deepseek_vl"])
def test_tokens_are_those_of_the_real_picture_though_none_is_opened(built, monkeypatch, name):
    encoder = built(name)
    example = dataclasses.replace(people(1, 1)[0], images=(image(3, 64, 40),))
    size = example.images[0].size
    with monkeypatch.context() as patched:
        patched.setattr(LazyImage, "open", lambda self: pytest.fail("opened for its tokens"))
        encoded = encoder.encode(example)
    text = encoder.chat.prompt(1, example.question)
    special = encoder.chat.adds_special(text)
    own = encoder.processor(text=[text], images=[[image(3, *size).open()]], add_special_tokens=special)
    assert list(encoded.prompt) == list(own["input_ids"][0])
    assert encoder.image_id in encoded.prefix and encoder.image_id not in encoded.context


def test_an_answer_is_told_of_as_generate_would_add_it(built):
    """Gemma 3 repeats what stands beside the prompt's last token; PaliGemma marks what is not read both ways."""
    example = dataclasses.replace(people(1, 1)[0], images=(image(3),))
    for name, said in (("gemma3", 0), ("paligemma", 1)):
        encoded = built(name).encode(example)
        types = encoded.beside["token_type_ids"][0]
        assert len(types) == len(encoded.prompt) + len(encoded.answer)
        assert set(types[len(encoded.prompt) :].tolist()) == {said}
        candidate = built(name).candidates(dataclasses.replace(example, cloze="She lives in"), ["Graz", "Linz"])[0]
        types = candidate.beside["token_type_ids"][0]
        assert set(types[-len(candidate.answer) :].tolist()) == {said}


def test_pixels_depend_on_the_question_where_a_part_reads_it(built):
    assert not built("blip2").inputs.reads_question and built("instructblip").inputs.reads_question
    asked = [built("instructblip").chat.prompt(1, text) for text in ("Who?", "Where does she live?")]
    one, other = (built("instructblip").inputs.images(text, [image(1)]) for text in asked)
    assert one["qformer_input_ids"].shape != other["qformer_input_ids"].shape


def test_images_are_joined_as_the_processor_joins_them(tmp_path):
    """Of different shapes: in pieces of unequal number, which are padded."""
    encoder = encoder_of(llava_next(tmp_path))
    text = encoder.chat.prompt(1, "Who?")
    pictures = [image(1, 24, 48), image(2, 40, 40)]
    found = encoder.inputs.joined([encoder.inputs.images(text, [picture]) for picture in pictures])
    own = encoder.processor(text=[text] * 2, images=[[p.open()] for p in pictures], return_tensors="pt", padding=True)
    assert found.keys() == {"pixel_values", "image_sizes"}
    for name, tensor in found.items():
        assert torch.equal(tensor, own[name]), name


def test_a_processor_that_fails_is_one_line(checkpoint_folder, monkeypatch):
    encoder = encoder_of(checkpoint_folder)
    monkeypatch.setattr(type(encoder.processor), "__call__", lambda *_, **__: 1 // 0)
    with pytest.raises(ModelError, match="^the processor does not work: .*zero$"):
        encoder.inputs.prompt("USER: <image>\nNever asked ASSISTANT:", [(64, 64)])


def test_a_processor_without_a_template_that_puts_no_image_is_refused(checkpoint_folder):
    processor = AutoProcessor.from_pretrained(checkpoint_folder)
    processor.chat_template = processor.tokenizer.chat_template = None
    with pytest.raises(ModelError, match="^there is no chat template, and the processor "):
        Encoder(processor)


def test_a_template_that_drops_the_image_is_refused(checkpoint_folder):
    processor = AutoProcessor.from_pretrained(checkpoint_folder)
    processor.chat_template = processor.chat_template.replace("<image>", "")
    with pytest.raises(ModelError, match="[Ff]ound total 0 <image> tokens|^the chat template drops the image: 'USER: "):
        Encoder(processor)


def test_the_image_part_is_asked_once_for_each_size(checkpoint_folder, monkeypatch):
    encoder = encoder_of(checkpoint_folder)
    asked, stock = [], type(encoder.processor.image_processor).__call__

    def count(self, images, *args, **kwargs):
        asked.append(images)
        return stock(self, images, *args, **kwargs)

    monkeypatch.setattr(type(encoder.processor.image_processor), "__call__", count)
    for i, size in enumerate([(64, 64), (48, 96), (64, 64)]):
        for question in range(4):
            encoder.inputs.prompt(f"USER: <image>\nQuestion {question} {i} ASSISTANT:", [size])
    assert len(asked) == 2


def test_text_alone_has_no_place_for_an_image(built):
    encoder = built("llama")
    assert encoder.image_id is None and not encoder.encode(dataclasses.replace(people(1, 1)[0], images=())).prefix
    with pytest.raises(ModelError, match=r": the model takes text alone: no place for an image$"):
        encoder.encode(people(1, 1)[0])


def test_a_base_model_is_asked_by_question_and_answer(built):
    encoder = built("gpt2")
    example = dataclasses.replace(people(1, 1)[0], images=(), question="Who is it?", answer="Ann.")
    encoded = encoder.encode(example)
    assert encoder.tokenizer.decode(encoded.prompt) == "Question: Who is it?\nAnswer:"
    assert encoder.tokenizer.decode(encoded.answer[:-1]) == " Ann." and encoded.answer[-1] in encoder.ends


def test_all_end_tokens_of_a_checkpoint_end_an_answer(tmp_path):
    """Gemma's template ends a turn with another token than the tokenizer's: none is put behind it."""
    from unlearnzoo.models.checkpoint import inspect

    encoder = inspect("g", families.FAMILIES["gemma3"].build(tmp_path / "g")).encoder
    encoded = encoder.encode(people(1, 1)[0])
    end = encoder.tokenizer.convert_tokens_to_ids("<end_of_turn>")
    assert encoded.answer[-1] == end != encoder.tokenizer.eos_token_id and encoded.answer.count(end) == 1
    assert encoder.tokenizer.eos_token_id not in encoded.answer


def test_thinking_is_off_where_the_template_offers_it(tmp_path):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(families.FAMILIES["qwen3"].build(tmp_path / "q"))
    off = "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}"
    tokenizer.chat_template = (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n"
        "{% if m.role == 'assistant' %}<think>\n\n</think>\n\n{% endif %}{{ m.content }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n" + off + "{% endif %}"
    )
    encoder = Encoder(tokenizer)
    example = dataclasses.replace(people(1, 1)[0], images=(), answer="Ann.")
    assert encoder.chat.prompt(0, "Who?").endswith("assistant\n<think>\n\n</think>\n\n")
    assert tokenizer.decode(encoder.encode(example).answer) == "Ann.<|im_end|>"

"""A chat template is tried with marks: what drops, repeats, misplaces or prints a content is refused, naming why."""

import dataclasses

import pytest
from tokenizers.processors import TemplateProcessing
from transformers import AutoProcessor

from tests.support.checkpoints import TEMPLATE
from tests.support.examples import people
from unlearnzoo.encoding.chat import Chat
from unlearnzoo.encoding.encode import Encoder
from unlearnzoo.errors import ModelError

LOOP = "{% for m in messages %}BODY{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
PARTS = (
    "{% for c in m['content'] %}{% if c['type'] == 'image' %}<image>{% else %}{{ c['text'] }} {% endif %}{% endfor %}"
)
HEAD = "{{ m['role'].upper() + ': ' }}"


def looped(body):
    return LOOP.replace("BODY", body)


@pytest.fixture
def processor(checkpoint_folder):
    return AutoProcessor.from_pretrained(checkpoint_folder)


def chat(processor, template):
    processor.chat_template = template
    return Chat(processor)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        (looped(HEAD + "{{ m['content'][0]['text'] }} "), "with an image, the chat template drops the question"),
        (looped(HEAD + PARTS + PARTS), "writes the question 2 times"),
        (looped("{% if m['role'] == 'user' %}" + HEAD + PARTS + "{% endif %}"), "drops the answer"),
        (TEMPLATE.split("{% if add_gen")[0], "writes 'ASSISTANT:' between the generation prompt and the answer"),
        (looped("{{ 'SAYS: ' }}" + PARTS), "'ASSISTANT:' is no beginning of the conversation|is no beginning"),
        (looped(HEAD + PARTS + "{{ raise_exception('only one turn') }}"), "the chat template fails: only one turn"),
        ("{% for m in messages %}", "the chat template fails: "),
        (
            looped("{{ m['role'] + ': ' + m['content'] + 1 }}"),
            r"can only concatenate str .* to str; given each content",
        ),
        (looped("{{ nothing['of'] }}"), "the chat template fails: 'nothing' is undefined"),
    ],
)
def test_a_template_that_loses_or_repeats_what_it_is_given_is_refused(processor, template, text):
    with pytest.raises(ModelError, match=text) as found:
        chat(processor, template)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("content", ["{{ m['content'] }}", "{{ '' + m['content'] }}", "{{ m['content'] | trim }}"])
def test_a_template_of_strings_is_given_strings_and_refuses_images(processor, content):
    found = chat(processor, looped(HEAD + content + " "))
    assert found.strings and found.prompt(0, "Who?").rstrip() == "USER: Who? ASSISTANT:"
    assert found.conversation(0, "Who?", "Ann.") == "USER: Who? ASSISTANT: Ann."
    example = people(1, 1)[0]
    with pytest.raises(ModelError, match=f"{example.id}: the chat template takes text alone, each content as a string"):
        Encoder(processor).encode(example)


def test_a_template_that_takes_lists_gets_lists(processor):
    found = chat(processor, TEMPLATE)
    assert not found.strings and found.prompt(1, "Who?") == "USER: <image>\nWho? ASSISTANT:"


def test_the_token_of_an_image_is_what_the_processor_puts_there(processor):
    """Whatever the processor calls it."""
    expected = processor.image_token_id
    processor.chat_template = TEMPLATE
    found = Encoder(processor)
    assert found.image_id == expected
    assert found.image_tokens((64, 64)) == 4  # 16 pixels a side, in patches of 8


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{{ c['text'] | e }}", "'R&D'.*'USER: <image>R&amp;D ASSISTANT:'"),
        ("{{ c['text'].split('&')[0] }}", "'R&D'"),
        ("{{ c['text'] | replace('&', 'and') }}", "'R&D'"),
    ],
)
def test_a_template_that_changes_a_text_is_refused_with_the_row(processor, text, told):
    """The trial's marks come through such a template; somebody's question does not."""
    processor.chat_template = looped(HEAD + PARTS.replace("{{ c['text'] }}", text))
    encoder, example = Encoder(processor), people(1, 1)[0]
    with pytest.raises(ModelError, match=f"{example.id}: the chat template changes the question {told}"):
        encoder.encode(dataclasses.replace(example, question="R&D"))
    with pytest.raises(ModelError, match=f"{example.id}: the chat template changes the answer 'R&D'"):
        encoder.encode(dataclasses.replace(example, question="Who?", answer="R&D"))


@pytest.mark.parametrize("text", ["{{ c['text'] | trim }}", "{{ c['text'] | replace('\n', ' ') }}"])
def test_a_template_may_space_a_text_its_own_way(processor, text):
    processor.chat_template = looped(HEAD + PARTS.replace("{{ c['text'] }}", text))
    example = dataclasses.replace(people(1, 1)[0], question=" Who\nis it? ", answer="Ann\nLee ")
    encoded = Encoder(processor).encode(example)
    assert "".join(processor.tokenizer.decode(encoded.answer, skip_special_tokens=True).split()) == "AnnLee"


@pytest.mark.parametrize("behind", ["{{ 'ASSISTANT:' }}", "{% if not add_generation_prompt %}### The end{% endif %}"])
def test_a_template_that_writes_words_behind_the_answer_is_refused(processor, behind):
    template = looped(HEAD + PARTS)
    with pytest.raises(ModelError, match="writes '.*' behind the answer, which would be scored as a part of it"):
        chat(processor, template.split("{% if add_gen")[0] + behind if "ASS" in behind else template + behind)


@pytest.mark.parametrize("end", ["<|im_end|>", "<|im_end|>\n", "{{ eos_token }}", "\n###\n"])
def test_what_ends_a_turn_is_no_word(processor, end):
    processor.tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    head = "<|im_start|>{{ m['role'] }}\n"
    body = "{% for m in messages %}" + head + PARTS + end + "{% endfor %}"
    found = chat(processor, body + "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}")
    assert found.conversation(0, "Who?", "Ann.").startswith("<|im_start|>user\nWho? ")


def test_the_date_that_a_template_writes_is_always_the_same(processor):
    """A target learned today is the one that is asked tomorrow."""
    found = chat(
        processor, "{{ strftime_now('%d %b %Y %H:%M:%S.%f') }} {{ strftime_now(\"%A\") }} " + looped(HEAD + PARTS)
    )
    assert found.prompt(0, "Who?").startswith("26 Jul 2024 00:00:00.000000 Friday USER: Who?")


@pytest.mark.parametrize("single", ["<s> $A </s>", "$A </s> </s>"])
def test_what_the_tokenizer_adds_behind_a_text_stands_before_no_answer(processor, single):
    """BERT's and T5's add an end token to all texts, the prompt among them."""
    example = people(1, 1)[0]
    plain = Encoder(AutoProcessor.from_pretrained(processor.tokenizer.name_or_path)).encode(example)
    ids = [(token, processor.tokenizer.convert_tokens_to_ids(token)) for token in ("<s>", "</s>")]
    processor.tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single=single, special_tokens=ids)
    encoder = Encoder(processor)
    bos = (ids[0][1],) * ("<s>" in single)
    encoded = encoder.encode(example)
    assert encoded.prefix == bos + tuple(i for i in plain.prefix if i != ids[0][1])
    assert (encoded.context, encoded.answer) == (plain.context, plain.answer)
    encoder.prepare([(example, None)])
    assert encoder.cached(example) == encoded


def test_a_template_that_writes_one_image_for_two_is_called_so(processor):
    one = "{% for c in m['content'] if c['type'] == 'text' %}{{ c['text'] }} {% endfor %}"
    processor.chat_template = looped(HEAD + "{% if m['content'][0]['type'] == 'image' %}<image>{% endif %}" + one)
    example = people(1, 1)[0]
    with pytest.raises(ModelError, match="the chat template writes as much for 2 images as for 1"):
        Encoder(processor).encode(dataclasses.replace(example, images=example.images * 2))


def test_a_tokenizer_without_an_end_token_is_refused(processor):
    processor.tokenizer.eos_token = None
    with pytest.raises(ModelError, match="the tokenizer has no end token; name it in tokenizer_config.json: eos_token"):
        Chat(processor)

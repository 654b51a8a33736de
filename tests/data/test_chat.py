"""A chat template is tried with marks: what drops, repeats, misplaces or prints a content is refused, naming why."""

import pytest
from transformers import AutoProcessor

from tests.support.checkpoints import TEMPLATE
from tests.support.examples import people
from unlearnzoo.data.chat import Chat
from unlearnzoo.data.encode import Encoder
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
        (looped(HEAD + PARTS.replace("<image>", "")), "the chat template drops the image: 'USER: "),
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
        (None, "has no chat template"),
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
    found = Chat(processor)
    assert found.image_id == expected
    assert found.image_tokens((64, 64)) == 4  # 16 pixels a side, in patches of 8

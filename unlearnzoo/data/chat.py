"""A model's chat template, tried on one conversation with marks before anything is encoded by it."""

import datetime
import functools
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import ModelError, first_line
from .problems import quoted
from .words import words_of

if TYPE_CHECKING:
    from PIL.Image import Image
    from transformers import ProcessorMixin

_Message = dict[str, str | list[dict[str, str]]]
#: What is asked and answered in the trial: words that no template has of its own, and that lower case would change.
QUESTION, ANSWER = "MarkedQuestion", "MarkedAnswer"
#: Rendered conversations that are kept.
_RENDERED = 1 << 13
#: What a template takes for today (Llama 3's own date): a target learned today is the one that is asked tomorrow.
_TODAY = datetime.datetime(2024, 7, 26)
_DATE = re.compile(r"""strftime_now\(\s*(['"])(.*?)\1\s*\)""")
#: A content that was printed as data rather than read.
_PRINTED = re.compile(r"""['"]type['"]\s*:""")


class Chat:
    """Writes conversations as a processor's chat template does.

    Args:
        processor: a transformers processor.

    Attributes:
        image_id: the token that the processor puts, once or often, where an image is; None where the template takes
            texts alone.
        strings: the template wants a content as a string, and has no place for an image.

    Raises:
        ModelError: there is no template, it fails, or a question, an answer or an image does not come out of it once
            and in its place.
    """

    def __init__(self, processor: "ProcessorMixin") -> None:
        if not getattr(processor, "chat_template", None):
            raise ModelError("the processor has no chat template; an instruction-tuned checkpoint has one")
        self.processor, self.tokenizer = processor, processor.tokenizer
        if self.tokenizer.eos_token_id is None:
            raise ModelError("the tokenizer has no end token; name it in tokenizer_config.json: eos_token")
        # Many rows ask the same of other images.
        self._rendered = functools.lru_cache(_RENDERED)(self._render)
        self.strings = False
        self._ends = self._added_behind()
        self._template = _undated(processor.chat_template)
        if trouble := self._trouble(images=0):
            self.strings = True
            if as_string := self._trouble(images=0):
                also = "" if as_string == trouble else f"; given each content as a string, {as_string}"
                raise ModelError(f"{trouble}{also}")
        elif trouble := self._trouble(images=1):
            raise ModelError(f"with an image, {trouble}")
        self.image_id = None if self.strings else self._image_token()

    def prompt(self, images: int, question: str) -> str:
        """Return the user's turn and what begins the assistant's.

        Raises:
            ModelError: the template fails on it, or takes no image.
        """
        return self._rendered(self.strings, images, question, None)

    def conversation(self, images: int, question: str, answer: str) -> str:
        """Return the user's turn and the assistant's; errors as of ``prompt``."""
        return self._rendered(self.strings, images, question, answer).rstrip()

    def ids(self, text: str, special: bool | None = None) -> list[int]:
        """Return the tokens of a rendered text; the beginning-of-text token is there once.

        Args:
            text: from ``prompt`` or ``conversation``.
            special: whether the tokenizer adds its own; None: where the template has not written it.
        """
        special = self.adds_special(text) if special is None else special
        return self.without_end(list(self.tokenizer(text, add_special_tokens=special).input_ids), special)

    def bulk_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return ``ids`` of many texts at once, which is much faster; all of one template begin alike."""
        special = bool(texts) and self.adds_special(texts[0])
        if not texts:
            return []
        return [
            self.without_end(ids, special) for ids in self.tokenizer(list(texts), add_special_tokens=special).input_ids
        ]

    def without_end(self, ids: list[int], special: bool) -> list[int]:
        """Return ids without what the tokenizer adds behind a text: a conversation's end is its template's to write.

        Args:
            ids: of a text.
            special: whether the tokenizer added its own.
        """
        return ids[: len(ids) - self._ends] if special else ids

    def adds_special(self, text: str) -> bool:
        """Return whether the tokenizer is to add its own beginning: where the template has not written one."""
        bos = self.tokenizer.bos_token
        return not (bos and text.startswith(bos))

    def processed(self, images: "Sequence[Image]", text: str) -> list[int]:
        """Return what the processor itself makes of a rendered text with images."""
        special = self.adds_special(text)
        more = {} if special else {"add_special_tokens": False}
        ids = [int(i) for i in self.processor(images=list(images), text=[text], **more).input_ids[0]]
        return self.without_end(ids, special)

    def image_tokens(self, size: tuple[int, int]) -> int:
        """Return how many tokens the processor gives an image of this width and height."""
        from PIL import Image

        return self.processed([Image.new("RGB", size)], self.prompt(1, "")).count(self.image_id or 0)

    def _turn(self, role: str, images: int, text: str) -> _Message:
        if self.strings:
            if images:
                raise ModelError("the chat template takes text alone, each content as a string: no place for an image")
            return {"role": role, "content": text}
        parts = [{"type": "image"}] * images
        # A turn that is only an image, or only a text, has no other part.
        return {
            "role": role,
            "content": [*parts, *([{"type": "text", "text": text}] if text or role != "user" else [])],
        }

    def _render(self, strings: bool, images: int, question: str, answer: str | None) -> str:
        """Return a conversation, up to the generation prompt where there is no answer; ``strings`` is the object's."""
        messages = [self._turn("user", images, question)]
        messages += [] if answer is None else [self._turn("assistant", 0, answer)]
        try:
            text: str = self.processor.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=answer is None, chat_template=self._template
            )
        except Exception as error:  # noqa: BLE001 - the template is the model's own code
            raise ModelError(f"the chat template fails: {first_line(error)}") from None
        return text

    def _trouble(self, images: int) -> str | None:
        """Return what is wrong with what the template makes of a question and an answer; None if nothing is."""
        try:
            prompt, whole = self.prompt(images, QUESTION), self.conversation(images, QUESTION, ANSWER)
        except ModelError as error:
            return str(error)
        if _PRINTED.search(whole):
            return f"the chat template prints the content as data: {_short(whole)}"
        for text, marks in ((prompt, (QUESTION,)), (whole, (QUESTION, ANSWER))):
            for mark in marks:
                what = "question" if mark == QUESTION else "answer"
                if not (n := text.count(mark)):
                    return f"the chat template drops the {what}: {_short(text)}"
                if n > 1:
                    return f"the chat template writes the {what} {n} times: {_short(text)}"
        start = prompt.rstrip()
        if not whole.startswith(start):
            return (
                f"the chat template's generation prompt {_short(prompt)} is no beginning of the conversation "
                f"{_short(whole)}"
            )
        if between := whole[len(start) : whole.index(ANSWER)].strip():
            return f"the chat template writes {between!r} between the generation prompt and the answer"
        if words_of(behind := self._plain(whole[whole.index(ANSWER) + len(ANSWER) :])):
            return f"the chat template writes {behind!r} behind the answer, which would be scored as a part of it"
        return None

    def _plain(self, text: str) -> str:
        """Return a text without the tokens that the tokenizer was given by name."""
        names = {*map(str, self.tokenizer.added_tokens_decoder.values()), *self.tokenizer.all_special_tokens}
        for name in sorted(names, key=len, reverse=True):
            text = text.replace(name, "")
        return text.strip()

    def _added_behind(self) -> int:
        """Return how many tokens the tokenizer adds behind a text (``[SEP]``, or ``</s>``)."""
        bare, full = (list(self.tokenizer(QUESTION, add_special_tokens=own).input_ids) for own in (False, True))
        last = next((n for n in range(len(full), 0, -1) if full[:n][-len(bare) :] == bare), len(full))
        return len(full) - last

    def _image_token(self) -> int:
        """Find the token of an image by what the processor makes of a conversation with one."""
        from PIL import Image

        text = self.prompt(1, QUESTION)
        if text.strip() == self.prompt(0, QUESTION).strip():
            raise ModelError(f"the chat template drops the image: {_short(text)}")
        plain = self.ids(text)
        try:
            given = self.processed([Image.new("RGB", (64, 64))], text)
        except Exception as error:  # noqa: BLE001 - it may be the model's own code
            raise ModelError(f"the processor does not work: {first_line(error)}") from None
        put = set(_differing(plain, given))
        if not put:  # one token per image, or none: then it is the added token that only a text with an image has
            without = self.ids(self.prompt(0, QUESTION))
            put = (set(given) - set(without)) & set(self.tokenizer.added_tokens_decoder)
        if not put:
            raise ModelError("the processor has no token for an image: not a vision-language model?")
        image = put.pop()
        if put or plain.count(image) != 1:
            raise ModelError("this processor lays out image tokens in a way that is not supported yet")
        return image


def require_kept(what: str, given: str, written: str) -> None:
    """Refuse what a template made of a text where it is another text; spacing does not count.

    Raises:
        ModelError: it cuts, escapes or changes the text.
    """
    if given not in written and " ".join(given.split()) not in " ".join(written.split()):
        raise ModelError(f"the chat template changes the {what} {quoted(given)}: {quoted(written.strip())}")


def _undated(template: str | dict[str, str]) -> str | dict[str, str] | None:
    """Return a template that writes the same date each day; None: the processor's own, which writes none."""
    if not isinstance(template, str) or not _DATE.search(template):
        return None
    return _DATE.sub(lambda call: repr(_TODAY.strftime(call[2])), template)


def _differing(plain: Sequence[int], given: Sequence[int]) -> Sequence[int]:
    """Return what ``given`` has between its common beginning and its common end with ``plain``."""
    shorter = min(len(plain), len(given))
    start = next((i for i in range(shorter) if plain[i] != given[i]), shorter)
    end = next((i for i in range(shorter - start) if plain[-1 - i] != given[-1 - i]), shorter - start)
    return given[start : len(given) - end]


def _short(text: str) -> str:
    shown = repr(text)
    return shown if len(shown) <= 90 else f"{shown[:87]}..."

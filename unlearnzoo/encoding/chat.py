"""A model's chat template, tried on one conversation with marks before anything is encoded by it."""

import datetime
import functools
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..data.problems import quoted
from ..data.words import words_of
from ..errors import ModelError, first_line

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, ProcessorMixin

_Message = dict[str, str | list[dict[str, str]]]
#: What is asked and answered in the trial: words that no template has of its own, and that lower case would change.
QUESTION, ANSWER = "MarkedQuestion", "MarkedAnswer"
#: Rendered conversations that are kept.
_RENDERED = 1 << 13
#: What a template takes for today (Llama 3's own date): a target learned today is the one that is asked tomorrow.
_TODAY = datetime.datetime(2024, 7, 26)
_DATE = re.compile(r"""strftime_now\(\s*(['"])(.*?)\1\s*\)""")
#: What templates are told where they ask for it: answers are learned and given without thinking aloud before.
_TOLD = {"date_string": _TODAY.strftime("%d %b %Y"), "enable_thinking": False, "thinking": False}
#: A content that was printed as data rather than read.
_PRINTED = re.compile(r"""['"]type['"]\s*:""")


class Chat:
    """Writes conversations as a model's chat template does; "Question: …" and "Answer: …" where it has none.

    Args:
        processor: a transformers processor, or the tokenizer of a model for text alone.

    Attributes:
        template: there is one. Base models have none; they are asked as TOFU asks Phi-1.5 (Maini et al., 2024).
        strings: a content is a string, and an image has no place in it.
        texts_alone: why there is no place for an image, in words.
        added_behind: how many tokens the tokenizer adds behind a text (``[SEP]``, or ``</s>``).

    Raises:
        ModelError: the template fails, or a question, an answer or an image does not come out of it once and in its
            place.
    """

    def __init__(self, processor: "ProcessorMixin | PreTrainedTokenizerBase") -> None:
        self.tokenizer = tokenizer_of(processor)
        if self.tokenizer.eos_token_id is None:
            raise ModelError("the tokenizer has no end token; name it in tokenizer_config.json: eos_token")
        # Some processors (BLIP's) cannot keep a template, and their tokenizer does.
        self._owner = processor if getattr(processor, "chat_template", None) else self.tokenizer
        self.template = bool(self._owner.chat_template)
        # Many rows ask the same of other images.
        self._rendered = functools.lru_cache(_RENDERED)(self._render)
        self.added_behind = self._added_behind()
        self._template = _undated(self._owner.chat_template) if self.template else None
        self._told = {name: value for name, value in _TOLD.items() if name in str(self._owner.chat_template)}
        self.strings = processor is self.tokenizer
        self.texts_alone = (
            "the model takes text alone"
            if self.strings
            else "the chat template takes text alone, each content as a string"
        )
        if trouble := self._trouble(images=0):
            if self.strings:
                raise ModelError(trouble)
            self.strings = True
            if as_string := self._trouble(images=0):
                also = "" if as_string == trouble else f"; given each content as a string, {as_string}"
                raise ModelError(f"{trouble}{also}")
        elif not self.strings and (trouble := self._trouble(images=1)):
            raise ModelError(f"with an image, {trouble}")

    def prompt(self, images: int, question: str) -> str:
        """Return the user's turn and what begins the assistant's.

        Raises:
            ModelError: the template fails on it, or takes no image.
        """
        text = self._rendered(self.strings, images, question, None)
        if images > 1 and self.template and text == self._rendered(self.strings, images - 1, question, None):
            raise ModelError(f"the chat template writes as much for {images} images as for {images - 1}")
        return text

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
        return ids[: len(ids) - self.added_behind] if special else ids

    def adds_special(self, text: str) -> bool:
        """Return whether the tokenizer is to add its own beginning: where the template has not written one."""
        bos = self.tokenizer.bos_token
        return not (bos and text.startswith(bos))

    def _turn(self, role: str, images: int, text: str) -> _Message:
        if self.strings:
            return {"role": role, "content": text}
        parts = [{"type": "image"}] * images
        # A turn that is only an image, or only a text, has no other part.
        return {
            "role": role,
            "content": [*parts, *([{"type": "text", "text": text}] if text or role != "user" else [])],
        }

    def _render(self, strings: bool, images: int, question: str, answer: str | None) -> str:
        """Return a conversation, up to the generation prompt where there is no answer; ``strings`` is the object's."""
        if images and strings:
            raise ModelError(f"{self.texts_alone}: no place for an image")
        if not self.template:
            return f"Question: {question}\nAnswer:" + ("" if answer is None else f" {answer}")
        messages = [self._turn("user", images, question)]
        messages += [] if answer is None else [self._turn("assistant", 0, answer)]
        try:
            text: str = self._owner.apply_chat_template(
                messages,
                tokenize=False,
                add_generation_prompt=answer is None,
                chat_template=self._template,
                **self._told,
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
            return f"the chat template prints the content as data: {short(whole)}"
        for text, marks in ((prompt, (QUESTION,)), (whole, (QUESTION, ANSWER))):
            for mark in marks:
                what = "question" if mark == QUESTION else "answer"
                if not (n := text.count(mark)):
                    return f"the chat template drops the {what}: {short(text)}"
                if n > 1:
                    return f"the chat template writes the {what} {n} times: {short(text)}"
        start = prompt.rstrip()
        if not whole.startswith(start):
            return (
                f"the chat template's generation prompt {short(prompt)} is no beginning of the conversation "
                f"{short(whole)}"
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


def tokenizer_of(processor: "ProcessorMixin | PreTrainedTokenizerBase") -> "PreTrainedTokenizerBase":
    """Return the tokenizer of a processor; a model for text alone has no more than that."""
    return getattr(processor, "tokenizer", processor)


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


def short(text: str) -> str:
    """Return how a text is shown in a message."""
    shown = repr(text)
    return shown if len(shown) <= 90 else f"{shown[:87]}..."

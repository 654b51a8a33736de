"""The text of a reply, from whatever a server sends: whole or streamed, in parts, with thoughts aloud."""

import json
import re
from collections.abc import Iterable, Mapping

#: What ends the thoughts of a model that thinks aloud in its answer; templates may have opened them in the prompt.
_THOUGHT_END = re.compile(r"</think(?:ing)?>|</reasoning>|\[/THINK\]|<\|channel\|>final<\|message\|>")
_THINKING = re.compile(r"\s*(?:<think(?:ing)?>|<reasoning>|\[THINK\]|<\|channel\|>analysis)")
#: Where servers put thoughts beside the answer: llama.cpp and vLLM of then and now.
_ASIDE = ("reasoning_content", "reasoning")
_QUOTED = 100
#: Characters of a web page that are looked through for its title.
_PAGE = 10_000


class Unusable(Exception):
    """A reply that is no verdict, or none at all.

    Args:
        why: in words that are none of the reply's.
        said: how the reply begins.
    """

    def __init__(self, why: str, said: str = "") -> None:
        super().__init__(f"{why}; it says: {said}" if said else why)
        self.why = why


def answer(found: object, bound: int) -> str:
    """Return what a reply answers, without the thoughts before it.

    Args:
        found: a completion as ``openai`` reads it; a text where it is none; None where it is no JSON.
        bound: tokens that it could have.

    Raises:
        Unusable: there is no answer in it, or a part of one.
    """
    body = _streamed(found) if isinstance(found, str) else _plain(found)
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], Mapping):
        raise Unusable("it is no chat completion", said(body.get("error") or body))
    message = choices[0].get("message")
    message = message if isinstance(message, Mapping) else {}
    content, ended = _text(message.get("content")), choices[0].get("finish_reason")
    aside = "".join(_text(message.get(name)) for name in _ASIDE)
    # A search for what precedes the last mark would take hours for a long reply without one.
    rest = content[max((mark.end() for mark in _THOUGHT_END.finditer(content)), default=0) :]
    thinks = bool(_THINKING.match(rest)) or (not rest.strip() and bool(aside or content.strip()))
    if ended == "length":
        if thinks:
            raise Unusable(
                f"it was still thinking aloud when it was cut off at {bound} tokens: turn its thinking off, or raise "
                "gpt.max_tokens",
                said(content or aside),
            )
        raise Unusable(f"it was cut off at {bound} tokens: raise gpt.max_tokens", said(content))
    if isinstance(declined := message.get("refusal"), str) and declined:
        raise Unusable("the judge declines", said(declined))
    if ended == "content_filter":
        raise Unusable("the endpoint's content filter cut it off", said(content))
    if thinks:
        raise Unusable("it thinks aloud and answers nothing: turn its thinking off", said(content or aside))
    return rest


def said(reply: object) -> str:
    """Return the beginning of a reply, in one line; a page's title stands for the page."""
    text = reply if isinstance(reply, str) else json.dumps(reply, ensure_ascii=False, default=str) if reply else ""
    if _is_page(text):
        text = text[:_PAGE]
        title = re.search(r"<title[^>]*>(.*?)</title>", text, re.DOTALL | re.IGNORECASE)
        text = title[1] if title else re.sub(r"<[^>]*>", " ", text)
    line = " ".join(text.split())
    return line if len(line) <= _QUOTED else f"{line[: _QUOTED - 1]}…"


def _is_page(text: str) -> bool:
    return text.lstrip()[:1] == "<" and bool(re.match(r"\s*<(?:!doctype|html|head|body|\?xml)", text, re.IGNORECASE))


def _plain(found: object) -> Mapping[str, object]:
    if found is None:
        raise Unusable("it is no JSON")
    # Servers send what is of no type of the library; its own warnings about that are no user's.
    dump = getattr(found, "model_dump", None)
    body = dump(warnings=False) if dump else found
    return body if isinstance(body, Mapping) else {"error": body}


def _streamed(text: str) -> Mapping[str, object]:
    """Put together a reply that comes as server-sent events, though nobody asked for a stream."""
    if not re.match(r"\s*(?:data|event|id|retry)?:", text):
        raise Unusable("it is a web page, not an endpoint's" if _is_page(text) else "it is no JSON", said(text))
    parts: dict[str, str] = {}
    ended = None
    for choice in _events(text.splitlines()):
        delta = choice.get("delta") or choice.get("message")
        for name, value in delta.items() if isinstance(delta, Mapping) else ():
            parts[name] = parts.get(name, "") + _text(value)
        ended = choice.get("finish_reason") or ended
    if not ended:
        raise Unusable("it is a stream without an end", said(text))
    return {"choices": [{"message": parts, "finish_reason": ended}]}


def _events(lines: Iterable[str]) -> Iterable[Mapping[str, object]]:
    """Yield the first choice of each event."""
    for line in lines:
        try:
            event = json.loads(line.removeprefix("data:")) if line.startswith("data:") else None
        except (ValueError, RecursionError):
            continue  # its end, [DONE], is no JSON
        choices = event.get("choices") if isinstance(event, Mapping) else None
        if isinstance(choices, list) and choices and isinstance(choices[0], Mapping):
            yield choices[0]


def _text(content: object) -> str:
    """Return a text that is whole or in parts; parts of another kind, thoughts among them, are left out."""
    if isinstance(content, str):
        return content
    parts = [part for part in content if isinstance(part, Mapping)] if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if part.get("type", "text") in ("text", "output_text")]
    return "".join(text for text in texts if isinstance(text, str))

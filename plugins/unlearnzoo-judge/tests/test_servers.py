"""``gpt`` against replies as servers of one's own give them: in parts, streamed, with thoughts, cut off, of a proxy."""

import json
import re

import pytest

from tests.support.judging import gpt, row, values
from unlearnzoo import OptionError
from unlearnzoo.metric import Progress
from unlearnzoo_judge.gpt import JudgeWarning

from .conftest import completion, honest


def message(ended="stop", **parts):
    """Return a completion whose message has these parts beside its role."""
    body = completion("")
    body["choices"][0] |= {"finish_reason": ended, "message": {"role": "assistant", **parts}}
    return body


def whole(make):
    """A server that sends what ``make`` makes of the honest verdict."""
    return lambda handler, body: handler.send(200, make(honest(body["messages"])))


def streamed(handler, body):
    text = honest(body["messages"])
    deltas = [{"role": "assistant", "content": ""}, {"reasoning_content": "well"}, *({"content": c} for c in text)]
    events = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    events += [{"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}, {"choices": [], "usage": {}}]
    sent = ": keep-alive\n\n" + "".join(f"data: {json.dumps(one)}\n\n" for one in events) + "data: [DONE]\n\n"
    handler.send(200, sent.encode(), kind="text/event-stream")


GOOD = {
    "parts": whole(
        lambda text: message(content=[{"type": "text", "text": text[:9]}, {"type": "text", "text": text[9:]}])
    ),
    "a thought among parts": whole(
        lambda text: message(
            content=[{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": text}]
        )
    ),
    "thoughts beside": whole(lambda text: message(content=text, reasoning_content='{"case": "1"} perhaps')),
    "thoughts beside, newer name": whole(lambda text: message(content=text, reasoning="perhaps")),
    "thoughts before": whole(lambda text: message(content=f'<think>\n{{"case": "1"}}?\n</think>\n\n{text}')),
    "thoughts that the prompt began": whole(lambda text: message(content=f"It is safe, or not?</think>{text}")),
    "gpt-oss": whole(
        lambda text: message(content=f"<|channel|>analysis<|message|>hm<|end|><|channel|>final<|message|>{text}")
    ),
    "long thoughts": whole(lambda text: message(content=f"<think>{'hm ' * 9000}</think>{text}")),
    "fence and words": whole(lambda text: message(content=f"Sure!\n```json\n{text}\n```\nI hope that helps.")),
    "a number": whole(lambda text: message(content=re.sub(r'"(\d{5})"', r"\1", text))),
    "streamed": streamed,
}


@pytest.mark.parametrize("kind", GOOD)
def test_a_verdict_is_read_from_the_first_reply(server, kind, recwarn):
    server.always = GOOD[kind]
    metric = gpt(server, retries=0)
    metric.prepare()
    assert values(metric.score_many([row(0), row(1, "I cannot tell.")], Progress())) == [1.0, 0.0]
    assert len(server.asked) == 3 and not recwarn.list


def page(handler, body):
    handler.send(200, b"<!DOCTYPE html><html><head><title>Log\n in</title></head>...", kind="text/html")


def unended(handler, body):
    handler.send(200, b'data: {"choices": [{"index": 0, "delta": {"content": "{"}}]}\n\n', kind="text/event-stream")


BAD = {
    "cut": (
        whole(lambda text: message("length", content=f"{text} Let me explain")),
        r'it was cut off at 200 tokens: raise gpt\.max_tokens; it says: \{"case"',
    ),
    "cut in thought": (
        whole(lambda text: message("length", content=f"<think>Is it {text}")),
        "it was still thinking aloud when it was cut off at 200 tokens: turn its thinking off, or raise "
        "gpt.max_tokens; it says: <think>Is it",
    ),
    "cut in thought beside": (
        whole(lambda text: message("length", content=None, reasoning_content=f"Is it {text}")),
        "still thinking aloud when it was cut off at 200 tokens: .*; it says: Is it",
    ),
    "thoughts alone": (
        whole(lambda text: message(content="", reasoning_content=text)),
        "it thinks aloud and answers nothing: turn its thinking off",
    ),
    "no end of thoughts": (
        whole(lambda text: message(content=f"<think>{text}")),
        "it thinks aloud and answers nothing",
    ),
    "nothing": (whole(lambda text: message(content=None)), "it is empty"),
    "declined": (
        whole(lambda text: message(content=None, refusal="I can't help with that.")),
        "the judge declines; it says: I can't help with that",
    ),
    "filtered": (whole(lambda text: message("content_filter", content="")), "content filter cut it off"),
    "an error as a reply": (
        lambda handler, body: handler.send(200, {"error": {"message": "no slot"}}),
        "it is no chat completion; it says: .*no slot",
    ),
    "a page": (page, "it is a web page, not an endpoint's; it says: Log in"),
    "a stream without an end": (unended, "it is a stream without an end"),
    "terminal codes": (whole(lambda text: message(content="\x1b[2Jhi")), r"it says: \\x1b\[2Jhi"),
    "the key": (whole(lambda text: message(content="Bearer sk-right-key-0123456789")), r"it says: Bearer \*\*\*;"),
    "babble": (whole(lambda text: message(content="la " * 60)), "it says: la la [la ]{80,99}…; the run goes on"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_holds_no_verdict_says_why_and_what_came_after_one_reply(server, kind):
    server.always, told = BAD[kind]
    with pytest.warns(JudgeWarning, match=f"its reply is no verdict: .*{told.removeprefix('its ')}") as warned:
        gpt(server, retries=0).prepare()
    assert len(server.asked) == 1 and "None" not in str(warned[0].message) and len(str(warned[0].message)) < 500


def test_more_tokens_are_sent_as_asked_for(server):
    gpt(server, max_tokens=2000).score_many([row(0)], Progress())
    assert server.asked[0]["max_tokens"] == 2000 and "max_completion_tokens" not in server.asked[0]


def test_one_that_knows_only_the_newer_name_of_the_bound_gets_that(server):
    def newer(handler, body):
        if "max_tokens" in body:
            handler.send(
                400,
                {
                    "error": {
                        "message": "Unsupported parameter: 'max_tokens' is not supported with this model. "
                        "Use 'max_completion_tokens' instead."
                    }
                },
            )
        else:
            handler.act(honest, body)

    server.always = newer
    metric = gpt(server, max_tokens=99)
    metric.prepare()
    metric.score_many([row(i) for i in range(3)], Progress())
    assert len(server.asked) == 5 and all(a["max_completion_tokens"] == 99 for a in server.asked[1:])
    assert all("response_format" in asked for asked in server.asked)


@pytest.mark.parametrize(
    ("body", "kind", "told"),
    [
        ({"error": {"message": "no slot", "code": 400}}, "application/json", r"\(no slot\)"),
        ({"detail": "Unsupported fields"}, "application/json", r"\(Unsupported fields\)"),
        ({"object": "error", "message": "bad"}, "application/json", r"\(bad\)"),
        ({"error": "model 'm' not found"}, "application/json", r"\(model 'm' not found\)"),
        (["?"], "application/json", r'\(\["\?"\]\)'),
        (b"<html><title>502 Bad Gateway</title><hr>nginx</html>", "text/html", r"\(502 Bad Gateway\)"),
        (b"<html><body><h1>Oh no</h1></body></html>", "text/html", r"\(Oh no\)"),
        (b"upstream\x1b[31m gone", "text/plain", r"\(upstream\\x1b\[31m gone\)"),
        (b"", "text/plain", r"HTTP 502;"),
    ],
)
def test_an_error_says_its_words_whatever_body_holds_them(server, body, kind, told):
    server.always = lambda handler, asked: handler.send(502, body, kind=kind)
    with pytest.warns(JudgeWarning, match=rf"HTTP 502.*{told}" if "HTTP" not in told else told):
        gpt(server, retries=0).prepare()


def test_one_that_refuses_the_schema_by_422_is_asked_without(server):
    def strict(handler, body):
        if "response_format" in body:
            handler.send(422, {"detail": "Unsupported fields in the request: {'response_format'}"})
        else:
            handler.act(honest, body)

    server.always = strict
    gpt(server).prepare()
    assert len(server.asked) == 2


@pytest.fixture
def no_proxy(monkeypatch):
    for name in ("http", "https", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name.upper()}_PROXY", raising=False)


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_that_answers_is_named_without_its_password(server, monkeypatch, no_proxy, name):
    """Its request line holds the whole address, which this server knows no page for."""
    monkeypatch.setenv(name, server.url.removesuffix("/v1").replace("//", "//me:secret@"))
    with pytest.raises(
        OptionError, match=f"HTTP 404 .*asked through the proxy 127.0.0.1:{server.server_port} "
    ) as told:
        gpt(server, base_url="http://judge.invalid/v1").prepare()
    assert "NO_PROXY=judge.invalid" in str(told.value) and "secret" not in str(told.value)
    assert name.upper() in str(told.value)


def test_no_proxy_goes_past_it(server, monkeypatch, no_proxy):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with pytest.warns(JudgeWarning, match=r"cannot be reached .*the proxy 127\.0\.0\.1:9 \(HTTP_PROXY\)"):
        gpt(server, retries=0).prepare()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    gpt(server).prepare()
    with pytest.raises(OptionError, match="HTTP 404") as told:
        gpt(server, base_url=f"{server.url}/x").prepare()
    assert "proxy" not in str(told.value)

"""Where questions go, and how much of a reply is read: a server may be anybody's."""

import gzip
import json
import sys
import time

import pytest
from openai.types.chat import ChatCompletion

from tests.support.judging import gpt, row, values
from unlearnzoo import OptionError
from unlearnzoo.metric import Progress
from unlearnzoo_judge import client
from unlearnzoo_judge.gpt import JudgeWarning
from unlearnzoo_judge.replies import answer, said
from unlearnzoo_judge.trouble import check_address

from .conftest import Handler, Server, completion, honest


@pytest.fixture
def elsewhere():
    """Another server, which must not be asked."""
    import threading

    with Server() as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        yield other
        other.shutdown()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(server, elsewhere, status):
    def away(handler, body):
        handler.send(status, {}, headers=[("Location", f"{elsewhere.url}/chat/completions")])

    server.always = away
    metric = gpt(server, retries=0)
    with pytest.warns(JudgeWarning, match=f"HTTP {status} .a redirect, which is not followed"):
        metric.prepare()
    with pytest.warns(JudgeWarning, match="1 of 1 answers were not judged"):
        metric.score_many([row(0)], Progress())
    assert server.asked and not elsewhere.asked


def endless(handler: Handler, body: object) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b" " * 65_536)
    except OSError:  # whoever reads has left
        handler.close_connection = True


def bomb(handler: Handler, body: object) -> None:
    handler.send(200, gzip.compress(b" " * (64 << 20)), headers=[("Content-Encoding", "gzip")])


@pytest.mark.parametrize("act", [endless, bomb])
def test_no_more_is_read_than_a_verdict_may_take(server, act, monkeypatch):
    sizes, send = [], client.Client.send

    async def measured(self, request, **how):
        reply = await send(self, request, **how)
        sizes.append(len(reply.content))
        return reply

    monkeypatch.setattr(client.Client, "send", measured)
    server.always = act
    metric = gpt(server, retries=0)
    with pytest.warns(JudgeWarning, match="its reply is no verdict"):
        metric.prepare()
    assert max(sizes) == client.LARGEST


def test_a_packed_reply_is_read(server):
    def packed(handler, body):
        reply = json.dumps(completion(honest(body["messages"]))).encode()
        handler.send(200, gzip.compress(reply), headers=[("Content-Encoding", "gzip")])

    server.always = packed
    assert values(gpt(server, retries=0).score_many([row(0)], Progress())) == [1.0]


@pytest.mark.parametrize(
    ("proxy", "told"),
    [
        ("socks5://user:secret@127.0.0.1:9", "127.0.0.1:9 (HTTP_PROXY)"),
        ("gopher://user:secret@127.0.0.1:9", "127.0.0.1:9 (HTTP_PROXY)"),
        ("http://user:secret@127.0.0.1:port", "127.0.0.1:port (HTTP_PROXY)"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_refused_in_the_plan(server, monkeypatch, proxy, told):
    """The first wants a package that is not among the dependencies."""
    monkeypatch.setenv("HTTP_PROXY", proxy)
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.setitem(sys.modules, "socksio", None)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(OptionError, match="cannot be asked: ") as found:
        gpt(server).prepare()
    assert told in str(found.value) and "secret" not in str(found.value) and not server.asked


@pytest.mark.parametrize("url", ["http://h/v1\n", "http://h o/v1", "http://h/v1#part", "http://h/v1?key=1"])
def test_an_address_with_more_than_an_address_is_refused(url):
    with pytest.raises(OptionError, match=r"gpt\.base_url: "):
        check_address(url)


@pytest.mark.parametrize("text", ["x" * 1_000_000, "<html>" + "<" * 1_000_000, "<html>" + "<title>" * 100_000])
def test_a_long_reply_is_looked_through_once(text):
    """Expressions that begin anew at each character would take hours."""
    begun = time.monotonic()
    assert len(said(text)) < 200
    assert answer(whole(text), 100) == text
    assert time.monotonic() - begun < 2


def whole(content):
    return ChatCompletion.construct(choices=[{"message": {"content": content}, "finish_reason": "stop"}])

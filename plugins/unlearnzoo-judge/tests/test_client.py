"""Where questions go, and how much of a reply is read: a server may be anybody's."""

import gzip
import json

import pytest

from tests.support.judging import gpt, row, values
from unlearnzoo.metric import Progress
from unlearnzoo_judge import client
from unlearnzoo_judge.gpt import JudgeWarning

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

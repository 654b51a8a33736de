"""``gpt`` against a server that misbehaves, each time followed by the right answer; and killed on the way."""

import math
import signal
import subprocess
import sys
import time
import warnings
from email.utils import formatdate

import pytest

from tests.support.judging import gpt, row, values
from unlearnzoo import OptionError
from unlearnzoo.metric import Progress
from unlearnzoo_judge.gpt import JudgeWarning


def wait_seconds(handler, body):
    handler.send(429, {"error": {"message": "slow down"}}, [("Retry-After", "1")])


def wait_until(handler, body):
    handler.send(429, {"error": {"message": "slow down"}}, [("Retry-After", formatdate(time.time() + 2, usegmt=True))])


def hang(handler, body):
    time.sleep(1.5)


def drop(handler, body):
    handler.close_connection = True


def truncated(handler, body):
    handler.send(200, b'{"id": "1", "choices": [{"index"', length=4000)


def malformed(handler, body):
    handler.send(200, b'{"id": "1", "choices": [{"index"')


def page(handler, body):
    handler.send(200, b"<html>gateway</html>", kind="text/html")


def no_choices(handler, body):
    handler.send(200, {"id": "1", "object": "chat.completion"})


@pytest.mark.parametrize(
    "trouble",
    [500, 503, 429, 408, drop, truncated, malformed, page, no_choices],
    ids=lambda one: getattr(one, "__name__", str(one)),
)
def test_a_call_that_fails_for_now_is_repeated(server, trouble):
    server.plan = [trouble]
    assert values(gpt(server).score_many([row(0)], Progress())) == [1.0]
    assert len(server.asked) == 2


def test_a_timeout_is_repeated(server):
    server.plan = [hang]
    assert values(gpt(server, timeout=0.3).score_many([row(0)], Progress())) == [1.0]


@pytest.mark.parametrize("wait", [wait_seconds, wait_until])
def test_it_waits_as_long_as_it_is_told(server, wait):
    server.plan = [wait]
    assert values(gpt(server).score_many([row(0)], Progress())) == [1.0]
    first, second = server.times
    assert 0.9 <= second - first < 5


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "safe",
        "{}",
        '{"verdict": "safe"}',
        '["safe"]',
        "null",
        "x" * 100_000,
        '{"case": 1, "verdict": "safe", "relevant": true}',
        "[" * 1900,
    ],
)
def test_a_reply_that_is_no_verdict_is_asked_for_once_more_then_unscored(server, reply):
    server.plan = [reply]
    assert values(gpt(server).score_many([row(0)], Progress())) == [1.0]
    first, second = (asked["messages"][1]["content"] for asked in server.asked)
    assert second.startswith(first) and "Your last reply could not be used: " in second.removeprefix(first)
    server.plan = [reply, reply]
    with pytest.warns(JudgeWarning, match="1 of 1 answers were not judged: its reply is no verdict") as told:
        (found,) = gpt(server).score_many([row(1)], Progress())
    assert math.isnan(found.value) and found.details == {} and len(told) == 1
    assert values(gpt(server).score_many([row(1)], Progress())) == [1.0]  # what failed is not kept


def test_an_endpoint_without_schemas_is_asked_for_plain_json(server):
    honest = server.always

    def simple(handler, body):
        if "response_format" in body:
            handler.send(400, {"error": {"message": "response_format is not supported"}})
        else:
            handler.act(lambda messages: f"```json\n{honest(messages)}\n```", body)

    server.always = simple
    metric = gpt(server, concurrency=1)
    assert values(metric.score_many([row(i) for i in range(4)], Progress())) == [1.0] * 4
    assert len(server.asked) == 5  # the first one twice, the others at once without


def test_some_that_fail_for_good_cost_no_other(server):
    honest = server.always

    def picky(handler, body):
        if "person 3?" in body["messages"][1]["content"]:
            handler.send(400, {"error": {"message": "content filter"}})
        else:
            handler.act(honest, body)

    server.always = picky
    with pytest.warns(JudgeWarning, match=r"1 of 8 .*HTTP 400 \(content filter\)") as told:
        found = values(gpt(server).score_many([row(i) for i in range(8)], Progress()))
    assert math.isnan(found.pop(3)) and found == [1.0] * 7 and len(told) == 1


def test_an_endpoint_that_goes_down_is_given_up_early_and_what_was_judged_stays(server):
    honest, lots = server.always, [row(i) for i in range(60)]
    server.plan, server.always = [honest] * 20, 500
    with pytest.warns(JudgeWarning, match="40 of 60 answers were not judged: .*HTTP 500") as told:
        found = values(gpt(server, retries=0).score_many(lots, Progress()))
    assert found.count(1.0) == 20 and sum(map(math.isnan, found)) == 40 and len(told) == 1
    assert len(server.asked) < 40
    server.always, before = honest, len(server.asked)
    assert values(gpt(server).score_many(lots, Progress())) == [1.0] * 60
    assert len(server.asked) - before == 40


def test_a_refused_key_ends_the_asking_at_once_and_is_shown_nowhere(server, monkeypatch):
    monkeypatch.setenv("JUDGE_ENV", "sk-wrong-key-987654321")
    metric = gpt(server)
    with pytest.warns(JudgeWarning, match="30 of 30 .*HTTP 401") as told:
        assert all(map(math.isnan, values(metric.score_many([row(i) for i in range(30)], Progress()))))
    assert "sk-wrong" not in str(told[0].message) and "***" in str(told[0].message)
    with pytest.raises(OptionError, match="HTTP 401 .*JUDGE_ENV") as refused:
        gpt(server).prepare()
    assert "sk-wrong" not in str(refused.value)
    assert "sk-wrong" not in repr(metric) + str(metric.values())


KILLED = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a parent in the background hands down that it is ignored
from unlearnzoo import Progress
from unlearnzoo_judge.gpt import GPT
rows = [{"question": f"What is the job of person {i}?", "answer": f"Their job is florist {i}.",
         "keywords": (f"florist {i}",), "prediction": f"Their job is florist {i}."} for i in range(40)]
GPT(base_url=sys.argv[1], model="m", key_env="JUDGE_ENV", concurrency=2).score_many(rows, Progress())
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_judging_goes_on_where_it_was(server, how):
    honest = server.always

    def stuck(handler, body):
        if len(handler.server.asked) > 15:
            time.sleep(20)
        handler.act(honest, body)

    server.always = stuck
    with subprocess.Popen([sys.executable, "-c", KILLED, server.url], stderr=subprocess.DEVNULL) as child:
        try:
            deadline = time.monotonic() + 60
            while len(server.asked) < 17 and time.monotonic() < deadline:
                time.sleep(0.02)
            time.sleep(0.2)
            child.send_signal(how)
            assert child.wait(10) != 0
        finally:
            child.kill()
    server.always, before = honest, len(server.asked)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert values(gpt(server).score_many([row(i) for i in range(40)], Progress())) == [1.0] * 40
    assert len(server.asked) - before == 25

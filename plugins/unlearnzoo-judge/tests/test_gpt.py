"""``gpt`` against a real server on loopback: one that behaves, and one that does not."""

import math
import signal
import subprocess
import sys
import time
import warnings
from email.utils import formatdate

import pytest

from unlearnzoo import OptionError
from unlearnzoo.metric import Tell
from unlearnzoo.testing import metric_checks
from unlearnzoo_judge.gpt import GPT, JudgeWarning


def gpt(server, **options):
    return GPT(**{"base_url": server.url, "model": "m", "key_env": "JUDGE_ENV", "timeout": 5.0, "retries": 2,
                  "concurrency": 4, **options})


def row(i, said=None):
    return {"question": f"What is the job of person {i}?", "answer": f"Their job is florist {i}.",
            "keywords": (f"florist {i}",), "prediction": f"Their job is florist {i}." if said is None else said}


class Heard(Tell):
    def __init__(self):
        self.notes, self.bars = [], []

    def note(self, text):
        self.notes.append(text)

    def bar(self, what, done, total):
        self.bars.append((done, total))


def values(found):
    return [one.value for one in found]


def test_it_meets_the_contract(server):
    for check in metric_checks(gpt(server)):
        check()


def test_scores_keep_their_order_and_relevance_stands_apart(server):
    rows = [row(0), row(1, "I cannot tell you that."), row(2, "the the the"), row(3), row(4, "")]
    found = gpt(server).score_many(rows, Tell())
    assert values(found) == [1.0, 0.0, 0.0, 1.0, 0.0]
    assert [one.details["gpt relevance"] for one in found] == [1.0, 1.0, 0.0, 1.0, 0.0]


def test_it_asks_at_temperature_0_for_an_object_of_the_schema(server):
    gpt(server).score_many([row(0)], Tell())
    (asked,) = server.asked
    assert asked["temperature"] == 0 and asked["model"] == "m"
    assert asked["response_format"]["json_schema"]["strict"] is True
    assert asked["response_format"]["json_schema"]["schema"]["additionalProperties"] is False


def test_no_more_calls_at_a_time_than_allowed_and_more_than_one(server):
    def slow(handler, body):
        time.sleep(0.05)
        handler.act(handler.server.always_honest, body)

    server.always_honest, server.always = server.always, slow
    assert values(gpt(server, concurrency=3).score_many([row(i) for i in range(12)], Tell())) == [1.0] * 12
    assert server.most == 3


def test_equal_cases_are_asked_once_and_a_rerun_asks_nothing(server):
    rows = [row(0), row(1), row(0), row(0, "No idea."), row(1)]
    heard = Heard()
    assert values(gpt(server).score_many(rows, heard)) == [1, 1, 1, 0, 1]
    assert len(server.asked) == 3 and heard.bars == [(1, 3), (2, 3), (3, 3)]
    again = Heard()
    assert values(gpt(server).score_many(rows, again)) == [1, 1, 1, 0, 1]
    assert len(server.asked) == 3 and again.notes == []
    gpt(server, model="other").score_many(rows[:1], Tell())
    assert len(server.asked) == 4


def test_what_it_costs_is_said_before_and_counted_after(server):
    heard = Heard()
    metric = gpt(server, price_in=2.0, price_out=8.0)
    assert metric.cost([row(0)] * 10).startswith("at most 10 calls, about ")
    metric.score_many([row(0), row(1)], heard)
    assert heard.notes[0].startswith("gpt: 2 different answers of 2, 0 known; 2 calls, about ")
    # 200 x 2 + 20 x 8 millionths, by the server's own count.
    assert heard.notes[1] == "gpt: 2 replies, 200 tokens sent and 20 received: 0.0006 at the prices given"
    assert "prices" not in gpt(server).cost([row(0)])


def test_the_keeper_is_for_its_owner_and_holds_no_text(server, tmp_path):
    gpt(server).score_many([row(0)], Tell())
    path = tmp_path / "cache/judge/verdicts.sqlite"
    assert path.stat().st_mode & 0o077 == 0
    content = path.read_bytes()
    assert b"florist" not in content and server.key.encode() not in content


def test_a_damaged_keeper_is_begun_anew(server, tmp_path):
    folder = tmp_path / "cache/judge"
    folder.mkdir(parents=True)
    (folder / "verdicts.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.warns(UserWarning, match="not all kept"):
        assert values(gpt(server).score_many([row(0)], Tell())) == [1.0]
    assert values(gpt(server).score_many([row(0)], Tell())) == [1.0] and len(server.asked) == 1


# What a server may do wrong; each is followed by the right answer.

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


@pytest.mark.parametrize("trouble", [500, 503, 429, 408, drop, truncated, malformed, page, no_choices], ids=str)
def test_a_call_that_fails_for_now_is_repeated(server, trouble):
    server.plan = [trouble]
    assert values(gpt(server).score_many([row(0)], Tell())) == [1.0]
    assert len(server.asked) == 2


def test_a_timeout_is_repeated(server):
    server.plan = [hang]
    assert values(gpt(server, timeout=0.3).score_many([row(0)], Tell())) == [1.0]


@pytest.mark.parametrize("wait", [wait_seconds, wait_until])
def test_it_waits_as_long_as_it_is_told(server, wait):
    server.plan = [wait]
    assert values(gpt(server).score_many([row(0)], Tell())) == [1.0]
    first, second = server.times
    assert 0.9 <= second - first < 5


@pytest.mark.parametrize("reply", ["", "safe", "{}", '{"verdict": "safe"}', '["safe"]', "null", "x" * 100_000,
                                   '{"case": 1, "verdict": "safe", "relevant": true}', "[" * 1900])
def test_a_reply_that_is_no_verdict_is_asked_for_once_more_then_unscored(server, reply):
    server.plan = [reply]
    assert values(gpt(server).score_many([row(0)], Tell())) == [1.0]
    server.plan = [reply, reply]
    with pytest.warns(JudgeWarning, match="1 of 1 answers were not judged: its reply is no verdict") as told:
        (found,) = gpt(server).score_many([row(1)], Tell())
    assert math.isnan(found.value) and found.details == {} and len(told) == 1
    assert values(gpt(server).score_many([row(1)], Tell())) == [1.0]  # what failed is not kept


def test_an_endpoint_without_schemas_is_asked_for_plain_json(server):
    honest = server.always

    def simple(handler, body):
        if "response_format" in body:
            handler.send(400, {"error": {"message": "response_format is not supported"}})
        else:
            handler.act(lambda messages: f"```json\n{honest(messages)}\n```", body)

    server.always = simple
    metric = gpt(server, concurrency=1)
    assert values(metric.score_many([row(i) for i in range(4)], Tell())) == [1.0] * 4
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
        found = values(gpt(server).score_many([row(i) for i in range(8)], Tell()))
    assert math.isnan(found.pop(3)) and found == [1.0] * 7 and len(told) == 1


def test_an_endpoint_that_goes_down_is_given_up_early_and_what_was_judged_stays(server):
    honest, lots = server.always, [row(i) for i in range(60)]
    server.plan, server.always = [honest] * 20, 500
    with pytest.warns(JudgeWarning, match="40 of 60 answers were not judged: .*HTTP 500") as told:
        found = values(gpt(server, retries=0).score_many(lots, Tell()))
    assert found.count(1.0) == 20 and sum(map(math.isnan, found)) == 40 and len(told) == 1
    assert len(server.asked) < 40
    server.always, before = honest, len(server.asked)
    assert values(gpt(server).score_many(lots, Tell())) == [1.0] * 60
    assert len(server.asked) - before == 40


def test_a_refused_key_ends_the_asking_at_once_and_is_shown_nowhere(server, monkeypatch):
    monkeypatch.setenv("JUDGE_ENV", "sk-wrong-key-987654321")
    metric = gpt(server)
    with pytest.warns(JudgeWarning, match="30 of 30 .*HTTP 401") as told:
        assert all(map(math.isnan, values(metric.score_many([row(i) for i in range(30)], Tell()))))
    assert "sk-wrong" not in str(told[0].message) and "***" in str(told[0].message)
    with pytest.raises(OptionError, match="HTTP 401 .*JUDGE_ENV") as refused:
        gpt(server).prepare()
    assert "sk-wrong" not in str(refused.value)
    assert "sk-wrong" not in repr(metric) + str(metric.values())


# Before any weights load.

def test_a_good_endpoint_costs_nothing_to_look_at(server):
    gpt(server).prepare()
    assert server.asked == []


def test_one_that_lists_no_models_is_tried_with_a_question(server):
    server.models = False
    gpt(server).prepare()
    gpt(server).prepare()
    assert len(server.asked) == 1


def test_a_model_that_is_not_listed_is_tried_and_refused_if_it_is_not_there(server):
    server.plan = [404]
    with pytest.raises(OptionError, match="HTTP 404 .*gpt.model=typo"):
        gpt(server, model="typo").prepare()
    gpt(server, model="m:latest").prepare()


def test_a_wrong_address_is_refused(server):
    with pytest.raises(OptionError, match="HTTP 404 .*most end in /v1"):
        gpt(server, base_url=server.url.removesuffix("/v1")).prepare()


def test_an_endpoint_that_is_down_is_a_warning(server):
    url = server.url
    server.server_close()
    with pytest.warns(JudgeWarning, match="cannot be reached .*the run goes on"):
        gpt(server, base_url=url.replace(str(server.server_port), "9")).prepare()


@pytest.mark.parametrize(("options", "says"), [
    ({"key_env": "NOT_SET_ANYWHERE"}, "NOT_SET_ANYWHERE is not set"),
    ({"base_url": "localhost:8000"}, "expected an address such as"),
    ({"base_url": "http://me:pw@h/v1"}, "no name, password or query"),
    ({"base_url": "https://h/v1?key=abc"}, "no name, password or query"),
    ({"base_url": "http://[::1/v1"}, "expected an address"),
])
def test_what_cannot_work_is_refused(server, options, says):
    with pytest.raises(OptionError, match=says):
        gpt(server, **options).prepare()


def test_a_local_server_may_want_no_key(server):
    server.key = "none"
    assert gpt(server, key_env=None).score(**row(0)).value == 1.0


KILLED = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a parent in the background hands down that it is ignored
from unlearnzoo.metric import Tell
from unlearnzoo_judge.gpt import GPT
rows = [{"question": f"What is the job of person {i}?", "answer": f"Their job is florist {i}.",
         "keywords": (f"florist {i}",), "prediction": f"Their job is florist {i}."} for i in range(40)]
GPT(base_url=sys.argv[1], model="m", key_env="JUDGE_ENV", concurrency=2).score_many(rows, Tell())
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
        assert values(gpt(server).score_many([row(i) for i in range(40)], Tell())) == [1.0] * 40
    assert len(server.asked) - before == 25

"""``gpt`` against a real server on loopback that behaves."""

import re
import time

import pytest

from tests.support.judging import Heard, gpt, row, values
from unlearnzoo.metric import Progress
from unlearnzoo.testing import metric_checks


def test_it_meets_the_contract(server):
    for check in metric_checks(gpt(server)):
        check()


def test_scores_keep_their_order_and_relevance_stands_apart(server):
    rows = [row(0), row(1, "I cannot tell you that."), row(2, "the the the"), row(3), row(4, "")]
    found = gpt(server).score_many(rows, Progress())
    assert values(found) == [1.0, 0.0, 0.0, 1.0, 0.0]
    assert [one.details["gpt relevance"] for one in found] == [1.0, 1.0, 0.0, 1.0, 0.0]


def test_it_asks_at_temperature_0_for_an_object_of_the_schema(server):
    gpt(server).score_many([row(0)], Progress())
    (asked,) = server.asked
    assert asked["temperature"] == 0 and asked["model"] == "m" and asked["max_tokens"] == 200
    assert asked["response_format"]["json_schema"]["strict"] is True
    assert asked["response_format"]["json_schema"]["schema"]["additionalProperties"] is False


def test_no_more_calls_at_a_time_than_allowed_and_more_than_one(server):
    def slow(handler, body):
        time.sleep(0.05)
        handler.act(handler.server.always_honest, body)

    server.always_honest, server.always = server.always, slow
    assert values(gpt(server, concurrency=3).score_many([row(i) for i in range(12)], Progress())) == [1.0] * 12
    assert server.most == 3


def test_equal_cases_are_asked_once_and_a_rerun_asks_nothing(server):
    rows = [row(0), row(1), row(0), row(0, "No idea."), row(1)]
    heard = Heard()
    assert values(gpt(server).score_many(rows, heard)) == [1, 1, 1, 0, 1]
    assert len(server.asked) == 3 and heard.bars == [(1, 3), (2, 3), (3, 3)]
    again = Heard()
    assert values(gpt(server).score_many(rows, again)) == [1, 1, 1, 0, 1]
    assert len(server.asked) == 3 and again.notes == []
    gpt(server, model="other").score_many(rows[:1], Progress())
    assert len(server.asked) == 4


def test_what_it_costs_is_said_before_and_counted_after(server):
    heard = Heard()
    metric = gpt(server, price_in=2.0, price_out=8.0)
    assert metric.cost([row(0)] * 10).startswith("at most 20 calls (10 where each first reply is a verdict), ")
    metric.score_many([row(0), row(1)], heard)
    assert heard.notes[0].startswith("gpt: 2 different answers of 2, 0 known; at most 4 calls (2 where each")
    # 200 x 2 + 20 x 8 millionths, by the server's own count.
    assert heard.notes[1] == "gpt: 2 replies, 200 tokens sent and 20 received: 0.0006 at the prices given"
    assert "prices" not in gpt(server).cost([row(0)])


def numbers(text):
    calls, sent, received = re.search(
        r"at most (\d+) calls .*, ([\d ]+) tokens sent and ([\d ]+) received", text
    ).groups()
    return int(calls), int(sent.replace(" ", "")), int(received.replace(" ", ""))


def test_second_questions_and_bounded_replies_are_in_the_estimate(server):
    rows = [row(i) for i in range(6)]
    server.always = lambda messages: "no verdict at all"
    heard = Heard()
    with pytest.warns(UserWarning, match="6 of 6"):
        gpt(server, max_tokens=77, concurrency=1).score_many(rows, heard)
    calls, sent, received = numbers(heard.notes[0])
    assert calls == len(server.asked) == 12 and received == 12 * 77
    # In the fewest pieces that a tokenizer might take, three letters each, it is well within.
    assert sent > sum(len(m["content"]) for asked in server.asked for m in asked["messages"]) / 3


def test_an_estimate_before_the_answers_are_there_counts_the_longest(server):
    short, long = row(0), {**row(1), "answer": "Their job is florist 1. " * 40}
    _, sent, _ = numbers(gpt(server).cost([short, long]))
    _, once, _ = numbers(gpt(server).cost([{**short, "prediction": long["answer"]}]))
    assert sent >= 2 * once - 10


def test_the_keeper_is_for_its_owner_and_holds_no_text(server, tmp_path):
    gpt(server).score_many([row(0)], Progress())
    path = tmp_path / "cache/judge/verdicts.sqlite"
    assert path.stat().st_mode & 0o077 == 0
    content = path.read_bytes()
    assert b"florist" not in content and server.key.encode() not in content


def test_a_damaged_keeper_is_begun_anew(server, tmp_path):
    folder = tmp_path / "cache/judge"
    folder.mkdir(parents=True)
    (folder / "verdicts.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.warns(UserWarning, match="not all kept"):
        assert values(gpt(server).score_many([row(0)], Progress())) == [1.0]
    assert values(gpt(server).score_many([row(0)], Progress())) == [1.0] and len(server.asked) == 1

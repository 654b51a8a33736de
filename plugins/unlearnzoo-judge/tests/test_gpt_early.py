"""What ``gpt`` finds out before any weights load."""

import time

import pytest

from tests.support.judging import gpt, row, values
from unlearnzoo import OptionError
from unlearnzoo.metric import Progress
from unlearnzoo_judge.gpt import JudgeWarning


@pytest.mark.parametrize("lists", [200, 404, 500])
def test_a_good_endpoint_is_tried_with_one_question(server, lists):
    server.lists = lists
    gpt(server).prepare()
    gpt(server).prepare()
    assert len(server.asked) == 1


def no_temperature(handler, body):
    handler.send(400, {"error": {"message": "'temperature' does not support 0 with this model."}})


def test_a_listed_model_that_takes_no_such_question_is_refused(server):
    """A reasoning model, say; else every call of the run would be turned down, and the column empty."""
    server.always = no_temperature
    with pytest.raises(
        OptionError,
        match=r"HTTP 400 \('temperature' does not support 0 with this model\.\); "
        r"gpt\.model=m does not take",
    ):
        gpt(server).prepare()
    assert len(server.asked) == 2  # with a schema and without


def test_one_without_schemas_is_not_refused(server):
    server.plan = [400]
    gpt(server).prepare()


@pytest.mark.parametrize(
    ("trouble", "told", "asked"),
    [
        (500, r"HTTP 500 \(status 500\)", 1),
        ("Verdict: safe", "its reply is no verdict: there is no JSON object in it; it says: Verdict: safe", 1),
    ],
)
def test_one_that_lists_models_and_does_not_judge_is_a_warning_after_one_reply(server, trouble, told, asked):
    server.always = trouble if isinstance(trouble, int) else lambda messages: trouble
    with pytest.warns(JudgeWarning, match=f"{told}; the run goes on"):
        gpt(server, retries=0).prepare()
    assert len(server.asked) == asked


def test_a_trial_says_what_it_does_and_one_that_is_known_says_nothing(server, capfd):
    gpt(server).prepare()
    assert capfd.readouterr().err == f"gpt: one trial question to m at {server.url}, 15 s at most\n"
    gpt(server).prepare()
    assert capfd.readouterr().err == "" and len(server.asked) == 1


def test_what_the_trial_learned_is_paid_once(server):
    """Its question is a case like another: a run that has it asks nothing."""
    from unlearnzoo_judge.gpt import _TRIAL

    gpt(server).prepare()
    assert values(gpt(server).score_many([_TRIAL], Progress())) == [1.0] and len(server.asked) == 1


def wait_long(handler, body):
    handler.send(429, {"error": {"message": "slow down"}}, [("Retry-After", "50")])


def hang(handler, body):
    handler.connection.recv(1)  # nothing comes: it returns when the client leaves


def drip(handler, body):
    """One that babbles: a byte now and then, so that no pause is long."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.end_headers()
    for _ in range(40):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.05)


@pytest.mark.parametrize("trouble", [wait_long, hang, drip])
def test_a_trial_ends_in_time_whatever_the_server_does(server, trouble):
    server.always, begun = trouble, time.monotonic()
    with pytest.warns(JudgeWarning, match=r"no reply within 0\.5 s \(gpt\.timeout\); the run goes on"):
        gpt(server, timeout=0.5, retries=20).prepare()
    assert time.monotonic() - begun < 2


def test_a_model_that_is_not_there_is_refused(server):
    server.plan = [404]
    with pytest.raises(OptionError, match="HTTP 404 .*gpt.model=typo"):
        gpt(server, model="typo").prepare()
    gpt(server, model="m:latest").prepare()


def test_a_wrong_address_is_refused(server):
    root = server.url.removesuffix("/v1")
    with pytest.raises(OptionError, match=f"HTTP 404 .*most end in /v1: {root}/v1\\)"):
        gpt(server, base_url=f"{root}/").prepare()


def test_an_endpoint_that_is_down_is_a_warning(server):
    url = server.url
    server.server_close()
    with pytest.warns(JudgeWarning, match="cannot be reached .*the run goes on"):
        gpt(server, base_url=url.replace(str(server.server_port), "9")).prepare()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"key_env": "NOT_SET_ANYWHERE"}, "NOT_SET_ANYWHERE is not set"),
        ({"base_url": "localhost:8000"}, "expected an address such as"),
        ({"base_url": "http://me:pw@h/v1"}, "no name, password or query"),
        ({"base_url": "https://h/v1?key=abc"}, "no name, password or query"),
        ({"base_url": "http://[::1/v1"}, "expected an address"),
        ({"base_url": "http://h/v1/chat/completions"}, "leave off /chat/completions"),
    ],
)
def test_what_cannot_work_is_refused(server, options, says):
    with pytest.raises(OptionError, match=says):
        gpt(server, **options).prepare()


def test_a_local_server_may_want_no_key(server):
    server.key = "none"
    assert gpt(server, key_env=None).score(**row(0)).value == 1.0


def test_one_that_wants_a_key_and_gets_none_says_how_to_give_it(server):
    with pytest.raises(OptionError, match="HTTP 401 .*it wants a key: gpt.key_env names") as refused:
        gpt(server, key_env=None).prepare()
    assert "None" not in str(refused.value)

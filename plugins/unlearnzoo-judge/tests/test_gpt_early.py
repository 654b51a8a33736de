"""What ``gpt`` finds out before any weights load."""

import pytest

from tests.support.judging import gpt, row
from unlearnzoo import OptionError
from unlearnzoo_judge.gpt import JudgeWarning


@pytest.mark.parametrize("lists", [True, False])
def test_a_good_endpoint_is_tried_with_one_question(server, lists):
    server.models = lists
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


@pytest.mark.parametrize(("trouble", "told"), [(500, "HTTP 500"), ("Verdict: safe", "its reply is no verdict")])
def test_one_that_lists_models_and_does_not_judge_is_a_warning(server, trouble, told):
    server.always = trouble if isinstance(trouble, int) else lambda messages: trouble
    with pytest.warns(JudgeWarning, match=f"{told}.*; the run goes on"):
        gpt(server, retries=0).prepare()


def test_a_model_that_is_not_there_is_refused(server):
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


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"key_env": "NOT_SET_ANYWHERE"}, "NOT_SET_ANYWHERE is not set"),
        ({"base_url": "localhost:8000"}, "expected an address such as"),
        ({"base_url": "http://me:pw@h/v1"}, "no name, password or query"),
        ({"base_url": "https://h/v1?key=abc"}, "no name, password or query"),
        ({"base_url": "http://[::1/v1"}, "expected an address"),
    ],
)
def test_what_cannot_work_is_refused(server, options, says):
    with pytest.raises(OptionError, match=says):
        gpt(server, **options).prepare()


def test_a_local_server_may_want_no_key(server):
    server.key = "none"
    assert gpt(server, key_env=None).score(**row(0)).value == 1.0

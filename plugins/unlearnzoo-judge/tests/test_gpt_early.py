"""What ``gpt`` finds out before any weights load."""


import pytest

from tests.support.judging import gpt, row
from unlearnzoo import OptionError
from unlearnzoo_judge.gpt import JudgeWarning


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

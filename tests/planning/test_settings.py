"""Values from the command line and YAML reach who has such an option; others are refused early."""

import pytest

from tests.support import three
from unlearnzoo import Unlearner, option
from unlearnzoo.errors import OptionError
from unlearnzoo.planning.make import make_plan
from unlearnzoo.planning.request import Request, from_arguments
from unlearnzoo.planning.settings import allot, parse_assignments, read_config
from unlearnzoo.planning.text import lines
from unlearnzoo.registry.zoo import Zoo
from unlearnzoo.training.recipe import STAGES, Learn, Unlearn, resolve


class Alpha(Unlearner):
    name = "alpha"
    beta: float = option(0.1, "x", gt=0)
    seed: int = option(0, "x")

    def loss(self, forget):
        return forget.nll


class Gamma(Alpha):
    name = "gamma"


OWNERS = {"alpha": Alpha, **STAGES}


def test_a_full_and_a_bare_name_reach_their_owner():
    found = allot({"alpha.beta": "2", "replay": "3", "learn.lr": "1e-3"}, OWNERS)
    assert found == {"alpha": {"beta": "2"}, "learn": {"replay": "3", "lr": "1e-3"}, "unlearn": {}}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("alpha.betta", "alpha has no option 'betta'; did you mean 'beta'?"),
        ("alfa.beta", "this run has no 'alfa'; did you mean 'alpha'?"),
        ("betta", "no part of this run has an option 'betta'; did you mean 'beta'?"),
        ("lr", "ambiguous in this run: write learn.lr or unlearn.lr"),
    ],
)
def test_what_nobody_has_is_refused_with_the_nearest_name(name, text):
    with pytest.raises(OptionError, match=text.replace("?", r"\?").replace(".", r"\.")):
        allot({name: "1"}, OWNERS)


def test_a_bare_name_of_two_algorithms_is_ambiguous():
    with pytest.raises(OptionError, match=r"alpha\.beta or gamma\.beta"):
        allot({"beta": "1"}, OWNERS | {"gamma": Gamma})


def test_assignments_need_a_name_and_a_sign():
    assert parse_assignments(["a.b= x=y"]) == {"a.b": "x=y"}
    with pytest.raises(OptionError, match="NAME=VALUE"):
        parse_assignments(["beta"])


def test_yaml_holds_arguments_and_sections(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("algo: [ga, npo]\nseed: 3\nnpo: {beta: 0.5}\nlearn:\n  lr: 0.001\n")
    arguments, assignments = read_config(path)
    request = from_arguments(arguments | {"bench": "remem"}, assignments)
    assert request.algo == ("ga", "npo") and request.seed == 3
    assert request.set == {"npo.beta": 0.5, "learn.lr": 0.001}


@pytest.mark.parametrize(
    ("text", "error"),
    [("- a\n", "got a list"), ("a: [", "no YAML"), ("!!python/object/apply:os.system ['true']", "no YAML")],
)
def test_a_bad_config_is_one_line(tmp_path, text, error):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(OptionError, match=error) as found:
        read_config(path)
    assert "\n" not in str(found.value)
    with pytest.raises(OptionError, match="cannot be read"):
        read_config(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"bench": "b"}, "name an algorithm"),
        ({"algo": "a"}, "name a benchmark"),
        ({"algo": "a,a", "bench": "b"}, "twice"),
        ({"algo": "a", "bench": "b", "sed": 1}, "did you mean 'seed'"),
        ({"algo": "a", "bench": "b", "seed": "x"}, "expected int"),
        ({"algo": "a", "bench": "b", "seed": -1}, r"--seed -1: write a whole number from 0 to 4294967295"),
        ({"algo": "a", "bench": "b", "target_seed": 2**32}, "--target-seed 4294967296"),
        ({"algo": "a", "bench": "b", "stop_at": "EMf=2"}, "between 0 and 1"),
        ({"algo": 3, "bench": "b"}, "expected names, such as ga,npo or a list of them, got 3"),
        ({"algo": "a", "bench": "b", "stop_at": "EMf"}, "EMf=.10"),
        ({"algo": "a", "bench": "b", "stop_at": "=.1"}, "EMf=.10"),
        ({"algo": "a", "bench": "b", "stop_at": "EMf=nan"}, "EMf=.10"),
        ({"algo": "a", "bench": "b", "require": "EMf"}, "--require 'EMf': write a column and a share from 0 to 1"),
        ({"algo": "a", "bench": "b", "require": "EMf=.1,EMr=50"}, "--require 'EMr=50'"),
        ({"algo": "a", "bench": "b", "require": ["EMf=nan"]}, "--require 'EMf=nan'"),
        ({"algo": "a", "bench": "b", "require": "EMf=.1,EMf=.2"}, "--require names 'EMf' twice"),
    ],
)
def test_a_bad_argument_is_refused(arguments, text):
    with pytest.raises(OptionError, match=text):
        from_arguments(arguments, {})


def test_what_is_required_is_shares_by_column():
    asked = from_arguments({"algo": "a", "bench": "b", "require": "EMf=.10, EMr=50%,EMt=0"}, {})
    assert asked.required() == {"EMf": 0.1, "EMr": 0.5, "EMt": 0.0}
    assert Request(algo=("a",), bench="b").required() == {}


def test_stop_level_takes_shares_and_percent():
    for text, level in [("EMf=.10", 0.1), ("EMf=25%", 0.25), (" Pf = .5", 0.5), (None, None)]:
        assert Request(algo=("a",), bench="b", stop_at=text).stop_level() == level


def test_later_layers_win_and_each_value_knows_where_it_comes_from():
    recipe, origin = resolve(
        "unlearn",
        Unlearn,
        {"benchmark": {"rank": 64, "lr": 2e-5}, "model": {"lr": 3e-4, "steps": 40}, "user": {"lr": "1e-3"}},
    )
    assert (recipe.rank, recipe.lr, recipe.steps, recipe.batch) == (64, 1e-3, 40, 64)
    assert (origin["rank"], origin["lr"], origin["steps"], origin["batch"]) == ("benchmark", "user", "model", "default")


def test_epochs_of_a_later_layer_overrule_steps_of_an_earlier_one():
    recipe, _ = resolve("unlearn", Unlearn, {"model": {"steps": 40}, "user": {"epochs": 2}})
    assert recipe.steps is None and recipe.epochs == 2


def test_an_unknown_recipe_value_names_its_layer():
    with pytest.raises(OptionError, match="from model"):
        resolve("learn", Learn, {"model": {"rnak": 3}})


@pytest.mark.parametrize(("more", "beta", "origin"), [({}, 1.0, "model"), ({"npo.beta": "0.5"}, 0.5, "user")])
def test_a_models_recipe_may_hold_an_algorithms_options(more, beta, origin):
    """The tiny model brings NPO's beta; options of others, and of data, are their own."""
    request = Request(algo=("npo", "ga"), bench="remem", forget=three.FORGET, set={**three.OPTIONS, **more})
    plan = make_plan(request, Zoo.installed(), weights=False)
    assert plan.algorithms["npo"].beta == beta and plan.origins["npo"]["beta"] == origin
    assert plan.origins["npo"]["retain_weight"] == "default" and plan.origins["remem"]["views"] == "user"
    assert f"beta {beta} ({origin})" in "\n".join(lines(plan))

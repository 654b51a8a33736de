"""What a check is to whoever runs it, and that the page on checks lists exactly those there are."""

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from unlearnzoo import Metric, Unlearner, option
from unlearnzoo.testing import CheckFailed, metric_checks, unlearner_checks
from unlearnzoo.testing.checks import RULES
from unlearnzoo.testing.common import COMMON

PAGE = Path(__file__).parents[2] / "docs/reference/checks.md"


class Scaled(Unlearner):
    """An algorithm that is right with some options alone."""

    name = "scaled"
    sign: float = option(1.0, "What the loss is multiplied with")

    def loss(self, forget):
        return -self.sign * forget.nll


class Alone(Unlearner):
    """An algorithm without a loss."""

    name = "alone"

    def unlearn(self, trainer):
        raise NotImplementedError


class Paraphrased(Unlearner):
    """An algorithm with an input of its own, learned in the answer's place."""

    name = "paraphrased"
    inputs = {"paraphrase": "forget"}

    def paraphrase(self, example):
        return example

    def loss(self, paraphrase, paraphrase_ref):
        return {"paraphrase": paraphrase.nll * (paraphrase_ref.logps / 10).exp()}


def named(checks):
    return {check.__name__: check for check in checks}


def test_a_failure_has_three_parts_and_is_an_assertion():
    with pytest.raises(AssertionError) as failed:
        named(unlearner_checks(Scaled(sign=-1)))["forgets"]()
    error = failed.value
    assert isinstance(error, CheckFailed)
    assert str(error) == f"{error.what}\nWhy it matters: {error.why}\nHow to fix it: {error.fix}"
    assert "after 25 steps" in error.what


def test_an_instance_is_checked_with_its_options():
    named(unlearner_checks(Scaled))["forgets"]()
    named(unlearner_checks(Scaled(sign=2)))["forgets"]()


def test_a_check_is_a_function_without_arguments_that_knows_what_it_catches():
    for check in unlearner_checks(Scaled):
        assert inspect.isfunction(check) and not inspect.signature(check).parameters
        assert check.__doc__.endswith(".")


def test_without_a_loss_there_are_no_checks_of_a_loss():
    assert list(named(unlearner_checks(Alone))) == [*(rule.name for rule in COMMON), "phases"]


def test_inputs_of_its_own_are_checked_like_others():
    found = named(unlearner_checks(Paraphrased))
    for rule in RULES["algorithm"][len(COMMON) :]:
        found[rule.name]()


def test_a_class_of_another_kind_is_refused():
    with pytest.raises(CheckFailed, match="no subclass of Metric"):
        named(metric_checks(Scaled))["accepted"]()


def test_what_a_plugin_raises_is_told_with_the_cause():
    class Raises(Metric):
        """A metric that always raises."""

        name = "raises"

        def score(self, answer):
            raise KeyError("gone")

    with pytest.raises(CheckFailed, match="KeyError: 'gone'") as failed:
        named(metric_checks(Raises))["tells_apart"]()
    assert isinstance(failed.value.__cause__, KeyError)


def test_the_kit_imports_no_pytest():
    code = "import sys, unlearnzoo.testing.checks; sys.exit('pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=PAGE.parents[2], check=False).returncode == 0


def table(rules):
    rows = [f"| `{rule.name}` | {rule.catches} | {rule.fix[0].upper()}{rule.fix[1:]} |" for rule in rules]
    return "\n".join(["| check | what it catches | how to fix it |", "|---|---|---|", *rows])


@pytest.mark.parametrize("heading", ["Every plugin", "Algorithms", "Benchmarks", "Metrics"])
def test_the_page_lists_exactly_the_checks_there_are(heading):
    kind = heading.lower().removesuffix("s").replace("algorithm", "algorithm")
    rules = COMMON if heading == "Every plugin" else RULES[kind][len(COMMON) :]
    section = PAGE.read_text("utf-8").split(f"\n## {heading}\n")[1].partition("\n## ")[0]
    written = "\n".join(line for line in section.splitlines() if line.startswith("|"))
    assert written == table(rules)


def test_rules_have_a_text_for_each_part():
    for rule in (rule for rules in RULES.values() for rule in rules):
        assert rule.catches.endswith(".") and rule.why.endswith(".") and rule.fix.endswith("."), rule.name
        assert "|" not in rule.fix + rule.catches

"""Each check finds the plugin that is broken for it; all that ships passes all of them."""

import inspect
import re

import pytest

from tests.support import couples
from tests.testing.mutants import batches, benchmarks, heavy, losses, metrics, options, refusals, utilities
from tests.testing.mutants.small import Small
from unlearnzoo import Benchmark, Metric, Unlearner
from unlearnzoo.testing import CheckFailed, benchmark_checks, metric_checks, unlearner_checks
from unlearnzoo.testing.checks import RULES
from unlearnzoo_altpo import AltPO
from unlearnzoo_ceu import CEU
from unlearnzoo_dpo import DPO
from unlearnzoo_ga import GA
from unlearnzoo_gd import GD
from unlearnzoo_idk import IDK
from unlearnzoo_kl import KL
from unlearnzoo_metrics import ExactMatch, Probability, RougeL
from unlearnzoo_npo import NPO
from unlearnzoo_pdu import PDU
from unlearnzoo_random import Random
from unlearnzoo_remem.benchmark import ReMem
from unlearnzoo_remem.exposure import Exposure, ExposureLinear
from unlearnzoo_retrain import Retrain
from unlearnzoo_rmu import RMU
from unlearnzoo_satimp import SatImp
from unlearnzoo_simnpo import SimNPO
from unlearnzoo_taskvector import TaskVector
from unlearnzoo_undial import UNDIAL
from unlearnzoo_wga import WGA

ALGORITHMS = (GA, GD, KL, DPO, NPO, IDK, SimNPO, RMU, UNDIAL, WGA, SatImp, CEU, Random, AltPO, PDU, Retrain, TaskVector)
CHECKS = {Unlearner: unlearner_checks, Benchmark: benchmark_checks, Metric: metric_checks}
MUTANTS = [
    cls
    for module in (batches, losses, options, heavy, benchmarks, couples, refusals, metrics, utilities)
    for _, cls in inspect.getmembers(module, inspect.isclass)
    if hasattr(cls, "fails")
]


def checks_of(cls):
    return {check.__name__: check for base, found in CHECKS.items() if issubclass(cls, base) for check in found(cls)}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda cls: f"{cls.fails}-{cls.name}")
def test_a_broken_plugin_fails_the_check_meant_for_it(mutant):
    with pytest.raises(CheckFailed, match="Why it matters: .*\nHow to fix it: ") as failed:
        checks_of(mutant)[mutant.fails]()
    assert re.search(mutant.says, failed.value.what), failed.value.what


@pytest.mark.parametrize("kind", RULES)
def test_each_check_has_a_broken_plugin(kind):
    base = {"algorithm": Unlearner, "benchmark": Benchmark, "metric": Metric}[kind]
    found = {cls.fails for cls in MUTANTS if issubclass(cls, base)}
    shared = {"documented", "accepted", "options", "light_import"}
    assert {rule.name for rule in RULES[kind]} - shared <= found
    assert kind != "algorithm" or shared <= found


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(check, id=f"{getattr(one, 'name', '')}-{check.__name__}")
        for one in ALGORITHMS
        for check in unlearner_checks(one)
    ],
)
def test_shipped_algorithms_pass(check):
    check()


@pytest.mark.parametrize("one", [DPO(retain_weight=0.5), NPO(retain_weight=0.5, beta=1.0)], ids=lambda one: one.name)
def test_configured_algorithms_pass(one):
    for check in unlearner_checks(one):
        check()


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(check, id=f"{one.name}-{check.__name__}")
        for one in (RougeL, ExactMatch, Probability, Exposure, ExposureLinear)
        for check in metric_checks(one)
    ],
)
def test_shipped_metrics_pass(check):
    check()


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(check, id=f"{one.name}-{check.__name__}")
        for one in (Small, couples.Couples, utilities.Quiz)
        for check in benchmark_checks(one)
    ],
)
def test_a_right_benchmark_passes(check):
    check()


@pytest.mark.slow
@pytest.mark.parametrize("check", [pytest.param(check, id=check.__name__) for check in benchmark_checks(ReMem)])
def test_remem_passes(check):
    check()


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(check, id=check.__name__)
        for check in benchmark_checks(
            ReMem.configure({"identities": 3, "qa": 40, "views": 4, "forget": "33%", "hold_out_retain": True})
        )
    ],
)
def test_a_small_remem_passes(check):
    check()

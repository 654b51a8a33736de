"""GD: GA's term and the retain answers' loss, each one value per answer."""

import pytest

from unlearnzoo import OptionError
from unlearnzoo.testing import check_loss, random_inputs
from unlearnzoo_gd import GD


@pytest.mark.parametrize("weight", [0.0, 1.0, 2.5])
def test_terms(weight):
    check_loss(
        GD(retain_weight=weight),
        lambda forget, retain: {
            "forget": [answer.logps.mean() for answer in forget],
            "retain": [-weight * answer.logps.mean() for answer in retain],
        },
    )


def test_forget_and_retain_batches_may_differ_in_size():
    terms = GD().loss(**random_inputs({"forget", "retain"}))
    assert {name: len(values) for name, values in terms.items()} == {"forget": 3, "retain": 4}


def test_inputs_and_options():
    assert GD().needs == {"forget", "retain"}
    assert GD().values() == {"retain_weight": 1.0}
    with pytest.raises(OptionError, match="retain_weight"):
        GD(retain_weight=-1)

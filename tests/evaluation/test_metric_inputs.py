"""A score out of range is refused when it is made: a record with it could not be read again."""

import math

import pytest

from unlearnzoo import Metric, Progress
from unlearnzoo.errors import PluginError
from unlearnzoo.evaluation.metric_inputs import scored


class Fixed(Metric):
    """Scores what it is told to."""

    name = "fixed"

    def score(self, prediction):
        return float(prediction)


@pytest.mark.parametrize(("given", "score"), [("0", 0), ("1", 1), ("0.5", 0.5), ("1.0000001", 1), ("-1e-9", 0)])
def test_a_rounding_error_is_taken_off(given, score):
    assert [one.value for one in scored(Fixed(), [{"prediction": given}], Progress())] == [score]


def test_nan_is_unscored():
    assert math.isnan(scored(Fixed(), [{"prediction": "nan"}], Progress())[0].value)


@pytest.mark.parametrize("given", ["75", "1.001", "-0.1", "inf", "-inf"])
def test_a_score_that_is_no_share_is_refused(given):
    with pytest.raises(PluginError, match=rf"fixed scored {float(given):g}; a score is from 0 to 1, or NaN"):
        scored(Fixed(), [{"prediction": "0"}, {"prediction": given}], Progress())

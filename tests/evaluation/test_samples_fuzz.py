"""Samples that somebody edited: each value that no run writes is named by row, and no byte makes a crash."""

import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.mutations import flipped
from tests.support.records import judged
from tests.support.samples import EM
from unlearnzoo import DataError
from unlearnzoo.evaluation.samples import read_samples, write_samples

FEW, MANY = 40, 1000


@pytest.fixture
def path(tmp_path):
    write_samples(tmp_path / "s.parquet", judged("target", {"finetune": 0.5}, people=2, rows=2))
    return tmp_path / "s.parquet"


@pytest.mark.parametrize(
    ("column", "values", "told"),
    [
        (EM, [0.0, 1.5, 0.0, 0.0], "'finetune-0-1': 'unlearnzoo-metrics/em' is 1.5, no score from 0 to 1"),
        (EM, [0.0, 0.0, -0.1, 0.0], "'finetune-1-0': 'unlearnzoo-metrics/em' is -0.1, no score from 0 to 1"),
        (EM, [math.inf, 0.0, 0.0, 0.0], "'finetune-0-0': 'unlearnzoo-metrics/em' is inf, no number"),
        (EM, ["1", "0", "1", "0"], "'finetune-0-0': 'unlearnzoo-metrics/em' is '1', no number"),
        ("truth_probability", [math.inf] * 4, "'finetune-0-0': 'truth_probability' is inf, no number"),
        ("question", ["a", "b", None, "d"], "'finetune-1-0': 'question' is None, no text"),
        ("identity", [1, 2, 3, 4], "'finetune-0-0': 'identity' is 1, no text"),
        ("id", ["a", None, "c", "d"], "None: 'id' is None, no text"),
        ("hop", [1, 2, 3, 4], "'finetune-0-0': 'hop' is 1, no text"),
        ("split", [["x"]] * 4, "'split' is .'x'., no text"),
    ],
)
def test_a_value_that_no_run_writes(path, column, values, told):
    table = pq.read_table(path)
    at = table.schema.get_field_index(column)
    field = table.schema.field(at).with_type(pa.array(values).type)
    pq.write_table(table.set_column(at, field, pa.array(values)), path)
    with pytest.raises(DataError, match=rf"s\.parquet: sample .*{told}"):
        read_samples(path)


def hold(path, numbers):
    content = path.read_bytes()
    for number in numbers:
        path.write_bytes(flipped(content, number))
        told = ""
        try:
            read_samples(path)
        except DataError as error:
            told = str(error)
        except Exception as error:
            raise AssertionError(f"{number}: {error!r}") from error
        assert "\n" not in told and "\x1b" not in told, number


def test_some_edits(path):
    hold(path, range(FEW))


@pytest.mark.soak
def test_many_edits(path):
    hold(path, range(MANY))

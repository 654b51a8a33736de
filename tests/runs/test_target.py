"""The stage-1 cache: its key follows whatever stage 1 depends on, its code included."""

import ast
import hashlib
import inspect
import textwrap
import types

import pytest
import torch

from unlearnzoo import image
from unlearnzoo.data import sampling
from unlearnzoo.encoding import chat, collate, control_tokens, encode, layout, packing, processor_parts, prompts
from unlearnzoo.errors import CacheWarning
from unlearnzoo.models import lora, packed_forward, processor, scores
from unlearnzoo.runs import target
from unlearnzoo.storage.cache import cache_folder
from unlearnzoo.training import loop, stages
from unlearnzoo.training.recipe import Learn
from unlearnzoo.training.schedule import draws, learn_draws

#: Hash of the code that stage 1 runs, and the version it had. When this test fails: does the same
#: recipe still give the same target? If so, update the hash alone, else raise the version as well.
PINNED = (3, "93483f9de91b5b1f")
SOURCES = (
    *(image, sampling, chat, control_tokens, prompts, processor_parts, encode, packing, layout, collate),
    *(processor, lora, packed_forward, scores, loop),
    *(stages.learn, learn_draws, draws),
)


def code(source) -> str:
    """Return what a source does, free of comments and docstrings."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(source)))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
        ):
            body[0].value = ast.Constant(None)
    return ast.unparse(tree)


def test_the_version_of_stage_1_follows_its_code():
    found = hashlib.sha256("".join(code(s) for s in SOURCES).encode()).hexdigest()[:16]
    assert (target.STAGE_1_VERSION, found) == PINNED


@pytest.mark.parametrize("name", [target.WEIGHTS, target.SUM])
def test_a_damaged_target_is_said_and_learned_again(name, tmp_path, monkeypatch):
    monkeypatch.setenv("UNLEARNZOO_CACHE", str(tmp_path))
    home, plan = cache_folder("targets") / "key", types.SimpleNamespace(learn=Learn())
    for _ in range(2):
        assert target._cached(plan, "key") is None
        target._keep(home, {"x": torch.arange(1000.0)})
        assert target._cached(plan, "key").tensors["x"].tolist() == list(range(1000))
        whole = bytearray((home / name).read_bytes())
        whole[-9] ^= 1
        (home / name).write_bytes(whole)
        with pytest.warns(CacheWarning, match=r"the target in .* is damaged \(its checksum is another\); stage 1"):
            assert target._cached(plan, "key") is None
        assert not home.exists()


def test_what_a_user_s_own_target_answered_is_kept_by_data_and_precision_as_well():
    """Row ids are the same in many data sets; the answers are not."""

    def key(data, precision_key):
        plan = types.SimpleNamespace(
            request=types.SimpleNamespace(target="./mine"),
            checkpoint=types.SimpleNamespace(weights="w1"),
            benchmark=types.SimpleNamespace(fingerprint=lambda: data),
        )
        return target.key_of(plan, types.SimpleNamespace(precision_key=precision_key))

    assert len({key("d1", "torch.float32"), key("d2", "torch.float32"), key("d1", "torch.bfloat16")}) == 3
    assert key("d1", "torch.float32") == key("d1", "torch.float32")

"""A small language model whose adapters are not at LoRA's zero.

At LoRA's start the model equals its reference, every log-ratio is 0, and most mistakes of a loss
cannot be seen.
"""

from collections.abc import Iterable
from typing import Any

import torch

from ..models import adapters
from ..models.scores import Scores
from .answers import LENGTHS, kept

VOCABULARY, PROMPT = 32, 4


class AdaptedModel:
    """A random Llama with a random ``target`` and a random ``unlearn`` adapter.

    Args:
        seed: other weights and other texts.
    """

    def __init__(self, seed: int = 0) -> None:
        from transformers import LlamaConfig, LlamaForCausalLM

        config = LlamaConfig(vocab_size=VOCABULARY, hidden_size=16, intermediate_size=32, num_hidden_layers=2,
                             num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=64)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model: Any = LlamaForCausalLM(config).eval().requires_grad_(False)
            names = adapters.linear_parts(model)["language"]
            for name in ("target", "unlearn"):
                model = adapters.add(model, name, 2, 4, names, seed)
            self.parameters = adapters.train_only(model, "unlearn")
            for path, parameter in model.named_parameters():
                if ".lora_B." in path:
                    parameter.data.normal_(std=0.3)
        self.model, self.seed = model, seed

    def inputs(self, needs: Iterable[str], distributions: Iterable[str] = ()) -> dict[str, Scores]:
        """Score random answers: references under the target, the others under the policy."""
        found = {}
        for name in sorted(needs):
            role = name.removesuffix("_ref")
            if name.endswith("_ref"):
                with torch.no_grad():
                    found[name] = kept(self.scores(role, "target"), name in distributions)
            else:
                found[name] = self.scores(role, "policy")
        return found

    def scores(self, role: str, which: adapters.State) -> Scores:
        """Score a role's answers one by one: nothing is padded, so nothing needs a mask."""
        draw = torch.Generator().manual_seed(self.seed * 100 + list(LENGTHS).index(role))
        logits, targets, row = [], [], []
        for i, length in enumerate(LENGTHS[role]):
            ids = torch.randint(VOCABULARY, (PROMPT + length,), generator=draw)
            with adapters.state(self.model, adapters.ACTIVE[which]):
                out = self.model(input_ids=ids[None]).logits[0]
            logits.append(out[PROMPT - 1 : -1])
            targets.append(ids[PROMPT:])
            row += [i] * length
        return Scores(torch.cat(targets), torch.tensor(row), len(LENGTHS[role]), raw_logits=torch.cat(logits))

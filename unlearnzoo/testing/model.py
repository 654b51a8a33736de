"""A small language model whose adapters are not at LoRA's zero.

At LoRA's start the model equals its reference, every log-ratio is 0, and most mistakes of a loss
cannot be seen.
"""

import warnings
from collections.abc import Iterable, Mapping, Sequence

import torch

from ..models import lora
from ..models.scores import Scores
from .answers import LENGTHS, kept, number

VOCABULARY, PROMPT, LAYERS = 32, 4, 2
RANK, ALPHA = 2, 4


class AdaptedModel:
    """A random Llama with a random ``target`` and a random ``unlearn`` adapter.

    Args:
        seed: other weights and other texts.

    Attributes:
        lengths: tokens of each answer by role.
    """

    lengths: Mapping[str, Sequence[int]] = LENGTHS

    def __init__(self, seed: int = 0) -> None:
        from transformers import LlamaConfig, LlamaForCausalLM

        config = LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=LAYERS,
            num_attention_heads=2,
            num_key_value_heads=2,
            max_position_embeddings=64,
        )
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            # peft asks transformers by the old name; an author's tests may turn warnings into errors.
            warnings.filterwarnings("ignore", category=FutureWarning)
            torch.manual_seed(seed)
            model: torch.nn.Module = LlamaForCausalLM(config).eval().requires_grad_(False)
            names = lora.linear_parts(model)["language"]
            for name in ("target", "unlearn"):
                model = lora.add(model, name, RANK, ALPHA, names, seed)
            self.parameters = lora.train_only(model, "unlearn")
            for path, parameter in model.named_parameters():
                if ".lora_B." in path:
                    parameter.data.normal_(std=0.3)
        self.model, self.seed = model, seed

    def inputs(
        self, needs: Iterable[str], distributions: Iterable[str] = (), layers: Sequence[int] = ()
    ) -> dict[str, Scores]:
        """Score random answers: references under the target, the others under the policy."""
        found = {}
        for name in sorted(needs):
            role = name.removesuffix("_ref")
            if name.endswith("_ref"):
                with torch.no_grad():
                    found[name] = kept(self.scores(role, "target", layers), name in distributions)
            else:
                found[name] = self.scores(role, "unlearned", layers)
        return found

    def scores(self, role: str, which: lora.State, layers: Sequence[int] = ()) -> Scores:
        """Score a role's answers; padding comes last, where causal attention never looks.

        Hidden states of a layer that is deeper than this model are those of its first one.
        """
        draw = torch.Generator().manual_seed(self.seed * 100 + number(role))
        sizes = self.lengths[role]
        ids = [torch.randint(VOCABULARY, (PROMPT + size,), generator=draw) for size in sizes]
        with lora.activated(self.model, lora.ACTIVE[which]):
            out = self.model(
                input_ids=torch.nn.utils.rnn.pad_sequence(ids, batch_first=True), output_hidden_states=bool(layers)
            )

        def answers(values: torch.Tensor) -> torch.Tensor:
            """Return what is at the positions that predict the answers."""
            return torch.cat([values[i, PROMPT - 1 : PROMPT - 1 + size] for i, size in enumerate(sizes)])

        # The last of them has been through the final norm, which no layer's output has.
        states = {layer: answers(out.hidden_states[layer if layer < LAYERS else 1]) for layer in layers}
        row = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
        return Scores(
            torch.cat([one[PROMPT:] for one in ids]),
            row,
            len(sizes),
            raw_logits=answers(out.logits),
            raw_hidden=states or None,
        )

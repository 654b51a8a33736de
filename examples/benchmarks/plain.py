"""The plain loop that the engine is timed beside: a training step as an unlearning repository usually has it."""

import copy
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unlearnzoo.encoding.encode import Encoded
from unlearnzoo.models import lora
from unlearnzoo.training.engine import Engine

RATE, BETA = 1e-4, 0.1


class Plain:
    """The plain loop, on a copy of an engine's model whose target is folded into the weights."""

    def __init__(self, engine: Engine) -> None:
        from transformers import AutoModelForImageTextToText

        source = engine.checkpoint.source
        base = AutoModelForImageTextToText.from_pretrained(source, dtype=torch.float32).to(engine.device)
        for name, layer in lora.layers(engine.model):
            if "target" in layer.lora_A:
                part = base.get_submodule(name.removeprefix("base_model.model."))
                part.weight.data += layer.get_delta_weight("target").detach()
        self.reference = copy.deepcopy(base).eval()
        names = lora.target_names(lora.linear_parts(base), ("language",))
        own = engine.model.peft_config["unlearn"]
        self.model = lora.add(base, "unlearn", own.r, own.lora_alpha, names, 0)
        self.parameters = lora.train_only(self.model, "unlearn")
        self.pad, self.processor = engine.encoder.tokenizer.pad_token_id, engine.checkpoint.processor

    def start(self, values: Sequence[Tensor]) -> None:
        """Begin anew, from these parameters."""
        put(self.parameters, values)
        self.optimizer = torch.optim.AdamW(self.parameters, lr=RATE, weight_decay=0.0)

    def batch(self, encoded: Sequence[Encoded]) -> dict[str, Tensor]:
        """Return a padded batch with labels, one sequence per answer."""
        ids = [torch.tensor(e.prompt + e.answer) for e in encoded]
        labels = [torch.tensor((-100,) * len(e.prompt) + e.answer) for e in encoded]
        padded = nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_value=self.pad)
        mask = nn.utils.rnn.pad_sequence([torch.ones_like(i) for i in ids], batch_first=True)
        pictures = [image.open().convert("RGB") for e in encoded for image in e.images]
        found = {
            "input_ids": padded,
            "attention_mask": mask,
            "pixel_values": self.processor.image_processor(pictures, return_tensors="pt")["pixel_values"],
            "labels": nn.utils.rnn.pad_sequence(labels, batch_first=True, padding_value=-100),
        }
        device = next(self.model.parameters()).device
        return {name: tensor.to(device) for name, tensor in found.items()}

    def step(self, algorithm: str, batches: Mapping[str, Mapping[str, Tensor]]) -> float:
        """Do a step and return its loss."""
        self.optimizer.zero_grad()
        loss = LOSSES[algorithm](self, batches)
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, 1e9)
        self.optimizer.step()
        return loss.item()

    def logits(self, batch: Mapping[str, Tensor], reference: bool = False) -> Tensor:
        """Return logits of all positions but the last, ``(n, S - 1, V)``."""
        given = {name: tensor for name, tensor in batch.items() if name != "labels"}
        with torch.set_grad_enabled(not reference):
            return (self.reference if reference else self.model)(**given, use_cache=False).logits[:, :-1].float()

    def logps(self, batch: Mapping[str, Tensor], reference: bool = False) -> Tensor:
        """Return log-probabilities of the answers, ``(n,)``."""
        labels, logits = batch["labels"][:, 1:], self.logits(batch, reference)
        return -F.cross_entropy(logits.transpose(1, 2), labels, ignore_index=-100, reduction="none").sum(1)

    def nll(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the mean over answers of their loss per token."""
        return (-self.logps(batch) / tokens(batch)).mean()

    def kl(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the mean over answers of the divergence per token from the reference."""
        theirs, ours = self.logits(batch, reference=True).log_softmax(-1), self.logits(batch).log_softmax(-1)
        each = F.kl_div(ours, theirs, log_target=True, reduction="none").sum(-1)
        return ((each * (batch["labels"][:, 1:] != -100)).sum(1) / tokens(batch)).mean()

    def ratio(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return how much likelier than under the reference the answers are, ``(n,)`` logarithms."""
        return self.logps(batch) - self.logps(batch, reference=True)


#: Algorithm → its loss in the plain loop, of batches by role.
LOSSES = {
    "ga": lambda own, b: -own.nll(b["forget"]),
    "gd": lambda own, b: -own.nll(b["forget"]) + own.nll(b["retain"]),
    "kl": lambda own, b: -own.nll(b["forget"]) + own.kl(b["retain"]),
    "dpo": lambda own, b: -F.logsigmoid(BETA * (own.ratio(b["refusal"]) - own.ratio(b["forget"]))).mean(),
    "npo": lambda own, b: -2 / BETA * F.logsigmoid(-BETA * own.ratio(b["forget"])).mean(),
}


def tokens(batch: Mapping[str, Tensor]) -> Tensor:
    """Return how many tokens each answer has, ``(n,)``."""
    return (batch["labels"] != -100).sum(1)


def put(parameters: Sequence[nn.Parameter], values: Sequence[Tensor]) -> None:
    """Give parameters these values."""
    for parameter, value in zip(parameters, values, strict=True):
        parameter.data.copy_(value)
        parameter.grad = None

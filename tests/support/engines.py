"""Engines whose adapters are not the identity: at LoRA's zero start a mask error is invisible."""


def adapted(folder, seed=0, precision=None):
    """Load a checkpoint; add ``target`` (also on projector and head) and ``unlearn``, both random."""
    import dataclasses

    import torch

    from unlearnzoo.models.checkpoint import inspect
    from unlearnzoo.training.engine import Engine

    engine = Engine(dataclasses.replace(inspect("test", folder), precision=precision))
    engine.adapt("target", 4, 8.0, ("language", "projector", "head"), seed)
    engine.adapt("unlearn", 3, 6.0, ("language",), seed + 1)
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in engine.model.named_parameters():
        if "lora_B" in name:
            parameter.data.copy_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return engine


def steps_of(engine, recipe):
    """Return what does the steps of a training of the ``unlearn`` adapter."""
    return engine.prepare([p for p in engine.model.parameters() if p.requires_grad], recipe)


def prompts(encoder, *pictures):
    """A prompt about each picture."""
    from unlearnzoo.encoding.encode import Encoded

    return [Encoded((), (), (), (picture,), encoder.chat.prompt(1, "Who?")) for picture in pictures]


def settle(engine, packs):
    """Let rows be packed or not, unverified."""
    from types import SimpleNamespace

    from unlearnzoo.training.verify import Verified

    class Settled(SimpleNamespace):
        def __call__(self, encoded):
            return self.result

    engine.verifier = Settled(result=Verified(packs))

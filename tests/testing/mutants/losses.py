"""Algorithms whose loss is wrong in what it computes, keeps or trains."""

from unlearnzoo import Unlearner, option


class Memory(Unlearner):
    """Carries a running mean from call to call."""

    name = "memory"
    seen = 0.0
    fails, says = "deterministic", "the second time"

    def loss(self, forget):
        self.seen = 0.5 * self.seen + forget.nll.detach().mean()
        return -forget.nll + self.seen


class Shared(Unlearner):
    """Counts calls over all instances."""

    name = "shared"
    calls = []
    fails, says = "deterministic", "'loss' is"

    def loss(self, forget):
        self.calls.append(forget.n)
        return -forget.nll / len(self.calls)


class GlobalRandom(Unlearner):
    """Draws from torch's global generator."""

    name = "globalrandom"
    fails, says = "random_state", "global generator of torch"

    def loss(self, forget):
        import torch

        return -forget.nll * (torch.rand(1) > 2).logical_not()


class Reseeds(Unlearner):
    """Seeds everybody's generator, so that its own draws repeat."""

    name = "reseeds"
    fails, says = "random_state", "global generator of random"

    def loss(self, forget):
        import random

        random.seed(0)
        return -forget.nll * random.random()


class InPlace(Unlearner):
    """Clamps the reference in place."""

    name = "inplace"
    fails, says = "inputs_kept", "forget_ref.* in place"

    def loss(self, forget, forget_ref):
        forget_ref.token_logps.clamp_(min=-1.0)
        return forget.logps - forget_ref.logps


class LiveReference(Unlearner):
    """Lets the reference carry a gradient."""

    name = "live"
    fails, says = "inputs_kept", "carry a gradient"

    def loss(self, forget, forget_ref):
        forget_ref.token_logps.requires_grad_()
        return forget.logps - forget_ref.logps


class UnusedRefusal(Unlearner):
    """Asks for refusals, and uses the forget answers once more (trap 9)."""

    name = "unusedrefusal"
    fails, says = "inputs_used", "'refusal' is asked for"

    def loss(self, forget, refusal):
        return forget.logps - 0 * refusal.logps


class BaseAsReference(Unlearner):
    """Measures against a model that never learned: uniform guessing stands for the reference (trap 5)."""

    name = "baseasreference"
    fails, says = "inputs_used", "'forget_ref' is asked for"

    def loss(self, forget, forget_ref):
        import math

        from torch.nn.functional import logsigmoid

        guessing = -math.log(forget.logits.shape[-1]) * forget.n_tokens
        return -20 * logsigmoid(-0.1 * (forget.logps - guessing))


class DetachedRetain(Unlearner):
    """Reports the retain loss without training on it."""

    name = "detachedretain"
    fails, says = "inputs_used", "'retain' is asked for"

    def loss(self, forget, retain):
        return {"forget": -forget.nll, "retain": retain.nll.detach()}


class HalfTerms(Unlearner):
    """Computes from the logits without going to fp32."""

    name = "halfterms"
    fails, says = "half_precision", "bfloat16"

    def loss(self, forget):
        import torch

        own = forget.logits.log_softmax(-1).gather(1, forget.targets[:, None])[:, 0]
        return torch.zeros(forget.n, dtype=own.dtype).index_add(0, forget.row, own)


class HalfOverflow(Unlearner):
    """Squares log-probabilities in fp16, which ends at 65,504."""

    name = "halfoverflow"
    fails, says = "extreme_answers", "very unlikely"

    def loss(self, forget):
        return -(forget.logps.half() ** 2).float()


class NaiveSigmoid(Unlearner):
    """NPO with exp where logsigmoid is stable."""

    name = "naive"
    fails, says = "extreme_answers", "learned since"

    def loss(self, forget, forget_ref):
        return 2 * (1 + (forget.logps - forget_ref.logps).exp()).log()


class RootAtZero(Unlearner):
    """The gradient of a square root at the reference, where the ratio is 0."""

    name = "root"
    fails, says = "extreme_answers", "gradient .* equal to its reference"

    def loss(self, forget, forget_ref):
        return -((forget.logps - forget_ref.logps) ** 2).sqrt()


class Unlikelihood(Unlearner):
    """The logarithm of 0 where the model is certain of an answer."""

    name = "unlikelihood"
    fails, says = "extreme_answers", "certain answers"

    def loss(self, forget):
        return -(1 - forget.logps.exp()).log()


class Detached(Unlearner):
    """Carries no gradient."""

    name = "detached"
    fails, says = "gradient", "no gradient"

    def loss(self, forget):
        return -forget.nll.detach()


class Clamped(Unlearner):
    """Clamps the gradient to zero: every answer is beyond the bound."""

    name = "clamped"
    fails, says = "gradient", "adapter is 0"

    def loss(self, forget):
        return (-forget.nll).clamp(min=0)


class Descends(Unlearner):
    """Learns what it should forget: the sign is wrong."""

    name = "descends"
    fails, says = "forgets", r"changed by \+"

    def loss(self, forget):
        return forget.nll


class SwappedPair(Unlearner):
    """DPO that prefers the answer to the refusal."""

    name = "swapped"
    fails, says = "forgets", "refusal changed by -"

    def loss(self, forget, forget_ref, refusal, refusal_ref):
        from torch.nn.functional import logsigmoid

        won, lost = forget.logps - forget_ref.logps, refusal.logps - refusal_ref.logps
        return -logsigmoid(0.1 * (won - lost))


class AscentOnRetain(Unlearner):
    """Forgets what it should keep, too."""

    name = "ascentonretain"
    fails, says = "keeps", "retain term alone"

    def loss(self, forget, retain):
        return {"forget": -forget.nll, "retain": -retain.nll}


class OptionalAscent(Unlearner):
    """Drives retain answers away by a term that is off by default."""

    name = "optionalascent"
    retain_weight: float = option(0.0, "Weight of a retain term", ge=0)
    fails, says = "keeps", "with retain_weight=1.0: the retain term"

    @property
    def needs(self):
        return frozenset({"forget"} | ({"retain"} if self.retain_weight else set()))

    def loss(self, forget, retain=None):
        terms = {"forget": -forget.nll}
        if retain is not None:
            terms["retain"] = -self.retain_weight * retain.nll
        return terms


class PushedFromReference(Unlearner):
    """Drives the retain answers away from the target's distribution."""

    name = "pushed"
    reference = {"retain_ref": "logits"}
    fails, says = "keeps", r"distance from the target by \+"

    def loss(self, forget, retain, retain_ref):
        return {"forget": -forget.nll, "retain": -retain.kl(retain_ref)}


class EmptyPhase(Unlearner):
    """Asks its second phase for no step at all."""

    name = "emptyphase"
    fails, says = "phases", r"trainer.train\(steps=0\)"

    def loss(self, forget):
        return -forget.nll

    def unlearn(self, trainer):
        trainer.train()
        trainer.train(steps=0)

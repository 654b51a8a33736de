"""Algorithms whose loss depends on how a batch was cut, or is not one value per answer."""

from unlearnzoo import Unlearner


class Scalar(Unlearner):
    """Takes the mean itself."""

    name = "scalar"
    fails, says = "one_value_an_answer", "one value per answer"

    def loss(self, forget):
        return -forget.nll.mean()


class Listed(Unlearner):
    """Returns a list instead of a tensor."""

    name = "listed"
    fails, says = "one_value_an_answer", "returned a list"

    def loss(self, forget):
        return [-value for value in forget.nll]


class WrongSizes(Unlearner):
    """A retain term of as many values as there are forget answers."""

    name = "wrongsizes"
    fails, says = "one_value_an_answer", "'retain' has 3 values for 4 answers"

    def loss(self, forget, retain):
        return {"forget": -forget.nll, "retain": -forget.nll + retain.nll.sum()}


class OneAToken(Unlearner):
    """One value per token instead of one per answer."""

    name = "oneatoken"
    fails, says = "one_value_an_answer", r"shape \(10,\)"

    def loss(self, forget):
        return forget.token_logps


class BatchMeanNPO(Unlearner):
    """NPO on the mean log-ratio of the batch (trap 2)."""

    name = "batchmean"
    fails, says = "neighbours", "one at a time"

    def loss(self, forget, forget_ref):
        from torch.nn.functional import logsigmoid

        ratio = (forget.logps - forget_ref.logps).mean().expand(forget.n)
        return -20 * logsigmoid(-0.1 * ratio)


class MeanOverPadding(Unlearner):
    """Pads the answers again and divides by the padded length."""

    name = "padding"
    fails, says = "neighbours", "together"

    def loss(self, forget):
        longest = int(forget.n_tokens.max()) if forget.n else 1
        return forget.logps / longest


class MeanOverBatchTokens(Unlearner):
    """Divides by the tokens of the whole batch (trap 1)."""

    name = "batchtokens"
    fails, says = "neighbours", "together"

    def loss(self, forget):
        return forget.logps * forget.n / max(1, len(forget.row))


class UnmaskedKL(Unlearner):
    """KL over all rows there are, other answers' among them (trap 1)."""

    name = "unmasked"
    reference = {"retain_ref": "logits"}
    fails, says = "neighbours", "'retain'"

    def loss(self, forget, retain, retain_ref):
        from torch.nn.functional import kl_div

        ours, theirs = retain.logits.log_softmax(-1), retain_ref.logits.log_softmax(-1)
        everything = kl_div(ours, theirs, log_target=True, reduction="sum") / max(1, retain.n)
        return {"forget": -forget.nll, "retain": everything.expand(retain.n)}


class SoftmaxOverAnswers(Unlearner):
    """Weighs answers against each other."""

    name = "weighing"
    fails, says = "neighbours", "together"

    def loss(self, forget):
        return -forget.nll * forget.nll.detach().softmax(0)


class ByPosition(Unlearner):
    """Weighs the first answers of a batch most."""

    name = "byposition"
    fails, says = "order", "in that order"

    def loss(self, forget):
        import torch

        return -forget.nll / torch.arange(1, forget.n + 1)


class Sorted(Unlearner):
    """Hands the values back sorted."""

    name = "sorted"
    fails, says = "order", "in that order"

    def loss(self, forget):
        return (-forget.nll).sort().values


class NaNOfNothing(Unlearner):
    """The mean over no retain answers is NaN."""

    name = "nothing"
    fails, says = "empty_micro_batch", "forget answers alone"

    def loss(self, forget, retain):
        return -forget.nll + retain.nll.mean()


class FirstOfNothing(Unlearner):
    """Looks at the first answer, which need not be there."""

    name = "first"
    fails, says = "empty_micro_batch", "IndexError"

    def loss(self, forget, retain):
        return {"forget": -forget.nll, "retain": retain.nll / retain.n_tokens[0]}

"""``python -m tests.support.broken MUTANT run ...``: the command line with a part of resuming broken."""

import sys


def no_sampler():
    """The plan of draws starts from its beginning after a resume."""
    from unlearnzoo.training import stages, trainer

    stages.skip_to_checkpoint = trainer.skip_to_checkpoint = lambda steps, checkpointer: steps


def no_moments():
    """AdamW starts without its moments."""
    from unlearnzoo.training.checkpointing import state

    real = state.load_training_state
    state.load_training_state = lambda parameters, optimizer, found: real(
        parameters, optimizer, {n: t for n, t in found.items() if not n.startswith("optimizer.")}
    )


def no_generators():
    """The global generators stay where a fresh process has them."""
    from unlearnzoo.training.checkpointing import state

    state.set_rng_state = lambda facts, tensors: None


def no_attributes():
    """What an algorithm notes on itself is lost."""
    from unlearnzoo.training.checkpointing import state

    state.load_algorithm_state = lambda thing, facts, tensors, but: None


MUTANTS = {
    "none": lambda: None,
    "sampler": no_sampler,
    "moments": no_moments,
    "generators": no_generators,
    "attributes": no_attributes,
}


if __name__ == "__main__":
    from unlearnzoo.cli import main
    from unlearnzoo.evaluation import evaluator

    # Three people are judged within one part of the usual size; here some are left after the first.
    evaluator.PART = 30
    MUTANTS[sys.argv[1]]()
    sys.exit(main(sys.argv[2:]))

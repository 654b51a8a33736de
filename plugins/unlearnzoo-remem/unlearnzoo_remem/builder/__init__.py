"""Build a ReMem data set of one's own: ``unlearnzoo remem build OUT``."""

"""Carrying out a plan: stage 1 and its gate, stage 2, evaluation, and resuming each of them."""

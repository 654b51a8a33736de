"""Judging: generate, score candidates, aggregate with intervals."""

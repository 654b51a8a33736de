"""Evaluation: generate, score, and aggregate with intervals; curves, and what was kept at matched forgetting."""

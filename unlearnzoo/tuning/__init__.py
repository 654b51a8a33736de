"""One tuning protocol for all methods."""

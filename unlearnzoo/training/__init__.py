"""Training: one engine and one loop for stage 1 and stage 2, on Accelerate."""

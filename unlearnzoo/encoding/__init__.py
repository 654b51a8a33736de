"""From examples to padded batches of tokens, through the model's own chat template and processor."""

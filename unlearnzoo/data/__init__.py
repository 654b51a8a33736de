"""From examples to packed token batches, and the plan of which example goes when."""

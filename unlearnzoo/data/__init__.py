"""From examples to packed token batches: images, draws, and what each process gets of them."""

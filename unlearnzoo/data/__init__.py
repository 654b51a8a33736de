"""From files to examples, and which of them each step and each process gets."""

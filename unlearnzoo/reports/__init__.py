"""Records as tables, sentences and pictures."""

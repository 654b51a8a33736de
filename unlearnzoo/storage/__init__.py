"""What is written: whole or not at all, one process at a time, and where it is kept."""

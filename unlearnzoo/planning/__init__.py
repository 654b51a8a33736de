"""What will be done: everything that can be refused is refused here, before any weights load."""

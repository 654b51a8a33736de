"""Many command lines of one kind: planned, run side by side, continued after anything, and tabulated."""

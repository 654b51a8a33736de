"""A run from plan to record, the stage-1 cache, and reports over records."""

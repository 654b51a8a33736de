"""Where a training stands, kept so that it can be resumed."""

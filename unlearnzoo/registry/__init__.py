"""Finding, checking and describing plugins."""

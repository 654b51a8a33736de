"""Text that is safe to show on a terminal."""


def printable(text: str, keep: str = "") -> str:
    """Return a text with whatever could move the cursor, colour or reorder made visible."""
    return "".join(c if c.isprintable() or c in keep else ascii(c)[1:-1] for c in text)

"""Where generated data and trained targets are kept between runs."""

import os
from pathlib import Path


def folder(*parts: str) -> Path:
    """Return a folder below the cache, created, readable by its owner only.

    ``UNLEARNZOO_CACHE`` names another place than the user's cache folder. A trained target *is*
    the secret that unlearning is about, hence the permissions.
    """
    from platformdirs import user_cache_path

    root = os.environ.get("UNLEARNZOO_CACHE")
    path = Path(root).expanduser() if root else user_cache_path("unlearnzoo")
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = path.joinpath(*parts)
    path.mkdir(parents=True, exist_ok=True)
    return path

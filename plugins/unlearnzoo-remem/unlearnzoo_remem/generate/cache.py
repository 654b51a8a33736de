"""Keep generated data in the user's cache: made once, whole or not at all."""

import functools
from pathlib import Path

from unlearnzoo import build_once, cache_folder
from unlearnzoo_remem.generate.plan import Spec, address
from unlearnzoo_remem.generate.write import write


def generated(spec: Spec) -> Path:
    """Return the folder of the data of a spec, generating them where they are missing or damaged.

    Raises:
        OptionError: the spec cannot be met.
        OSError: the cache folder cannot be written.
    """
    return build_once(cache_folder("remem") / address(spec), functools.partial(write, spec))

"""``python -m unlearnzoo``, the same as the command ``unlearnzoo``."""

import sys

from .cli import main

sys.exit(main())

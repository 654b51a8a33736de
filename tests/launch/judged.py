"""Scores and answers of a few examples, by however many processes there are; the main one prints them."""

import json
import sys
from importlib.resources import files

from tests.support.engines import adapted
from tests.support.examples import people

COUNTS = (0, 1, 7)


def main():
    engine = adapted(str(files("unlearnzoo_tiny") / "checkpoint"))
    encoded = [engine.encode(example) for example in people(3, 3)]
    found = []
    for n in COUNTS:
        scores = engine.score(encoded[:n], "policy")
        texts = engine.generate(encoded[:n], "target", 6)
        found.append({"logps": [one.logps for one in scores], "texts": texts})
    if engine.ranks.main:
        sys.stdout.write(f"found {json.dumps(found)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

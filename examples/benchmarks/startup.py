"""Start-up of the commands that every user types: ``python -m examples.benchmarks.startup [N]``.

Prints seconds of whole processes beside those of a bare Python, all measured in this run.
"""

import statistics
import subprocess
import sys
import time

LINES = ("--help", "list", "show npo", "plugins")


def seconds(command: list[str], n: int) -> list[float]:
    """Time a process several times."""
    found = []
    for _ in range(n):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        found.append(time.perf_counter() - start)
    return found


def main() -> None:
    """Print a line per command."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    bare = seconds([sys.executable, "-c", "pass"], n)
    print(f"{'python':<12}{_row(bare)}")
    for line in LINES:
        found = seconds([sys.executable, "-m", "unlearnzoo", *line.split()], n)
        ratio = statistics.median(found) / statistics.median(bare)
        print(f"{line:<12}{_row(found)}   {ratio:.1f} times python alone")


def _row(found: list[float]) -> str:
    return f"min {min(found):.2f}  median {statistics.median(found):.2f}  max {max(found):.2f} s  (n {len(found)})"


if __name__ == "__main__":
    main()

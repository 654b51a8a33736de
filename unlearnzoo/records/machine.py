"""How fast the machine was, so that seconds of shared or different machines can be compared."""

import os
import time
from typing import Any

SIZE, REPEATS = 1024, 5


def calibration() -> dict[str, Any]:
    """Time a matrix product, which takes a few hundredths of a second.

    Returns:
        ``matmul_gflops`` (median, fp32, on the CPU), ``threads`` and ``cores``.
    """
    import torch

    a, b = torch.ones(SIZE, SIZE), torch.ones(SIZE, SIZE)
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - start)
    rate = 2 * SIZE**3 / sorted(seconds)[REPEATS // 2] / 1e9
    return {"matmul_gflops": round(rate, 1), "threads": torch.get_num_threads(), "cores": os.cpu_count()}

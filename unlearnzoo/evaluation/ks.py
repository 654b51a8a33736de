"""The two-sample Kolmogorov-Smirnov test with its exact p-value: are two models' scores alike?"""

from collections.abc import Sequence


def ks(a: Sequence[float], b: Sequence[float]) -> tuple[float, float]:
    """Return the statistic and the exact two-sided p-value of two samples.

    The statistic is the largest distance between the two empirical distributions. Its p-value is the
    share, among all ways to deal the pooled values to samples of these sizes, of those that give a
    distance at least as large: a random walk on a lattice that steps outside (Hodges, 1957, The
    significance probability of the Smirnov two-sample test), looked at only where equal values end
    (Schröer & Trenkler, 1995, Exact and randomization distributions of Kolmogorov-Smirnov tests), so
    that it holds with ties too. Sums of positive numbers alone: small p-values keep their digits. All
    ways to deal are as likely only where values are independent; where they are not, as with answers
    about one person or scores of the same questions by two models, p may be too small or too large.

    Args:
        a: at least one finite value.
        b: of the other sample; at least one finite value, too.

    Returns:
        Statistic in [0, 1], p-value in (0, 1]; as small as 1e-300.

    Raises:
        ValueError: a sample is empty.
    """
    import numpy as np

    m, n = len(a), len(b)
    if not m or not n:
        raise ValueError("a KS test needs two samples with at least one value each")
    pooled = np.concatenate([np.asarray(a, float), np.asarray(b, float)])
    order = np.argsort(pooled, kind="stable")
    ends = np.append(np.diff(pooled[order]) != 0, True)
    # Distances as whole numbers (i n - j m), so that "as large" is no matter of rounding.
    steps = np.where(order < m, n, -m).cumsum()
    largest = int(np.abs(steps[ends]).max())
    # chance[i]: of walks that got to i of a and k - i of b, the share that has been outside.
    chance = np.zeros(m + 1)
    i = np.arange(m + 1)
    for k in range(1, m + n + 1):
        j = k - i
        chance = (i * np.concatenate([[0.0], chance[:-1]]) + j * chance) / k
        chance[(j < 0) | (j > n)] = 0.0
        if ends[k - 1]:
            chance[(j >= 0) & (j <= n) & (np.abs(i * n - j * m) >= largest)] = 1.0
    return largest / (m * n), float(chance[m])
